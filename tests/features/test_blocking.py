"""XEP-0191 and XEP-0377."""

from __future__ import annotations

import pytest

from conversehost.clock import Clock
from conversehost.features import blocking
from conversehost.features.blocking import Report
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

BLOCKLIST = f"<blocklist xmlns='{ns.BLOCKING}'/>"
BODY = "<body>hi</body>"
MUC_USER = f"<x xmlns='{ns.MUC_USER}'/>"


def block(client: Client, *jids: str) -> Stanza:
    return client.ask("set", command("block", *jids))


def unblock(client: Client, *jids: str) -> Stanza:
    return client.ask("set", command("unblock", *jids))


def command(name: str, *jids: str, content: str = "") -> str:
    items = "".join(f"<item jid='{jid}'>{content}</item>" for jid in jids)
    return f"<{name} xmlns='{ns.BLOCKING}'>{items}</{name}>"


def blocked(client: Client) -> list[str]:
    """The list, which the client gets pushes of from now on."""
    return items(client.ask("get", BLOCKLIST))


def items(iq: Stanza) -> list[str]:
    assert all(len(each) == 0 and set(each.attrib) == {"jid"} for each in iq[0])
    return [each.get("jid", "") for each in iq[0]]


def pushes(client: Client) -> list[tuple[str, list[str]]]:
    """Of the pushes that have come: the command and the addresses."""
    found = client.take("iq")
    assert all(each.type == "set" and each.get("from") is None and each.get("to") == client.jid for each in found)
    assert len({each.id for each in found}) == len(found)
    return [(each[0].tag.removeprefix(f"{{{ns.BLOCKING}}}"), items(each)) for each in found]


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


# The list


def test_nobody_is_blocked_at_first(juliet: Client):
    assert blocked(juliet) == []


def test_whoever_is_blocked_is_in_the_list_until_unblocked(juliet: Client):
    answer = block(juliet, "Iago@localhost", "example.org")
    assert (answer.type, len(answer)) == ("result", 0)
    block(juliet, "iago@localhost", "a@example.net/x")
    assert blocked(juliet) == ["iago@localhost", "example.org", "a@example.net/x"]
    answer = unblock(juliet, "IAGO@localhost", "nobody@localhost")
    assert (answer.type, len(answer)) == ("result", 0)
    assert blocked(juliet) == ["example.org", "a@example.net/x"]


def test_all_are_unblocked_at_once(juliet: Client):
    block(juliet, "iago@localhost", "example.org")
    assert unblock(juliet).type == "result"
    assert blocked(juliet) == []


def test_each_account_has_its_own(romeo: Client, juliet: Client):
    block(juliet, "iago@localhost")
    assert blocked(romeo) == []
    assert condition(romeo.ask("get", BLOCKLIST, "juliet@localhost")) == "forbidden"
    assert condition(romeo.ask("set", command("block", "a@b"), "juliet@localhost")) == "forbidden"


def test_it_outlives_the_session(stage: Stage, juliet: Client):
    block(juliet, "iago@localhost")
    juliet.drop()
    assert blocked(stage.login("juliet")) == ["iago@localhost"]


def test_it_goes_with_the_account(stage: Stage, juliet: Client):
    juliet.ask("set", command("block", "iago@localhost", content=SPAM))
    stage.host.delete_account(juliet.session.account)
    assert "juliet@localhost" not in [*stage.store.owners("blocked"), *stage.store.owners("reports")]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (command("block"), "bad-request"),
        (f"<block xmlns='{ns.BLOCKING}'><item/></block>", "bad-request"),
        (command("block", "a@localhost", "@"), "jid-malformed"),
        (command("unblock", ""), "jid-malformed"),
    ],
)
def test_what_is_no_command(juliet: Client, request_: str, error: str):
    assert condition(juliet.ask("set", request_)) == error
    assert blocked(juliet) == []


