#!/bin/sh
# A test in any language: this one needs curl alone. Run it by: conversehost run -- sh chat.sh
set -eu

call() { # METHOD PATH [JSON]
    curl -sS --fail-with-body -X "$1" -H "Content-Type: application/json" ${3:+-d "$3"} "$CONVERSEHOST_API/$2"
}

call POST reset
call POST accounts '{"jid": "zoe", "password": "secret", "friends": ["alice"]}' | grep '"jid": *"zoe@localhost"'

# What shall be said, what is done, and whether it was said. Zoe isn't there, so the message waits for her.
call POST messages '{"from": "alice", "to": "zoe", "body": "are you there?"}' | grep '"id"'
session=$(curl -sS -d "<body xmlns='http://jabber.org/protocol/httpbind' to='$CONVERSEHOST_DOMAIN' rid='1' wait='1'
    xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>" "$CONVERSEHOST_HTTP_BIND")
echo "$session" | grep "SCRAM-SHA-256"

# Time is turned: the session has nobody left, and is gone.
call POST clock '{"advance": 3600}' | grep '"now"'
call GET sessions | grep '"sessions": *\[\]'
echo "all is well"
