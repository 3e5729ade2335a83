"""`/accounts/{jid}/blocked`: whom somebody has blocked, and what they said of them (XEP-0191, XEP-0377)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from conversehost.testbed.noun import Fields, Noun, Reply, Verb, World
from conversehost.xmpp.times import stamp


class Blocked(Noun):
    """Of one account."""

    def __init__(self, world: World, account: str) -> None:
        super().__init__(world)
        self._account = account

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """The addresses, and the reports of spam and abuse, the oldest first."""
        account = self.world.existing(self._account, "jid")
        store = self.world.hosts[account.domain].store
        reports = [asdict(each) | {"at": stamp(each.at)} for each in store.items("reports", account.bare).values()]
        return Reply({"blocked": list(store.items("blocked", account.bare)), "reports": reports})
