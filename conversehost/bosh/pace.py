"""How fast a client may ask (XEP-0124 sections 11 and 12)."""

from __future__ import annotations

from conversehost.bosh.body import Body, BodyError
from conversehost.bosh.terms import Terms


class Pace:
    """When the last new request came, and whether nothing was said with it, nor with the answer to it."""

    __slots__ = ("_came", "_empty", "_terms", "answered_empty")

    def __init__(self, terms: Terms) -> None:
        self.answered_empty = False
        self._terms = terms
        self._came = float("-inf")
        self._empty = False

    def check(self, body: Body, came: float, open_requests: int) -> None:
        """A new request in the order of rids; `open_requests` are unanswered before it.

        Raises BodyError(policy-violation).
        """
        terms = self._terms
        empty = not (body.payload or body.content or is_special(body))
        if empty and abs(came - self._came) < terms.polling:  # one that waited for a gap came before that
            if not terms.polls and open_requests >= terms.hold:
                raise BodyError("policy-violation", f"{terms.requests} requests open, the last one empty and too soon")
            if terms.polls and self._empty and self.answered_empty:
                raise BodyError("policy-violation", f"polled twice within {terms.polling} seconds")
        self._came, self._empty = came, empty

    def check_number(self, body: Body, open_requests: int) -> None:
        """No more at once than agreed; one more that pauses or ends the session. Raises BodyError(policy-violation)."""
        most = self._terms.requests + leaves(body)
        if open_requests >= most:
            raise BodyError("policy-violation", f"more than {self._terms.requests} requests open")


def leaves(body: Body) -> bool:
    """It asks for a pause, or for the end."""
    return body.get("pause") is not None or body.get("type") == "terminate"


def is_special(body: Body) -> bool:
    """It says something, even without payload: also a restart, or one stream more."""
    return len(body.attributes) > 2 and (leaves(body) or body.restart or body.get("to") is not None)
