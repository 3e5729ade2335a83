"""XEP-0313 and XEP-0359: what accounts' archives keep, and how their owners read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.clock import Clock
from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.archives import bodies, field, fin, form, history, ids, page, query, told
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition, conditions

BODY = "<body>hi</body>"
BODYLESS = {
    "a receipt": "<received xmlns='urn:xmpp:receipts' id='1'/>",
    "displayed": "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
    "received": "<received xmlns='urn:xmpp:chat-markers:0' id='1'/>",
    "acknowledged": "<acknowledged xmlns='urn:xmpp:chat-markers:0' id='1'/>",
    "reactions": "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
    "a retraction": "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
    "a retraction of old": f"<apply-to xmlns='{ns.FASTENING}' id='1'><retract xmlns='{ns.RETRACTION_0}'/></apply-to>",
    "a correction": "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
    "OMEMO of old": "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
    "OMEMO": "<encrypted xmlns='urn:xmpp:omemo:2'/>",
    "something encrypted": "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
    "what is to be stored": "<x xmlns='urn:x'/><store xmlns='urn:xmpp:hints'/>",
    "a chat state that is to be stored": f"<active xmlns='{ns.CHAT_STATES}'/><store xmlns='urn:xmpp:hints'/>",
}
NOT_KEPT = {
    "a chat state": f"<active xmlns='{ns.CHAT_STATES}'/>",
    "nothing": "",
    "a subject": "<subject>hi</subject>",
    "something": "<x xmlns='urn:x'/>",
    "a request for a receipt": "<request xmlns='urn:xmpp:receipts'/>",
    "not to be stored": f"{BODY}<no-store xmlns='urn:xmpp:hints'/>",
    "not for long": f"{BODY}<no-permanent-store xmlns='urn:xmpp:hints'/>",
    "contradictory": f"{BODY}<store xmlns='urn:xmpp:hints'/><no-store xmlns='urn:xmpp:hints'/>",
}


def stanza_ids(message: Stanza) -> list[tuple[str | None, str | None]]:
    return [(each.get("by"), each.get("id")) for each in message.iter(f"{{{ns.STANZA_ID}}}stanza-id")]


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


# What is kept


def test_both_sides_have_a_message_in_their_archives(romeo: Client, juliet: Client):
    romeo.write(f"<message to='{juliet.jid}' type='chat' id='m1'>{BODY}<x xmlns='urn:x' y='z'/></message>")
    for client in (romeo, juliet):
        (message,) = history(client)
        assert dict(message.attrib) == {"to": juliet.jid, "from": romeo.jid, "type": "chat", "id": "m1"}
        assert [each.tag for each in message] == ["{jabber:client}body", "{urn:x}x"]


@pytest.mark.parametrize("type", ["chat", "normal", "nonsense"])
@pytest.mark.parametrize("content", [BODY, *BODYLESS.values()], ids=["a body", *BODYLESS])
def test_what_is_kept(romeo: Client, juliet: Client, type: str, content: str):
    romeo.write(f"<message to='{juliet.jid}' type='{type}' id='1'>{content}</message>")
    assert [each.id for each in history(romeo)] == [each.id for each in history(juliet)] == ["1"]


@pytest.mark.parametrize("content", NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_is_not_kept(romeo: Client, juliet: Client, content: str):
    romeo.write(f"<message to='{juliet.jid}' type='chat' id='1'>{content}</message>")
    assert stanza_ids(juliet.only()) == []
    assert history(romeo) == history(juliet) == []


@pytest.mark.parametrize("type", ["groupchat", "headline", "error"])
@pytest.mark.parametrize("content", [BODY, f"{BODY}<store xmlns='urn:xmpp:hints'/>"])
def test_types_that_are_not_kept(romeo: Client, juliet: Client, type: str, content: str):
    romeo.write(f"<message to='{juliet.jid}' type='{type}' id='1'>{content}</message>")
    assert stanza_ids(juliet.only()) == []
    assert history(romeo) == history(juliet) == []


def test_what_is_refused_was_never_said(stage: Stage, romeo: Client, juliet: Client):
    juliet.ask("set", f"<block xmlns='{ns.BLOCKING}'><item jid='romeo@localhost'/></block>")
    for to in ("juliet@localhost", "nobody@localhost", "x@nowhere.example"):
        romeo.say(to)
    assert conditions(romeo.take("message")) == ["service-unavailable"] * 2 + ["remote-server-not-found"]
    assert history(romeo) == history(juliet) == []


def test_what_nobody_would_store_was_never_said(stage: Stage, romeo: Client, monkeypatch: pytest.MonkeyPatch):
    """A full offline store refuses, and then the archive has nothing of it either (section 6.1)."""
    monkeypatch.setattr("conversehost.features.offline.MESSAGES_PER_ACCOUNT", 1)
    tybalt = stage.account("tybalt").full
    for number in range(2):
        romeo.say(tybalt, str(number))
    assert conditions(romeo.take()) == ["service-unavailable"]
    assert bodies(romeo) == bodies(stage.connect("tybalt")) == ["0"]


def test_what_comes_from_elsewhere_and_goes_there(juliet: Client, elsewhere: Elsewhere):
    elsewhere.send(f"<message from='friend@elsewhere.example/x' to='{juliet.jid}' type='chat'>{BODY}</message>")
    juliet.say("friend@elsewhere.example", "hello")
    assert bodies(juliet) == ["hi", "hello"]
    assert bodies(juliet, form(field("with", "friend@elsewhere.example"))) == ["hi", "hello"]
    assert bodies(juliet, form(field("with", "friend@elsewhere.example/x"))) == ["hi"]


@pytest.mark.parametrize("to", [None, "juliet@localhost", "juliet@localhost/balcony", "juliet@localhost/chamber"])
def test_a_message_to_oneself_is_kept_once(stage: Stage, juliet: Client, to: str | None):
    """And found by one's own address, by which nothing else is (section 4.1.1)."""
    juliet.say("romeo@localhost", "not this")
    chamber = stage.login("juliet", "chamber")
    address = "" if to is None else f" to='{to}'"
    chamber.write(f"<message type='chat'{address}>{BODY}</message>")
    assert bodies(juliet) == ["not this", "hi"]
    assert bodies(juliet, form(field("with", "juliet@localhost"))) == ["hi"]
    assert bodies(juliet, form(field("with", "juliet@localhost/chamber"))) == ["hi"]
    assert bodies(juliet, form(field("with", "juliet@localhost/nowhere"))) == []


