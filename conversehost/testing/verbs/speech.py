"""What somebody says, logged in or not."""

from __future__ import annotations

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import User, named


class SpeechVerbs:
    """Messages, and any other stanza."""

    @verb
    def message(self, sender: User | str, to: User | str, body: str, type: str = "chat") -> Steps[str]:
        """A message from an account, or from the full JID of a client that is logged in; the id that it has."""
        fields = {"from": named(sender), "to": named(to), "body": body, "type": type}
        sent: str = (yield Call("POST", "messages", fields))["id"]
        return sent

    @verb
    def stanza(self, sender: User | str, xml: str) -> Steps[list[str]]:
        """Any stanza from an account, or from the full JID of a client that is logged in; what an account is answered
        at once, such as the result of an iq.
        """
        answers: list[str] = (yield Call("POST", "stanzas", {"from": named(sender), "xml": xml}))["answers"]
        return answers
