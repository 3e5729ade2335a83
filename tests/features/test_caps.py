"""XEP-0115: what clients can, known to the server; and what the server can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conversehost.features import caps
from conversehost.server.queries import PATIENCE
from conversehost.xmpp import ns
from conversehost.xmpp.capabilities import read_capabilities
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import parse
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

FEATURES = ("urn:a", "urn:b", "urn:b+notify")
NODE = "https://client.example"


def described(*features: str) -> str:
    """What a client answers."""
    told = "".join(f"<feature var='{each}'/>" for each in features)
    return f"<query xmlns='{ns.DISCO_INFO}'><identity category='client' type='pc'/>{told}</query>"


def version(*features: str, hash: str = "sha-1") -> str:
    return read_capabilities(parse(described(*features).encode())).verification(hash)


def show(client: Client, ver: str, hash: str | None = "sha-1", to: str = "") -> None:
    """Presence with capabilities."""
    written = f" hash='{hash}'" if hash is not None else ""
    address = f" to='{to}'" if to else ""
    client.write(f"<presence{address}><c xmlns='{ns.CAPS}' node='{NODE}' ver='{ver}'{written}/></presence>")


def asked(client: Client) -> list[Stanza]:
    """The questions that have come."""
    return [each for each in client.take("iq") if each.type == "get"]


def answer(client: Client, *features: str) -> str | None:
    """The one question that has come, answered; the node that it was about."""
    (question,) = asked(client)
    client.write(f"<iq type='result' to='localhost' id='{question.id}'>{described(*features)}</iq>")
    return question[0].get("node")


def known(client: Client) -> set[str]:
    return set(client.stage.host.clients.features(client.session))


@pytest.fixture
def learned(stage: Stage) -> list[tuple[str, set[str]]]:
    found: list[tuple[str, set[str]]] = []
    stage.host.hooks.learned.append(lambda session, features: found.append((session.full, set(features))))
    return found


def test_a_client_is_asked_what_it_can(mercutio: Client, learned: Sequence[object]):
    show(mercutio, version(*FEATURES))
    assert known(mercutio) == set()
    assert answer(mercutio, *FEATURES) == f"{NODE}#{version(*FEATURES)}"
    assert known(mercutio) == set(FEATURES)
    assert learned == [(mercutio.jid, set(FEATURES))]


def test_it_is_asked_once(mercutio: Client):
    for _ in range(3):
        show(mercutio, version(*FEATURES))
    answer(mercutio, *FEATURES)
    show(mercutio, version(*FEATURES))
    mercutio.available()  # which says nothing of it, and so nothing new
    assert asked(mercutio) == []
    assert known(mercutio) == set(FEATURES)


def test_others_that_say_the_same_are_not_asked(stage: Stage, romeo: Client, juliet: Client, learned: list[object]):
    show(romeo, version(*FEATURES))
    show(juliet, version(*FEATURES))
    answer(romeo, *FEATURES)
    mercutio = stage.login("mercutio")
    show(mercutio, version(*FEATURES))
    assert asked(juliet) == asked(mercutio) == []
    assert known(romeo) == known(juliet) == known(mercutio) == set(FEATURES)
    assert len(learned) == 3


def test_without_capabilities_nobody_is_asked(mercutio: Client):
    mercutio.available()
    mercutio.write(f"<presence><c xmlns='{ns.CAPS}'/></presence>")
    assert asked(mercutio) == []
    assert known(mercutio) == set()


def test_presence_for_one_says_nothing_to_the_server(mercutio: Client, juliet: Client):
    show(mercutio, version(*FEATURES), to=juliet.bare)
    assert asked(mercutio) == []


def test_a_client_that_changes_is_asked_again(mercutio: Client, learned: list[tuple[str, set[str]]]):
    show(mercutio, version(*FEATURES))
    answer(mercutio, *FEATURES)
    show(mercutio, version("urn:a", "urn:c"))
    assert known(mercutio) == set(FEATURES)
    answer(mercutio, "urn:a", "urn:c")
    assert known(mercutio) == {"urn:a", "urn:c"}
    assert [new for _, new in learned] == [set(FEATURES), {"urn:c"}]


def test_an_answer_that_came_too_late_is_not_what_it_says_now(mercutio: Client):
    show(mercutio, version(*FEATURES))
    (question,) = asked(mercutio)
    show(mercutio, version("urn:c"))
    mercutio.write(f"<iq type='result' to='localhost' id='{question.id}'>{described(*FEATURES)}</iq>")
    assert known(mercutio) == set()
    answer(mercutio, "urn:c")
    assert known(mercutio) == {"urn:c"}


def test_who_lies_is_believed_only_of_themselves(romeo: Client, juliet: Client):
    """The hash must be right before others are taken to have the same."""
    for client in (romeo, juliet):
        show(client, version(*FEATURES))
    answer(romeo, "urn:evil")
    assert known(romeo) == {"urn:evil"}
    assert known(juliet) == set()
    answer(juliet, *FEATURES)
    assert known(juliet) == set(FEATURES)
    assert known(romeo) == {"urn:evil"}


@pytest.mark.parametrize("end", ["drop", "silence", "error", "something else", "doubled", "too much"])
def test_when_the_one_does_not_answer_the_next_is_asked(romeo: Client, juliet: Client, end: str):
    for client in (romeo, juliet):
        show(client, version(*FEATURES))
    (question,) = asked(romeo)
    head = f"<iq to='localhost' id='{question.id}' type="
    many = described(*(f"urn:{number}:{'x' * 1_000}" for number in range(25)))
    {
        "drop": romeo.drop,
        "silence": lambda: romeo.stage.clock.advance(PATIENCE),
        "error": lambda: romeo.write(f"{head}'error'/>"),
        "something else": lambda: romeo.write(f"{head}'result'><query xmlns='urn:x'/></iq>"),
        "doubled": lambda: romeo.write(f"{head}'result'>{described(*FEATURES, *FEATURES)}</iq>"),
        "too much": lambda: romeo.write(f"{head}'result'>{many}</iq>"),
    }[end]()
    romeo.stage.turn.end()
    answer(juliet, *FEATURES)
    assert known(juliet) == set(FEATURES)


@pytest.mark.parametrize("hash", [None, "md2", ""])
def test_what_cannot_be_verified_counts_for_one(romeo: Client, juliet: Client, hash: str | None):
    show(romeo, "1.0", hash)
    answer(romeo, *FEATURES)
    show(juliet, "1.0", hash)
    assert known(romeo) == set(FEATURES)
    assert known(juliet) == set()
    answer(juliet, "urn:c")
    assert known(juliet) == {"urn:c"}


def test_another_hash_function(mercutio: Client, romeo: Client):
    for client in (mercutio, romeo):
        show(client, version(*FEATURES, hash="sha-256"), "sha-256")
    answer(mercutio, *FEATURES)
    assert known(romeo) == set(FEATURES)


def test_only_so_many_versions_are_remembered(mercutio: Client, romeo: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(caps, "KNOWN", 2)
    for name in ("a", "b", "a", "c"):
        show(mercutio, version(name))
        if name not in known(mercutio) and asked_again(mercutio):
            answer(mercutio, name)
    show(romeo, version("a"))
    assert asked(romeo) == []
    show(romeo, version("b"))
    assert len(asked(romeo)) == 1


def asked_again(client: Client) -> bool:
    return any(each.get("type") == "get" for each in client.inbox)


def test_nothing_is_kept_of_a_session_that_is_gone(stage: Stage, mercutio: Client):
    show(mercutio, version(*FEATURES))
    answer(mercutio, *FEATURES)
    session = mercutio.session
    mercutio.drop()
    assert set(stage.host.clients.features(session)) == set()


def test_without_the_feature_nothing_is_known(make_stage):
    mercutio = make_stage(disabled=["caps"]).login("mercutio")
    show(mercutio, version(*FEATURES))
    assert asked(mercutio) == []
    assert known(mercutio) == set()


# The server's own


def own(stage: Stage) -> dict[str, str]:
    """As in stream features."""
    (c,) = [each for hook in stage.host.hooks.stream_features for each in hook(True) if each.tag == f"{{{ns.CAPS}}}c"]
    return dict(c.attrib)


def test_stream_features_have_the_servers_own(stage: Stage, mercutio: Client):
    told = mercutio.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", "localhost")[0]
    assert own(stage) == {
        "hash": "sha-1",
        "node": "urn:conversehost",
        "ver": read_capabilities(told).verification("sha-1"),
    }
    assert ns.CAPS in read_capabilities(told).features


def test_not_before_one_has_logged_in(stage: Stage):
    before = [each.tag for hook in stage.host.hooks.stream_features for each in hook(False)]
    assert f"{{{ns.CAPS}}}c" not in before


def test_the_node_stands_for_what_the_server_can(stage: Stage, mercutio: Client):
    said = own(stage)
    node = f"{said['node']}#{said['ver']}"
    told = mercutio.ask("get", f"<query xmlns='{ns.DISCO_INFO}' node='{node}'/>", "localhost")[0]
    assert told.get("node") == node
    assert read_capabilities(told).verification("sha-1") == said["ver"]


def test_a_version_of_another_time_stands_for_nothing(stage: Stage, mercutio: Client):
    said = own(stage)
    stage.host.advertise("urn:x:new")
    assert own(stage)["ver"] != said["ver"]
    query = f"<query xmlns='{ns.DISCO_INFO}' node='{said['node']}#{said['ver']}'/>"
    assert condition(mercutio.ask("get", query, "localhost")) == "item-not-found"
    query = query.replace(said["ver"], own(stage)["ver"])
    assert condition(mercutio.ask("get", query, mercutio.bare)) == "item-not-found"


# Optimization (section 8.4)


def capable(presence: Stanza) -> str | None:
    found = presence.find(f"{{{ns.CAPS}}}c")
    return None if found is None else found.get("ver")


def test_who_knows_is_not_told_again(romeo: Client, juliet: Client):
    show(romeo, "v1")
    assert capable(juliet.only("presence")) == "v1"
    show(romeo, "v1")
    assert capable(juliet.only("presence")) is None
    assert [capable(each) for each in romeo.take("presence")] == ["v1", None]
    show(romeo, "v2")
    assert capable(juliet.only("presence")) == "v2"


def test_who_comes_later_is_told(stage: Stage, romeo: Client, juliet: Client):
    show(romeo, "v1")
    show(romeo, "v1")
    late = stage.connect("juliet", "late")
    late.available()
    told = {each.get("from"): capable(each) for each in late.take("presence")}
    assert told["romeo@localhost/orchard"] == "v1"


def test_a_client_need_say_it_once(stage: Stage, romeo: Client, juliet: Client):
    show(romeo, "v1")
    romeo.write("<presence><show>away</show></presence>")
    late = stage.connect("juliet", "late")
    late.available()
    (told,) = [each for each in late.take("presence") if each.get("from") == "romeo@localhost/orchard"]
    assert (capable(told), told.text_of("show")) == ("v1", "away")


def test_who_was_away_says_it_anew(romeo: Client, juliet: Client):
    show(romeo, "v1")
    romeo.presence("unavailable")
    juliet.take()
    show(romeo, "v1")
    assert capable(juliet.only("presence")) == "v1"


def test_other_servers_are_always_told(stage: Stage, romeo: Client):
    elsewhere = Elsewhere(stage)
    rosters, account = stage.host.rosters, stage.account("romeo")
    contact = parse_jid("far@elsewhere.example")
    rosters.put(account, replace(rosters.get(account, contact), from_=True, listed=True))
    for _ in range(2):
        show(romeo, "v1")
        assert [capable(each) for each in elsewhere.take()] == ["v1"]


def test_what_is_sent_to_somebody_by_address_is_as_it_is(stage: Stage, romeo: Client, juliet: Client, mercutio: Client):
    show(romeo, "v1")
    show(romeo, "v1", to=mercutio.jid)
    show(romeo, "v1", to=mercutio.jid)
    assert [capable(each) for each in mercutio.take("presence")] == ["v1", "v1"]


def test_it_is_announced(romeo: Client):
    query = romeo.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", "localhost")[0]
    assert f"{ns.CAPS}#optimize" in [each.get("var") for each in query]


def test_who_owes_an_answer_is_asked_no_more_until_it_has_come(juliet: Client):
    for each in ("urn:a", "urn:b", "urn:c"):
        show(juliet, version(each))
    assert answer(juliet, "urn:a") == f"{NODE}#{version('urn:a')}"
    assert answer(juliet, "urn:c") == f"{NODE}#{version('urn:c')}"
    assert known(juliet) == {"urn:c"}


def test_a_version_that_is_too_long_is_none(juliet: Client):
    show(juliet, "x" * (caps.LONGEST + 1))
    assert asked(juliet) == []
