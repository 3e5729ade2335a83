"""SCRAM as a server sees it: bytes in, bytes out (RFC 5802). Imported when somebody logs in by it."""

from __future__ import annotations

from collections.abc import Callable

from scramp import ScramException, ScramMechanism

from conversehost.xmpp.sasl import SASLError, ScramKeys, utf8


class Scram:
    """A SCRAM exchange (RFC 5802): `first`, then `final`. `keys(username, mechanism)` looks the account up."""

    def __init__(self, mechanism: str, keys: Callable[[str, str], ScramKeys]) -> None:
        self.username = ""

        def look_up(username: str) -> ScramKeys:
            self.username = username
            return keys(username, mechanism)

        self._server = ScramMechanism(mechanism).make_server(look_up)

    def first(self, message: bytes) -> bytes:
        """client-first -> server-first. Raises SASLError, and whatever `keys` raises."""
        text = utf8(message)
        if text.startswith(("n,a=", "y,a=")):
            raise SASLError("invalid-authzid", "SCRAM with an authorization identity isn't supported")
        try:
            self._server.set_client_first(text)
            answer: str = self._server.get_server_first()
        except ScramException as error:
            if _meaning(error) == "no-resources" and error.__cause__ is not None:
                raise error.__cause__ from None
            raise SASLError("malformed-request", str(error)) from None
        return answer.encode()

    def final(self, message: bytes) -> bytes:
        """client-final -> server-final; they are `username` then. Raises SASLError."""
        try:
            self._server.set_client_final(utf8(message))
            answer: str = self._server.get_server_final()
        except ScramException as error:
            wrong = _meaning(error) == "invalid-proof"
            raise SASLError("not-authorized" if wrong else "malformed-request") from None
        return answer.encode()


def _meaning(error: ScramException) -> str:
    """The server-error-value of RFC 5802 section 7; "" when the error is none of these."""
    return "" if error.server_error is None else str(error.server_error.value)
