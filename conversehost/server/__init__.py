"""The XMPP server: pure RFC 6120 and 6121. A stream becomes a session, a session's stanzas are routed."""
