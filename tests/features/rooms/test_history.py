"""XEP-0045 sections 7.2.13 and 7.2.14: what was said before."""

from __future__ import annotations

import pytest

from conversehost.features.rooms.config import LONGEST_HISTORY
from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes
from tests.features.rooms.visits import ROOM, administer, configure, enter
from tests.stage import Client


@pytest.fixture
def talk(owner: Client) -> Client:
    """Six messages, ten seconds apart, the last one ten seconds ago."""
    for number in range(1, 7):
        owner.say(ROOM, f"line {number}", type="groupchat", id=f"l{number}")
        owner.stage.clock.advance(10)
    return owner


def told(client: Client, history: str = "") -> list[str]:
    """The bodies of what one is told on entering; the subject comes last."""
    enter(client, "Feste", history)
    *said, last = client.take("message")
    assert last.find(f"{{{ns.CLIENT}}}subject") is not None
    return [each.text_of("body") for each in said]


def test_all_of_it_in_order_with_its_time(talk: Client, feste: Client):
    enter(feste, "Feste")
    first, *rest = feste.take("message")
    delay = first.find(f"{{{ns.DELAY}}}delay")
    assert delay is not None
    assert dict(delay.attrib) == {"from": ROOM, "stamp": "2023-11-14T22:13:20.000Z"}
    assert (first.get("from"), first.id, first.type, first.get("to")) == (
        f"{ROOM}/Olivia",
        "l1",
        "groupchat",
        feste.jid,
    )
    assert first.has(ns.OCCUPANT_ID, "occupant-id")
    assert [each.text_of("body") for each in rest[:-1]] == [f"line {number}" for number in range(2, 7)]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("maxstanzas='2'", 2),
        ("maxstanzas='0'", 0),
        ("maxchars='0'", 0),
        ("seconds='25'", 2),
        ("since='2023-11-14T22:13:45Z'", 3),
        ("since='2023-11-14T23:13:45+01:00'", 3),
        ("since='2023-11-14T22:13:45Z' maxstanzas='2'", 2),
        ("seconds='35' maxstanzas='5'", 3),
        ("seconds='soon' maxstanzas='-1' since='2023'", 6),
        ("", 6),
    ],
)
def test_as_much_as_is_asked_for(talk: Client, feste: Client, asked: str, count: int):
    """Section 7.2.14: the smallest amount of all, the latest ones."""
    wanted = [f"line {number}" for number in range(1, 7)]
    assert told(feste, f"<history {asked}/>") == wanted[6 - count :]


def test_characters_are_those_of_whole_stanzas(talk: Client, feste: Client):
    """Section 7.2.14."""
    enter(feste, "Feste")
    size = len(to_bytes(feste.take("message")[-2]))
    feste.presence("unavailable", to=f"{ROOM}/Feste")
    assert told(feste, f"<history maxchars='{2 * size}'/>") == ["line 5", "line 6"]
    feste.presence("unavailable", to=f"{ROOM}/Feste")
    assert told(feste, f"<history maxchars='{2 * size - 1}'/>") == ["line 6"]


def test_no_more_than_the_room_tells(talk: Client, feste: Client):
    configure(talk, {"muc#maxhistoryfetch": "3"})
    assert told(feste, "<history maxstanzas='5'/>") == ["line 4", "line 5", "line 6"]


def test_the_room_forgets(owner: Client, feste: Client):
    configure(owner, {"muc#maxhistoryfetch": str(LONGEST_HISTORY)})
    for number in range(LONGEST_HISTORY + 5):
        owner.say(ROOM, f"{number}", type="groupchat")
    assert told(feste) == [f"{number}" for number in range(5, LONGEST_HISTORY + 5)]


def test_states_are_no_history(owner: Client, feste: Client):
    owner.write(f"<message to='{ROOM}' type='groupchat'><composing xmlns='{ns.CHAT_STATES}'/></message>")
    assert told(feste) == []


def test_what_was_refused_is_no_history(owner: Client, viola: Client, feste: Client):
    administer(owner, "nick='Viola' role='visitor'")
    viola.say(ROOM, type="groupchat")
    assert told(feste) == []


def test_a_chat_that_became_a_room_keeps_its_times(owner: Client, feste: Client):
    """Section 7.9."""
    owner.write(
        f"<message to='{ROOM}' type='groupchat'><body>before</body>"
        f"<delay xmlns='{ns.DELAY}' from='feste@localhost/x' stamp='2004-09-29T01:54:37Z'/></message>"
    )
    enter(feste, "Feste")
    (delay,) = feste.take("message")[0].iter(f"{{{ns.DELAY}}}delay")
    assert delay.get("stamp") == "2004-09-29T01:54:37Z"
