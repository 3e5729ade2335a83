"""The adapters to Twisted: mostly without a reactor, on transports in memory or sockets served by hand."""
