"""Stream management from the client's side (XEP-0198): what has come, and whose answer an answer is."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

_ENABLED, _ASKED, _ANSWER = (f"{{{ns.SM}}}{name}" for name in ("enabled", "r", "a"))


class Management:
    """Counts once the server says that it does. `id` is what a session is resumed by; "" for one that isn't."""

    def __init__(self) -> None:
        self.id = ""
        self.is_enabled = False
        self._received = 0
        self._questions = 0  # of the user; the answers are for the user

    def sent(self, stanza: Element) -> None:
        """Something that isn't ours leaves."""
        self._questions += stanza.tag == _ASKED

    def came(self, got: Element) -> None:
        """Something is looked at for the first time."""
        if got.tag == _ENABLED:
            self.is_enabled, self.id, self._received = True, got.get("id", ""), 0
        elif isinstance(got, Stanza):
            self._received += 1

    def is_question(self, got: Element) -> bool:
        """The server asks what has come: `answer` says it."""
        return self.is_enabled and got.tag == _ASKED

    def is_ours(self, got: Element) -> bool:
        """Whether that answers a question that was ours: they are answered in order, the user's first."""
        if got.tag != _ANSWER:
            return False
        self._questions -= 1
        return self._questions < 0

    def question(self) -> Element:
        """What the server answers once it has handled all that came before."""
        return element(ns.SM, "r")

    def answer(self) -> Element:
        """How much has come."""
        return element(ns.SM, "a", {"h": str(self._received)})

    def resume(self) -> Element:
        """To be sent on another stream, once that is logged in."""
        return element(ns.SM, "resume", {"previd": self.id, "h": str(self._received)})
