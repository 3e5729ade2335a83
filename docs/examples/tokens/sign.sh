#!/bin/sh
# A shell with openssl: sh sign.sh alice@chat.example KEY [KID]
url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
claims=$(printf '{"jid":"%s","aud":"xmpp","exp":%d,"nonce":"%s"}' "$1" $(($(date +%s) + 60)) "$(openssl rand -hex 16)")
signed="ch1.${3:-1}.$(printf %s "$claims" | url)"
echo "$signed.$(printf %s "$signed" | openssl dgst -sha256 -hmac "$2" -binary | url)"
