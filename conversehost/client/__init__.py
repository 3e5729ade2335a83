"""XMPP as a client speaks it, over blocking sockets: for dialogues with any server."""