def test_only_so_many(juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocking, "BLOCKED_PER_ACCOUNT", 2)
    assert block(juliet, "a@localhost", "b@localhost").type == "result"
    assert block(juliet, "b@localhost").type == "result"
    assert condition(block(juliet, "b@localhost", "c@localhost")) == "resource-constraint"
    assert blocked(juliet) == ["a@localhost", "b@localhost"]


# Pushes


def test_all_who_have_read_the_list_hear_of_changes(stage: Stage, juliet: Client):
    chamber, ignorant = stage.login("juliet", "chamber"), stage.login("juliet", "ignorant")
    blocked(juliet)
    blocked(chamber)
    for each in (juliet, chamber):
        each.take()
    block(juliet, "Iago@localhost", "b@localhost")
    unblock(juliet, "b@localhost")
    unblock(juliet)
    for each in (juliet, chamber):
        assert pushes(each) == [
            ("block", ["iago@localhost", "b@localhost"]),
            ("unblock", ["b@localhost"]),
            ("unblock", []),
        ]
    assert ignorant.take("iq") == []


def test_a_new_session_at_the_same_resource_has_not_read_it(stage: Stage, juliet: Client):
    blocked(juliet)
    juliet.drop()
    juliet = stage.login("juliet", "balcony")
    block(juliet, "iago@localhost")
    assert juliet.take("iq") == []


# From the user to who is blocked


@pytest.mark.parametrize(
    "sent",
    [
        "<message to='{to}' id='1' type='chat'><body>hi</body></message>",
        "<message to='{to}/square' id='1' type='groupchat'><body>hi</body></message>",
        "<presence to='{to}' id='1'/>",
        "<presence to='{to}' id='1' type='unavailable'/>",
        "<presence to='{to}' id='1' type='subscribe'/>",
        "<presence to='{to}' id='1' type='probe'/>",
        "<iq to='{to}' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq to='{to}/square' id='1' type='set'><x xmlns='urn:x'/></iq>",
    ],
)
def test_what_the_user_sends_does_not_go_out(juliet: Client, mercutio: Client, sent: str):
    block(juliet, "mercutio@localhost")
    juliet.write(sent.format(to="mercutio@localhost"))
    answer = juliet.only()
    assert (condition(answer), answer.id) == ("not-acceptable", "1")
    assert (answer.get("from") or "").startswith("mercutio@localhost")
    error = answer[0]
    assert error.get("type") == "cancel"
    assert error.find(f"{{{ns.BLOCKING_ERRORS}}}blocked") is not None
    assert mercutio.take() == []
    assert juliet.session.account not in stage_rosters(mercutio)


def stage_rosters(client: Client) -> list[str]:
    return list(client.stage.store.items("roster", client.bare))


@pytest.mark.parametrize("sent", ["<message to='{to}' type='error'/>", "<iq to='{to}' id='1' type='result'/>"])
def test_what_is_not_answered_is_dropped(juliet: Client, mercutio: Client, sent: str):
    block(juliet, "mercutio@localhost")
    juliet.write(sent.format(to=mercutio.jid))
    assert juliet.take() == mercutio.take() == []


def test_other_clients_do_not_see_a_copy_of_it(stage: Stage, juliet: Client, mercutio: Client):
    chamber = stage.login("juliet", "chamber", -1)
    chamber.ask("set", f"<enable xmlns='{ns.CARBONS}'/>")
    block(juliet, "mercutio@localhost")
    chamber.take()
    juliet.say("mercutio@localhost")
    assert chamber.take() == []


# From who is blocked to the user


