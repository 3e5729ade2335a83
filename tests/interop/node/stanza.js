// stanza, told what to do by stage.js.
import { createClient } from "stanza";
import BOSH from "stanza/transports/bosh.js";
import { serve } from "./stage.js";

const TOLD = ["connected", "auth:failed", "auth:success", "streamError", "bosh:terminate", "stream:end"];
const ROSTER = ["jid", "name", "subscription", "groups"];

class Person {
  constructor(tell) {
    this.tell = tell;
  }

  prepare({ service, mechanism, returns = false, resumes = false, ...options }) {
    const transports = { [service.startsWith("ws") ? "websocket" : "bosh"]: service };
    // As it leaves, its stream management still writes: over WebSocket that is an error that nobody catches, and over
    // BOSH it waits for ever until that is sent.
    const manners = { autoReconnect: returns, maxReconnectBackoff: 0.001, useStreamManagement: resumes };
    this.resumes = resumes;
    const client = createClient({ transports, ...manners, ...options });
    this.client = client;
    const others = client.sasl.mechanisms.filter(({ name }) => mechanism && name !== mechanism);
    others.forEach(({ name }) => client.sasl.disable(name));
    TOLD.forEach((name) => client.on(name, (what) => this.told(name, what)));
    client.on("session:started", () => this.tell("online", { jid: client.jid }));
    client.on("disconnected", () => this.tell("offline"));
    client.on("presence", ({ from, type = "available" }) => this.tell("presence", { from, type }));
    client.on("message", ({ from, body }) => body && this.tell("message", { from, body }));
  }

  connect(order) {
    this.prepare(order);
    this.client.connect();
  }

  // stanza's BOSH can take up a session that is there, and has it told by its transport's `discoverBindings`.
  attach({ service, jid, sid, rid }) {
    this.prepare({ service, jid, transports: { bosh: true } });
    this.client.transports.bosh = class extends BOSH.default {
      authenticated = true;
      discoverBindings = async () => ({ url: service, jid, sid, rid });
    };
    this.client.connect();
  }

  told(name, what) {
    this.tell("told", { words: [name, what?.condition].filter(Boolean).join(" ") });
  }

  say({ to, body }) {
    this.client.sendMessage({ to, body, type: "chat" });
  }

  present() {
    this.client.sendPresence();
  }

  async roster() {
    const { items } = await this.client.getRoster();
    this.tell("roster", { items: items.map((item) => Object.fromEntries(ROSTER.map((name) => [name, item[name]]))) });
  }

  leave() {
    if (this.resumes) this.client.transport?.disconnect(false);
    else this.client.disconnect();
  }
}

serve(Person);
