// strophe.js, told what to do by stage.js. Its package brings a DOM and a WebSocket for Node, as its README documents;
// what BOSH needs beside them is made here of xhr2. sessionStorage lives as long as the process does, as in a tab.
import XMLHttpRequest from "xhr2";
import { Strophe, $build, $iq, $msg, $pres } from "strophe.js";
import { serve } from "./stage.js";

const STATUS = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));
const ONLINE = ["CONNECTED", "ATTACHED"];
const stored = new Map();

globalThis.XMLHttpRequest = class extends XMLHttpRequest {
  get responseXML() {
    return this.responseText ? new DOMParser().parseFromString(this.responseText, "text/xml") : null;
  }
};
globalThis.sessionStorage = {
  getItem: (name) => stored.get(name) ?? null,
  setItem: (name, value) => stored.set(name, String(value)),
  removeItem: (name) => stored.delete(name),
};
Strophe.setLogLevel(Strophe.LogLevel.FATAL);

class Person {
  constructor(tell) {
    this.tell = tell;
    this.status = (number, condition, element) => this.changed(STATUS[number], condition, element);
  }

  prepare({ service, mechanism, keepalive = false }) {
    const mechanisms = Object.values(new Strophe.Connection(service).mechanisms).map((each) => each.constructor);
    const wanted = mechanisms.filter((Each) => !mechanism || new Each().mechname === mechanism);
    this.connection = new Strophe.Connection(service, { keepalive, mechanisms: wanted });
  }

  connect(order) {
    this.order = order;
    this.prepare(order);
    this.connection.connect(order.jid, order.password, this.status);
  }

  attach({ jid, sid, rid, ...order }) {
    this.prepare(order);
    this.connection.attach(jid, sid, rid, this.status);
  }

  // A page is left: its requests are cut, and nothing of it remains but sessionStorage.
  unload() {
    const { connection } = this;
    connection.connect_callback = null;
    connection.connected = false;
    clearTimeout(connection._idleTimeout);
    connection._proto._abortAllRequests();
    this.tell("unloaded");
  }

  restore({ jid, ...order }) {
    this.prepare(order);
    try {
      this.connection.restore(jid, this.status);
    } catch (error) {
      this.tell("told", { words: error.name });
    }
  }

  changed(status, condition, element) {
    const words = [status, condition ?? element?.firstChild?.nodeName].filter(Boolean).join(" ");
    this.tell("told", { words });
    if (ONLINE.includes(status)) this.arrived(this.connection.jid);
    if (status !== "DISCONNECTED") return;
    this.tell("offline");
    if (this.order?.returns) setImmediate(() => this.connect(this.order)); // by hand, as its users do
  }

  arrived(jid) {
    const listen = (name, call) => this.connection.addHandler((stanza) => call(stanza) ?? true, null, name);
    listen("message", (stanza) => this.heard(stanza));
    listen("presence", (stanza) => {
      this.tell("presence", { from: stanza.getAttribute("from"), type: stanza.getAttribute("type") ?? "available" });
    });
    this.tell("online", { jid });
  }

  heard(stanza) {
    const [body] = stanza.getElementsByTagName("body");
    if (body) this.tell("message", { from: stanza.getAttribute("from"), body: body.textContent });
  }

  say({ to, body }) {
    this.connection.send($msg({ to, type: "chat" }).c("body").t(body));
  }

  present() {
    this.connection.send($pres());
  }

  roster() {
    this.connection.sendIQ($iq({ type: "get" }).c("query", { xmlns: Strophe.NS.ROSTER }), (answer) => {
      const items = Array.from(answer.getElementsByTagName("item"), (item) => ({
        jid: item.getAttribute("jid"),
        name: item.getAttribute("name"),
        subscription: item.getAttribute("subscription"),
        groups: Array.from(item.getElementsByTagName("group"), (group) => group.textContent),
      }));
      this.tell("roster", { items });
    });
  }

  // Strophe's own pause: it holds its requests back.
  sayTogether({ to, bodies }) {
    this.connection.rawOutput = (data) => this.tell("sent", { stanzas: data.split("<message ").length - 1 });
    this.connection.pause();
    bodies.forEach((body) => this.say({ to, body }));
    this.connection.flush();
    this.resume();
  }

  // XEP-0124 section 10, for which Strophe has no call: its next body says `pause`, and it holds back what would follow.
  pause({ seconds }) {
    const { connection } = this;
    const { _buildBody, _requests } = connection._proto;
    connection._proto._buildBody = function () {
      delete this._buildBody;
      return _buildBody.call(this).attrs({ pause: seconds });
    };
    connection.rawInput = () => _requests.length === 0 && this.tell("paused");
    connection._data.push(null);
    connection.flush();
    connection.pause();
  }

  resume() {
    this.connection.resume();
    this.connection.flush();
  }

  leave() {
    this.order = null;
    this.connection.disconnect();
  }
}

serve(Person);
