"""BOSH: XEP-0124 and XEP-0206, pure. Knows requests and bodies, no HTTP, no sockets, no XMPP server."""