@pytest.mark.parametrize("to", ["juliet@localhost", "juliet@localhost/balcony"])
@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("<message to='{to}' type='chat'><body>hi</body></message>", "service-unavailable"),
        ("<message to='{to}'><body>hi</body></message>", "service-unavailable"),
        ("<message to='{to}' type='error'/>", None),
        ("<iq to='{to}' id='1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "service-unavailable"),
        ("<iq to='{to}' id='1' type='set'><x xmlns='urn:x'/></iq>", "service-unavailable"),
        ("<iq to='{to}' id='1' type='result'/>", None),
        ("<iq to='{to}' id='1' type='error'/>", None),
        ("<presence to='{to}'/>", None),
        ("<presence to='{to}' type='unavailable'/>", None),
        ("<presence to='{to}' type='subscribe'/>", None),
        ("<presence to='{to}' type='probe'/>", None),
    ],
)
def test_what_they_send_does_not_come(juliet: Client, mercutio: Client, sent: str, error: str | None, to: str):
    block(juliet, "mercutio@localhost")
    mercutio.write(sent.format(to=to))
    answers = [each for each in mercutio.take() if each.type == "error"]
    assert [condition(each) for each in answers] == ([] if error is None else [error])
    assert juliet.take() == []
    assert stage_rosters(juliet) == ["romeo@localhost"]
    assert len(juliet.stage.store.items("offline", juliet.bare)) == 0


def test_it_looks_as_if_the_user_were_offline(juliet: Client, mercutio: Client):
    """Of an account that doesn't exist one gets the same answers."""
    block(juliet, "mercutio@localhost")
    answers = [mercutio.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to) for to in ("juliet@localhost", "x@localhost")]
    assert [dict(each[0].attrib) for each in answers] == [{"type": "cancel"}] * 2
    assert [condition(each) for each in answers] == ["service-unavailable"] * 2


@pytest.mark.parametrize(("type", "content"), [("groupchat", BODY), ("chat", BODY + MUC_USER)])
def test_a_blocked_occupant_does_not_throw_one_out_of_the_room(
    juliet: Client, elsewhere: Elsewhere, type: str, content: str
):
    """Which an error would."""
    nick = "room@elsewhere.example/iago"
    block(juliet, nick)
    elsewhere.send(f"<message from='{nick}' to='{juliet.jid}' type='{type}'>{content}</message>")
    assert elsewhere.take() == juliet.take() == []
    elsewhere.send(f"<message from='room@elsewhere.example/other' to='{juliet.jid}' type='{type}'>{content}</message>")
    assert juliet.heard() == ["hi"]


def test_everybody_else_is_as_before(romeo: Client, juliet: Client, mercutio: Client):
    block(juliet, "iago@localhost", "example.org")
    for other in (romeo, mercutio):
        juliet.say(other.jid)
        other.say(juliet.jid)
        assert other.heard() == juliet.heard() == ["hi"]
        assert other.ask("get", "<ping xmlns='urn:xmpp:ping'/>", juliet.bare).type == "result"
    romeo.available()
    juliet.available()
    assert (romeo.jid, None) in juliet.seen()
    assert (juliet.jid, None) in romeo.seen()


def test_once_unblocked_everything_comes_again(juliet: Client, mercutio: Client):
    block(juliet, "mercutio@localhost")
    unblock(juliet)
    mercutio.say("juliet@localhost")
    juliet.say("mercutio@localhost")
    assert juliet.heard() == mercutio.heard() == ["hi"]


# Who is meant (section 8)


@pytest.mark.parametrize(
    ("item", "matches"),
    [
        ("a@elsewhere.example/x", ["a@elsewhere.example/x"]),
        ("a@elsewhere.example", ["a@elsewhere.example", "a@elsewhere.example/x", "a@elsewhere.example/y"]),
        ("elsewhere.example/x", ["elsewhere.example/x"]),
        (
            "elsewhere.example",
            [
                "a@elsewhere.example",
                "a@elsewhere.example/x",
                "a@elsewhere.example/y",
                "b@elsewhere.example/x",
                "elsewhere.example",
                "elsewhere.example/x",
            ],
        ),
        ("example", []),
    ],
)
def test_which_addresses_an_item_stands_for(juliet: Client, elsewhere: Elsewhere, item: str, matches: list[str]):
    block(juliet, item)
    everybody = [
        "a@elsewhere.example",
        "a@elsewhere.example/x",
        "a@elsewhere.example/y",
        "b@elsewhere.example/x",
        "elsewhere.example",
        "elsewhere.example/x",
    ]
    for address in everybody:
        elsewhere.send(f"<message from='{address}' to='juliet@localhost'><body>{address}</body></message>")
        assert (parse(item).covers(parse(address))) == (address in matches)
    assert juliet.heard() == [each for each in everybody if each not in matches]


