"""A client's stream to a server elsewhere, and where that server is: without sockets."""
