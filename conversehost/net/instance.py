"""Which of several processes this is, for the proxy in front of them: a cookie (RFC 6265) that it goes by.

A BOSH session lives in one process, so all its requests must reach that one.
"""

from __future__ import annotations

from conversehost.net.exchange import HttpExchange

COOKIE = b"conversehost_instance"


class Instance:
    """By name. The cookie ends with the browser's session, and goes along where pages of the same site ask."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()

    def fields(self, exchange: HttpExchange, code: int) -> bytes:
        """What an answer has to say of it: nothing where the client knows. Who is turned away is let go."""
        known = exchange.cookie(COOKIE)
        if code == 503:
            return b"" if known is None else self._field(exchange, b"", b"; Max-Age=0")
        return b"" if known == self._name else self._field(exchange, self._name, b"")

    def _field(self, exchange: HttpExchange, value: bytes, age: bytes) -> bytes:
        secure = b"; Secure" if exchange.secure else b""
        return b"Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Lax%s%s\r\n" % (COOKIE, value, secure, age)