@pytest.mark.parametrize("item", ["juliet@localhost", "juliet@localhost/chamber", "localhost"])
def test_ones_own_clients_are_never_blocked(stage: Stage, juliet: Client, item: str):
    chamber = stage.login("juliet", "chamber")
    juliet.take()
    block(juliet, item)
    chamber.say(juliet.jid)
    juliet.say(chamber.jid)
    chamber.presence("unavailable")
    assert juliet.heard() == chamber.heard() == ["hi"]
    assert juliet.seen() == [(chamber.jid, "unavailable")]


def test_who_blocks_the_server_itself_can_still_unblock_it(juliet: Client):
    block(juliet, "localhost")
    assert condition(juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost")) == "not-acceptable"
    assert juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>").type == "result"
    assert unblock(juliet).type == "result"
    assert juliet.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "localhost").type == "result"


# Reports (XEP-0377)

SPAM = (
    f"<report xmlns='{ns.REPORTING}' reason='urn:xmpp:reporting:spam'><text xml:lang='en'> Buy! </text>"
    f"<stanza-id xmlns='{ns.STANZA_ID}' by='iago@localhost' id='1'/>"
    f"<stanza-id xmlns='{ns.STANZA_ID}' by='iago@localhost' id='2'/></report>"
)


def reports(client: Client) -> list[Report]:
    return list(client.stage.store.items("reports", client.bare).values())


def test_a_report_is_kept_and_the_address_blocked(juliet: Client, clock: Clock):
    clock.advance(5)
    blocked(juliet)
    assert juliet.ask("set", command("block", "Iago@localhost", content=SPAM)).type == "result"
    assert reports(juliet) == [
        Report("iago@localhost", "urn:xmpp:reporting:spam", "Buy!", ("1", "2"), clock.utc()),
    ]
    assert pushes(juliet) == [("block", ["iago@localhost"])]


@pytest.mark.parametrize("content", [f"<report xmlns='{ns.REPORTING}'/>", "<report xmlns='urn:x' reason='x'/>"])
def test_what_is_no_report_blocks_all_the_same(juliet: Client, content: str):
    assert juliet.ask("set", command("block", "iago@localhost", content=content)).type == "result"
    assert blocked(juliet) == ["iago@localhost"]
    assert reports(juliet) == []


def test_without_a_word(juliet: Client):
    content = f"<report xmlns='{ns.REPORTING}' reason='urn:xmpp:reporting:abuse'/>"
    juliet.ask("set", command("block", "iago@localhost", content=content))
    assert [(each.reason, each.text, each.messages) for each in reports(juliet)] == [
        ("urn:xmpp:reporting:abuse", "", ())
    ]


def test_the_latest_reports_are_kept(juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocking, "REPORTS_PER_ACCOUNT", 2)
    for name in "abc":
        juliet.ask("set", command("block", f"{name}@localhost", content=SPAM))
    assert [each.jid for each in reports(juliet)] == ["b@localhost", "c@localhost"]


def test_of_a_report_only_so_much_is_kept(juliet: Client):
    proofs = f"<stanza-id xmlns='{ns.STANZA_ID}' by='iago@localhost' id='{'i' * 999}'/>" * 30
    report = f"<report xmlns='{ns.REPORTING}' reason='{'r' * 999}'>{proofs}</report>"
    juliet.ask("set", f"<block xmlns='{ns.BLOCKING}'><item jid='iago@localhost'>{report}</item></block>")
    (kept,) = reports(juliet)
    assert len(kept.reason) == 256
    assert [len(each) for each in kept.messages] == [256] * 20
