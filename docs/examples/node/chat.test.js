// A bot, tested against a real server: npm test, which is `conversehost run -- node --test`.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { client, xml } from "@xmpp/client";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // Node has one of its own from version 22 on

const { CONVERSEHOST_API: api, CONVERSEHOST_WEBSOCKET: service, CONVERSEHOST_DOMAIN: domain } = process.env;
let bot;

async function call(method, path, fields) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${api}/${path}`, { method, headers, body: fields && JSON.stringify(fields) });
  const answer = response.status === 204 ? null : await response.json();
  assert.ok(response.ok, answer?.error?.message);
  return answer;
}

beforeEach(async () => {
  await call("POST", "reset");
  const { jid, password } = await call("POST", "accounts", { jid: "bot", friends: ["alice"] });
  bot = client({ service, domain, username: jid.split("@")[0], password });
  bot.on("error", () => {}); // what goes wrong is what the tests look at
  bot.on("online", () => bot.send(xml("presence")));
  bot.on("stanza", (stanza) => {
    const body = stanza.is("message") && stanza.getChildText("body");
    if (body) bot.send(xml("message", { to: stanza.attrs.from, type: "chat" }, xml("body", {}, body.toUpperCase())));
  });
  await bot.start();
});

afterEach(() => bot.stop());

// Said to the bot; the answer comes within some seconds, or the call fails and tells what came nearest.
async function answers(question, answer) {
  await call("POST", "messages", { from: "alice", to: "bot", body: question });
  await call("POST", "traffic/wait", { xpath: `message[body='${answer}']`, account: "bot", direction: "in", timeout: 20 });
}

test("it answers", () => answers("hello", "HELLO"));

test("it comes back when its connection breaks", async () => {
  await answers("hello", "HELLO");
  await call("DELETE", "sessions?account=bot", { condition: "system-shutdown" });
  await answers("still there?", "STILL THERE?");
});
