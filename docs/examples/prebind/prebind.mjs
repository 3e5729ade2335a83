// Node: node prebind.mjs https://chat.example/http-bind alice@chat.example PASSWORD [RESOURCE]
// PLAIN, so over TLS or to this machine only. The answer is what Converse.js wants of prebind_url.
const BOSH = "http://jabber.org/protocol/httpbind";
const escape = (text) => text.replace(/[&<>'"]/g, (c) => `&#${c.charCodeAt(0)};`);

export async function prebind(url, jid, password, resource = "") {
  const [name, domain] = jid.split("@");
  let rid = Math.floor(Math.random() * 2 ** 32);
  let sid = "";
  async function ask(attributes, payload, wanted) {
    for (let n = 0; n < 20; n++, payload = "", attributes = "") {
      const body = `<body xmlns='${BOSH}' rid='${++rid}' ${sid && `sid='${sid}'`} ${attributes}>${payload}</body>`;
      const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "text/xml" }, body });
      const text = await answer.text();
      sid ||= text.match(/\ssid=["']([^"']+)/)?.[1];
      if (wanted.test(text)) return text;
      if (!answer.ok || /<failure|type=["'](terminate|error)/.test(text)) throw new Error(text || answer.status);
    }
    throw new Error("the server answers, and says nothing");
  }
  const to = `to='${escape(domain)}' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh'`;
  await ask(`${to} xmpp:version='1.0' ver='1.6' wait='60' hold='1'`, "", /mechanism/);
  const plain = Buffer.from(`\0${name}\0${password}`).toString("base64");
  await ask("", `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`, /<success/);
  await ask(`${to} xmpp:restart='true'`, "", /xmpp-bind/);
  const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${resource && `<resource>${escape(resource)}</resource>`}</bind>`;
  const bound = await ask("", `<iq xmlns='jabber:client' type='set' id='b'>${bind}</iq>`, /<jid>/);
  return { jid: bound.match(/<jid>([^<]+)/)[1], sid, rid: rid + 1 };
}

console.log(JSON.stringify(await prebind(...process.argv.slice(2))));
