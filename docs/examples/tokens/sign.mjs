// Node: node sign.mjs alice@chat.example KEY [KID]
import { createHmac, randomBytes } from "node:crypto";

export function signToken(jid, key, kid = "1", lifetime = 60) {
  const claims = {
    jid,
    aud: "xmpp",
    exp: Math.floor(Date.now() / 1000) + lifetime,
    nonce: randomBytes(16).toString("hex"),
  };
  const signed = `ch1.${kid}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

console.log(signToken(...process.argv.slice(2)));