def test_carbons_are_no_messages_of_their_own(stage: Stage, romeo: Client, juliet: Client):
    """And they say under which id their account has the message (section 3)."""
    copies = []
    for name in ("romeo", "juliet"):
        other = stage.login(name, "other", -1)
        other.ask("set", f"<enable xmlns='{ns.CARBONS}'/>")
        copies.append(other)
    romeo.say(juliet.jid)
    for client, copy in zip((romeo, juliet), copies, strict=True):
        assert bodies(client) == ["hi"]
        assert stanza_ids(copy.only("message")) == [(client.bare, *ids(client))]


def test_several_clients_get_it_under_one_id(stage: Stage, romeo: Client, juliet: Client):
    other = stage.login("juliet", "other")
    juliet.take()
    romeo.say("juliet@localhost")
    assert stanza_ids(juliet.only()) == stanza_ids(other.only()) == [("juliet@localhost", *ids(juliet))]


def test_what_waits_has_its_id_and_is_kept_once(stage: Stage, romeo: Client):
    romeo.say(stage.account("juliet").full)
    juliet = stage.connect("juliet", "balcony")
    assert bodies(juliet) == ["hi"]
    juliet.available()
    assert stanza_ids(juliet.only("message")) == [("juliet@localhost", *ids(juliet))]
    assert bodies(juliet) == ["hi"]
    assert not history(juliet)[0].has(ns.DELAY, "delay")


def test_what_is_delivered_again_is_kept_once_and_has_the_id_that_it_had(stage: Stage, romeo: Client, juliet: Client):
    juliet.hang()
    romeo.say(juliet.jid)
    juliet.drop()
    stage.clock.advance(60)
    back = stage.connect("juliet", "chamber")
    back.available()
    assert stanza_ids(back.only("message")) == [("juliet@localhost", *ids(back))]


