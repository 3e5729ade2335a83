"""The error that is for the operator; the two for the wire are in `conversehost.xmpp.errors`."""


class ConfigError(Exception):
    """A mistake in what the operator gave: shown as one line that says what to do, exit code 1."""
