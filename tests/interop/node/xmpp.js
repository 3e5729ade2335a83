// @xmpp/client, told what to do by stage.js.
import { client, xml } from "@xmpp/client";
import WebSocket from "ws";
import { serve } from "./stage.js";

globalThis.WebSocket ??= WebSocket; // Node has one of its own from version 22 on

class Person {
  constructor(tell) {
    this.tell = tell;
  }

  connect({ service, jid, password, mechanism, returns = false }) {
    const [username, domain] = jid.split("@");
    const credentials = (authenticate, offered) =>
      authenticate({ username, password }, mechanism ? offered.find((each) => each === mechanism) : offered[0]);
    const entity = (this.entity = client({ service, domain, username, credentials, timeout: 20_000 }));
    entity.on("error", (error) => this.tell("told", { words: describe(error) }));
    entity.on("status", (status) => this.tell("told", { words: status }));
    entity.on("online", (address) => this.tell("online", { jid: address.toString() }));
    entity.on("disconnect", () => this.tell("offline"));
    entity.on("stanza", (stanza) => this.heard(stanza));
    entity.reconnect.delay = 1;
    if (!returns) entity.reconnect.stop();
    entity.start().catch((error) => this.tell("told", { words: describe(error) }));
  }

  heard(stanza) {
    const { from, type } = stanza.attrs;
    if (stanza.is("presence")) this.tell("presence", { from, type: type ?? "available" });
    const body = stanza.is("message") && stanza.getChildText("body");
    if (body) this.tell("message", { from, body });
  }

  say({ to, body }) {
    return this.entity.send(xml("message", { to, type: "chat" }, xml("body", {}, body)));
  }

  present() {
    return this.entity.send(xml("presence"));
  }

  async roster() {
    const query = await this.entity.iqCaller.get(xml("query", "jabber:iq:roster"));
    const items = query.getChildren("item").map(({ attrs: { jid, name, subscription }, ...item }) => ({
      jid,
      name,
      subscription,
      groups: item.children.map((group) => group.text()),
    }));
    this.tell("roster", { items });
  }

  async leave() {
    await this.entity.stop();
  }
}

function describe(error) {
  return [error.name, error.condition ?? error.message].join(" ");
}

// Over TLS it sometimes leaves the refusal, which it has told us of, to nobody as well; any other rejection is a fault.
process.on("unhandledRejection", (error) => {
  if (!["SASLError", "StreamError"].includes(error?.name)) throw error;
});

serve(Person);
