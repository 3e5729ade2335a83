"""Who is in a room: living state, gone with its sessions."""

from __future__ import annotations

from collections.abc import Iterator

from conversehost.features.rooms.standing import Affiliation, Role, Standing
from conversehost.features.rooms.views import View
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza


class Occupant:
    """Somebody in a room, by a nick; with several clients, if he likes (XEP-0045 section 7.2.8).

    `clients` are full addresses, each with the last presence from it; `shown` is the one whose presence all see, in the
    `view` of it. `visible`: others have been shown that he is here.
    """

    __slots__ = ("account", "affiliation", "clients", "id", "nick", "role", "shown", "view", "visible")

    def __init__(self, nick: str, account: JID, standing: Standing, id: str) -> None:
        self.nick = nick
        self.account = account
        self.affiliation = standing.affiliation
        self.role = standing.role
        self.id = id
        self.clients: dict[JID, Stanza] = {}
        self.shown: JID | None = None
        self.view: View | None = None
        self.visible = False

    @property
    def standing(self) -> Standing:
        """What he is to the room, and in it."""
        return Standing(self.affiliation, self.role)

    def is_(self, role: Role = Role.NONE, affiliation: Affiliation = Affiliation.OUTCAST) -> bool:
        """Whether he is that at least."""
        return self.role >= role and self.affiliation >= affiliation


class Crowd:
    """The occupants of one room, by nick and by client."""

    __slots__ = ("by_client", "by_nick")

    def __init__(self) -> None:
        self.by_nick: dict[str, Occupant] = {}
        self.by_client: dict[JID, Occupant] = {}

    def __len__(self) -> int:
        return len(self.by_nick)

    def __iter__(self) -> Iterator[Occupant]:
        """In order of entry; they may come and go meanwhile."""
        return iter(tuple(self.by_nick.values()))

    def clients(self) -> tuple[JID, ...]:
        """Everybody's."""
        return tuple(self.by_client)

    def of_account(self, account: JID) -> list[Occupant]:
        """Those of an account (a bare JID), under whatever nick."""
        return [each for each in self if each.account == account]

    def covered_by(self, address: JID) -> list[Occupant]:
        """The same for an account or a whole domain."""
        return [each for each in self if address.covers(each.account)]

    def add(self, occupant: Occupant, client: JID, presence: Stanza) -> None:
        """One more client; the occupant's first brings himself."""
        self.by_nick[occupant.nick] = occupant
        self.by_client[client] = occupant
        occupant.clients[client] = presence
        occupant.shown = client

    def remove(self, client: JID) -> Occupant | None:
        """A client leaves; its occupant, who is gone when it was his last one. None when it wasn't here."""
        occupant = self.by_client.pop(client, None)
        if occupant is None:
            return None
        del occupant.clients[client]
        if not occupant.clients:
            del self.by_nick[occupant.nick]
        elif occupant.shown == client:
            occupant.shown = next(reversed(occupant.clients))
        return occupant
