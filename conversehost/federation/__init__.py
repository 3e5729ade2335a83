"""Streams between servers (RFC 6120, XEP-0220), both ends, without sockets."""
