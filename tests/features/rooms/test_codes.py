"""Every status code of XEP-0045 section 16.6 has a moment at which it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conversehost.xmpp import ns
from tests.features.rooms.visits import ROOM, administer, affiliate, clear, codes_in, configure
from tests.stage import Client, Stage


@dataclass
class Scene:
    """Olivia's garden, in which Viola is, and Feste isn't."""

    stage: Stage
    owner: Client
    viola: Client
    feste: Client

    def shut_down(self) -> None:
        for closing in self.stage.host.hooks.closing:
            closing()
        self.stage.turn.end()

    def enter_by_another_nick(self) -> None:
        administer(self.owner, "jid='feste@localhost' affiliation='member' nick='Fool'")
        configure(self.owner, {"x-muc#roomconfig_reservednick": "1"})
        self.feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")

    def expel(self) -> None:
        affiliate(self.owner, "viola", "member")
        self.configure(membersonly="1")
        clear(self.viola)
        affiliate(self.owner, "viola", "none")

    def configure(self, **settings: str) -> None:
        configure(self.owner, dict(settings))

    def configure_back(self, **settings: str) -> None:
        """That is how it was before."""
        self.configure(**settings)
        clear(self.viola)
        self.configure(enablelogging="0", whois="moderators")

    def come_in(self, **settings: str) -> None:
        self.configure(**settings)
        self.feste.write(f"<presence to='{ROOM}/Feste'><x xmlns='{ns.MUC}'/></presence>")


SENT: dict[int, tuple[str, Callable[[Scene], object]]] = {
    100: ("feste", lambda scene: scene.come_in(whois="anyone")),
    101: ("feste", lambda scene: affiliate(scene.owner, "feste", "admin")),
    104: ("viola", lambda scene: scene.configure(roomname="Garden")),
    110: ("feste", lambda scene: scene.come_in()),
    170: ("viola", lambda scene: scene.configure(enablelogging="1")),
    171: ("viola", lambda scene: scene.configure_back(enablelogging="1")),
    172: ("viola", lambda scene: scene.configure(whois="anyone")),
    173: ("viola", lambda scene: scene.configure_back(whois="anyone")),
    174: ("viola", lambda scene: scene.configure(whois="none")),
    201: ("feste", lambda scene: scene.feste.write(f"<presence to='x{ROOM}/F'><x xmlns='{ns.MUC}'/></presence>")),
    210: ("feste", lambda scene: scene.enter_by_another_nick()),
    301: ("viola", lambda scene: affiliate(scene.owner, "viola", "outcast")),
    303: ("owner", lambda scene: scene.viola.available(to=f"{ROOM}/Cesario")),
    307: ("viola", lambda scene: administer(scene.owner, "nick='Viola' role='none'")),
    321: ("viola", lambda scene: scene.expel()),
    322: ("viola", lambda scene: scene.configure(membersonly="1")),
    332: ("viola", lambda scene: scene.shut_down()),
    333: ("feste", lambda scene: scene.feste.available(to=f"{ROOM}/Feste")),
}
"""Who is sent it, and by what. 174 was one in earlier versions, and clients know it."""

NEVER_SENT = {102, 103}
"""The standard only has them in its registry: nothing in it makes a room show unavailable members."""

REGISTERED = {*range(100, 105), 110, *range(170, 174), 201, 210, 301, 303, 307, 321, 322, 332, 333}


@pytest.mark.parametrize("code", SENT)
def test_when_it_is_sent(stage: Stage, owner: Client, viola: Client, feste: Client, code: int):
    who, happens = SENT[code]
    happens(Scene(stage, owner, viola, feste))
    client = {"owner": owner, "viola": viola, "feste": feste}[who]
    told = [codes_in(x) for each in client.take() for x in each.iter(f"{{{ns.MUC_USER}}}x")]
    assert any(code in each for each in told), told


def test_all_of_them_are_there():
    assert set(SENT) | NEVER_SENT == REGISTERED | {174}