def test_an_archive_goes_with_its_account(stage: Stage, romeo: Client, juliet: Client):
    romeo.say(juliet.jid)
    stage.host.delete_account(stage.account("juliet"))
    assert bodies(stage.login("juliet")) == []
    assert bodies(romeo) == ["hi"]


def test_a_full_archive_drops_its_oldest_and_nothing_is_refused(make_stage: Callable[..., Stage]):
    stage = make_stage(policy=Policy(archive_limit=3))
    romeo, juliet = stage.login("romeo"), stage.login("juliet")
    for number in range(10):
        romeo.say(juliet.bare, str(number))
    assert len(juliet.heard()) == 10
    assert bodies(romeo) == bodies(juliet) == ["7", "8", "9"]
    assert told(fin(romeo))["count"] == "3"


def test_snapshots_have_archives_in_them(stage: Stage, romeo: Client, juliet: Client):
    romeo.say(juliet.jid, "before")
    snapshot = stage.store.snapshot()
    romeo.say(juliet.jid, "after")
    stage.store.restore(snapshot)
    assert bodies(juliet) == ["before"]
    stage.store.reset()
    assert bodies(juliet) == []


# Ids (XEP-0359)


def test_the_receiver_learns_the_id_and_the_sender_does_not(romeo: Client, juliet: Client):
    romeo.write(f"<message to='{juliet.jid}' type='chat'>{BODY}<origin-id xmlns='{ns.STANZA_ID}' id='o1'/></message>")
    message = juliet.only()
    assert stanza_ids(message) == [("juliet@localhost", *ids(juliet))]
    assert message.has(ns.STANZA_ID, "origin-id")
    assert romeo.take() == []
    assert ids(romeo) != ids(juliet)


def test_nobody_else_gives_ids_in_ones_name(romeo: Client, juliet: Client, elsewhere: Elsewhere):
    forged = "".join(
        f"<stanza-id xmlns='{ns.STANZA_ID}' id='forged' by='{by}'/>"
        for by in ("juliet@localhost", "romeo@localhost", "room@elsewhere.example")
    )
    romeo.write(f"<message to='{juliet.jid}' type='chat'>{BODY}{forged}</message>")
    elsewhere.send(f"<message from='x@elsewhere.example' to='{juliet.jid}' type='headline'>{BODY}{forged}</message>")
    chat, headline = juliet.take()
    room = ("room@elsewhere.example", "forged")
    assert stanza_ids(chat) == [room, ("juliet@localhost", ids(juliet)[0])]
    assert stanza_ids(headline) == [("romeo@localhost", "forged"), room]
    assert [stanza_ids(each) for each in (*history(romeo), *history(juliet))] == [[room], [room]]


def test_ids_are_opaque(romeo: Client, juliet: Client):
    for _ in range(3):
        romeo.say(juliet.jid)
    found = ids(juliet)
    assert found == sorted(set(found))
    assert not set(found) & set(ids(romeo))


def test_messages_with_one_origin_id_are_two(romeo: Client, juliet: Client):
    for body in ("one", "two"):
        origin = f"<origin-id xmlns='{ns.STANZA_ID}' id='same'/>"
        romeo.write(f"<message to='{juliet.jid}' type='chat' id='same'><body>{body}</body>{origin}</message>")
    assert bodies(romeo) == bodies(juliet) == ["one", "two"]


# Questions


def test_an_answer_on_the_wire(stage: Stage, romeo: Client, juliet: Client):
    romeo.say(juliet.jid)
    (id,) = ids(juliet)
    juliet.take()
    juliet.hang()
    juliet.write(f"<iq type='set' id='q1'>{query('', queryid='f27')}</iq>")
    assert [each.decode() for each in juliet.queue] == [
        f'<message xmlns="jabber:client" from="juliet@localhost" to="{juliet.jid}">'
        f'<result xmlns="urn:xmpp:mam:2" queryid="f27" id="{id}"><forwarded xmlns="urn:xmpp:forward:0">'
        '<delay xmlns="urn:xmpp:delay" stamp="2023-11-14T22:13:20.000Z"/>'
        f'<message xmlns="jabber:client" to="{juliet.jid}" id="m1" type="chat" from="{romeo.jid}">'
        "<body>hi</body></message></forwarded></result></message>",
        f'<iq xmlns="jabber:client" type="result" id="q1" to="{juliet.jid}">'
        '<fin xmlns="urn:xmpp:mam:2" complete="true"><set xmlns="http://jabber.org/protocol/rsm">'
        f'<first index="0">{id}</first><last>{id}</last><count>1</count></set></fin></iq>',
    ]


