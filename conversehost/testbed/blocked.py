"""`/accounts/{jid}/blocked`: whom somebody has blocked, and what they said of them (XEP-0191, XEP-0377)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from conversehost.testbed.fields import Fields
from conversehost.testbed.noun import MISSING, Noun, Reply, Verb, World
from conversehost.testbed.shapes import Shape, listed, text, time
from conversehost.xmpp.times import stamp

REPORT = Shape(
    "Report",
    "Somebody was reported for spam or abuse.",
    {
        "jid": text("who was reported"),
        "reason": text("urn:xmpp:reporting:spam or urn:xmpp:reporting:abuse"),
        "text": text("in the reporter's words"),
        "messages": listed(text(), "ids of some that prove it"),
        "at": time("when"),
    },
)
BLOCKED = Shape(
    "Blocked",
    "Whom an account has blocked.",
    {"blocked": listed(text(), "addresses: of accounts, of sessions, of whole domains"), "reports": listed(REPORT)},
)


class Blocked(Noun):
    """Of one account."""

    def __init__(self, world: World, account: str) -> None:
        super().__init__(world)
        self._account = account

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read, answer=BLOCKED, errors=MISSING)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """Whom the account has blocked, and its reports of spam and abuse, the oldest first."""
        account = self.world.existing(self._account, "jid")
        store = self.world.hosts[account.domain].store
        reports = [asdict(each) | {"at": stamp(each.at)} for each in store.items("reports", account.bare).values()]
        return Reply({"blocked": list(store.items("blocked", account.bare)), "reports": reports})
