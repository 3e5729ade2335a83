#!/bin/sh
# curl: sh prebind.sh https://chat.example/http-bind alice@chat.example PASSWORD
# PLAIN, so over TLS or to this machine only. The answer is what Converse.js wants of prebind_url.
set -eu
url=$1 name=${2%@*} domain=${2#*@} sid='' rid=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
ask() { # attributes, payload, what the answer must have
    rid=$((rid + 1))
    body="<body xmlns='http://jabber.org/protocol/httpbind' rid='$rid' ${sid:+sid='$sid'} $1>$2</body>"
    answer=$(curl -sS --fail --max-time 30 -H 'Content-Type: text/xml' --data-binary "$body" "$url")
    case $answer in *$3*) ;; *) echo "no $3 in $answer" >&2; exit 1 ;; esac
}
to="to='$domain' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh'"
ask "$to xmpp:version='1.0' ver='1.6' wait='60' hold='1'" '' mechanism
sid=$(printf %s "$answer" | sed -n "s/.*[ \"']sid=[\"']\([^\"']*\).*/\1/p")
plain=$(printf '\0%s\0%s' "$name" "$3" | openssl base64 -A)
ask '' "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>$plain</auth>" '<success'
ask "$to xmpp:restart='true'" '' xmpp-bind
ask '' "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>" '<jid>'
jid=$(printf %s "$answer" | sed 's/.*<jid>\([^<]*\).*/\1/')
printf '{"jid": "%s", "sid": "%s", "rid": %d}\n' "$jid" "$sid" $((rid + 1))