def test_at_which_times(clock: Clock, romeo: Client, juliet: Client):
    for number in range(5):
        romeo.say(juliet.jid, str(number))
        clock.advance(60)
    minute = "2023-11-14T22:{}:20Z".format
    assert bodies(juliet, form(field("start", minute(14)), field("end", minute(16)))) == ["1", "2", "3"]
    assert bodies(juliet, form(field("start", "2023-11-14T23:15:20.5+01:00"))) == ["3", "4"]
    assert bodies(juliet, form(field("end", "1969-01-01T00:00:00Z"))) == []


def test_pages_forwards_and_backwards(romeo: Client, juliet: Client):
    for number in range(7):
        romeo.say(juliet.jid, str(number))
    found = ids(juliet)
    assert bodies(juliet, page("<max>3</max>")) == ["0", "1", "2"]
    assert bodies(juliet, page(f"<max>3</max><after>{found[2]}</after>")) == ["3", "4", "5"]
    assert bodies(juliet, page("<max>3</max><before/>")) == ["4", "5", "6"]
    assert bodies(juliet, page(f"<max>3</max><before>{found[4]}</before>")) == ["1", "2", "3"]
    assert bodies(juliet, page("<max>2</max><index>4</index>")) == ["4", "5"]
    assert bodies(juliet, page("<max>0</max>")) == []


def test_what_the_end_of_an_answer_says(romeo: Client, juliet: Client):
    for number in range(7):
        romeo.say(juliet.jid, str(number))
    found = ids(juliet)
    last = fin(juliet, page("<max>3</max><before/>"))
    assert told(last) == {"first": found[4], "last": found[6], "index": "4", "count": "7"}
    assert last.get("complete") is None
    assert fin(juliet, page("<max>7</max><before/>")).get("complete") == "true"
    assert fin(juliet, page(f"<max>3</max><before>{found[3]}</before>")).get("complete") == "true"
    assert told(fin(juliet, page("<max>0</max>"))) == {"count": "7"}
    assert all(fin(juliet, page(each)).get("stable") in (None, "true") for each in ("", "<max>0</max>"))


def test_a_flipped_page_is_the_same_page(romeo: Client, juliet: Client):
    for number in range(5):
        romeo.say(juliet.jid, str(number))
    found = ids(juliet)
    flipped = page("<max>2</max><before/>") + "<flip-page/>"
    assert bodies(juliet, flipped) == ["4", "3"]
    assert told(fin(juliet, flipped)) == {"first": found[3], "last": found[4], "index": "3", "count": "5"}


def test_neighbours_and_messages_by_id(romeo: Client, juliet: Client):
    for number in range(5):
        romeo.say(juliet.jid, str(number))
    found = ids(juliet)
    assert bodies(juliet, form(field("after-id", found[1]), field("before-id", found[4]))) == ["2", "3"]
    assert bodies(juliet, form(field("ids", found[3], found[0]))) == ["0", "3"]
    assert bodies(juliet, form(field("after-id", found[1])) + page("<max>1</max><before/>")) == ["4"]


@pytest.mark.parametrize(
    "content",
    [
        form(field("after-id", "x")),
        form(field("before-id", "x")),
        form(field("ids", "x")),
        page("<after>x</after>"),
        page("<before>x</before>"),
    ],
)
def test_ids_of_nothing(romeo: Client, juliet: Client, content: str):
    romeo.say(juliet.jid)
    juliet.take()
    assert condition(juliet.ask("set", query(content))) == "item-not-found"
    assert juliet.take() == []


def test_in_another_archive_an_id_means_nothing(romeo: Client, juliet: Client):
    romeo.say(juliet.jid)
    assert condition(romeo.ask("set", query(form(field("ids", *ids(juliet)))))) == "item-not-found"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (form(field("start", "yesterday")), "bad-request"),
        (form(field("end", "2023-11-14")), "bad-request"),
        (form(field("with", "@")), "bad-request"),
        (form(field("with", "a@b", "c@d")), "bad-request"),
        (form(field("x", "1")), "feature-not-implemented"),
        (form(field("ids", *map(str, range(251)))), "bad-request"),
        (page("<max>many</max>"), "bad-request"),
        ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>y</value></field></x>", "bad-request"),
    ],
)
def test_questions_that_make_no_sense(juliet: Client, content: str, expected: str):
    assert condition(juliet.ask("set", query(content))) == expected


def test_empty_fields_ask_nothing(romeo: Client, juliet: Client):
    romeo.say(juliet.jid)
    empty = form(*(field(name, "") for name in ("with", "start", "end", "before-id", "after-id", "ids")))
    assert bodies(juliet, empty) == bodies(juliet, form(field("include-groupchat", "true"))) == ["hi"]


@pytest.mark.parametrize("type", ["set", "get"])
def test_nobody_reads_what_others_say(romeo: Client, juliet: Client, type: str):
    romeo.say(juliet.jid)
    for asked in (query(""), f"<metadata xmlns='{ns.MAM}'/>", f"<prefs xmlns='{ns.MAM}'/>"):
        if (type, "metadata" in asked) != ("set", True):
            assert condition(romeo.ask(type, asked, "juliet@localhost")) == "forbidden"
    assert romeo.take() == []


def test_the_fields_that_there_are(juliet: Client):
    asked = juliet.ask("get", query(""))[0][0]
    fields = {each.get("var"): each for each in asked}
    assert asked.get("type") == "form"
    assert {name: each.get("type") for name, each in fields.items()} == {
        "FORM_TYPE": "hidden",
        "with": "jid-single",
        "start": "text-single",
        "end": "text-single",
        "before-id": "text-single",
        "after-id": "text-single",
        "ids": "list-multi",
        "include-groupchat": "boolean",
        "{urn:xmpp:fulltext:0}fulltext": "text-single",
    }
    assert fields["ids"].find("{*}validate/{*}open") is not None
    assert all(each.find("{*}required") is None for each in asked)


def test_where_an_archive_begins_and_ends(clock: Clock, romeo: Client, juliet: Client):
    asked = f"<metadata xmlns='{ns.MAM}'/>"
    assert len(juliet.ask("get", asked)[0]) == 0
    for number in range(3):
        romeo.say(juliet.jid, str(number))
        clock.advance(60)
    juliet.take()
    start, end = juliet.ask("get", asked)[0]
    found = ids(juliet)
    assert dict(start.attrib) == {"id": found[0], "timestamp": "2023-11-14T22:13:20.000Z"}
    assert dict(end.attrib) == {"id": found[2], "timestamp": "2023-11-14T22:15:20.000Z"}


def test_an_account_says_what_its_archive_can_do(juliet: Client):
    disco = juliet.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", "juliet@localhost")[0]
    features = {each.get("var") for each in disco}
    assert features >= {ns.MAM, ns.MAM_EXTENDED, ns.STANZA_ID, ns.RSM, ns.FULLTEXT, "urn:xmpp:mam:2#groupchat-field"}
    assert "urn:xmpp:mam:2#groupchat-available" not in features


def test_large_messages_make_small_pages(romeo: Client, juliet: Client):
    """What waits for one client has a limit; half a megabyte in one answer isn't near it."""
    for number in range(8):
        romeo.say(juliet.jid, str(number) + "x" * 200_000)
    juliet.take()
    found = history(juliet)
    assert [each.text_of("body")[0] for each in found] == ["0", "1"]
    assert fin(juliet).get("complete") is None
    assert [each.text_of("body")[0] for each in history(juliet, page("<before/>"))] == ["6", "7"]
    last = told(fin(juliet, page("<max>5</max><before/>")))
    assert (last["index"], last["count"]) == ("6", "8")
