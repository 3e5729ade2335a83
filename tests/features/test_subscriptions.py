"""RFC 6121 section 3, and the tables of appendix A row by row."""

from __future__ import annotations

import pytest

from conversehost.features import subscriptions
from conversehost.server.roster import RosterItem
from conversehost.xmpp import ns
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

CONTACT = "contact@elsewhere.example"
REQUEST = f"<presence xmlns='jabber:client' from='{CONTACT}' to='romeo@localhost' type='subscribe'/>".encode()

# Appendix A.1, in the words of the tables.
STATES: dict[str, RosterItem] = {
    "None": RosterItem(CONTACT),
    "None + Pending Out": RosterItem(CONTACT, ask=True),
    "None + Pending In": RosterItem(CONTACT, pending=REQUEST),
    "None + Pending Out+In": RosterItem(CONTACT, ask=True, pending=REQUEST),
    "To": RosterItem(CONTACT, to=True),
    "To + Pending In": RosterItem(CONTACT, to=True, pending=REQUEST),
    "From": RosterItem(CONTACT, from_=True),
    "From + Pending Out": RosterItem(CONTACT, from_=True, ask=True),
    "Both": RosterItem(CONTACT, to=True, from_=True),
}
SAME = "no state change"
APPROVED = "pre-approval"

# Appendix A.2: what one of our users sends. Existing state, whether it is routed, new state.
OUTBOUND = {
    "subscribe": [
        ("None", True, "None + Pending Out"),
        ("None + Pending Out", True, SAME),
        ("None + Pending In", True, "None + Pending Out+In"),
        ("None + Pending Out+In", True, SAME),
        ("To", True, SAME),
        ("To + Pending In", True, SAME),
        ("From", True, "From + Pending Out"),
        ("From + Pending Out", True, SAME),
        ("Both", True, SAME),
    ],
    "unsubscribe": [
        ("None", True, SAME),
        ("None + Pending Out", True, "None"),
        ("None + Pending In", True, SAME),
        ("None + Pending Out+In", True, "None + Pending In"),
        ("To", True, "None"),
        ("To + Pending In", True, "None + Pending In"),
        ("From", True, SAME),
        ("From + Pending Out", True, "From"),
        ("Both", True, "From"),
    ],
    "subscribed": [
        ("None", False, APPROVED),
        ("None + Pending Out", False, APPROVED),
        ("None + Pending In", True, "From"),
        ("None + Pending Out+In", True, "From + Pending Out"),
        ("To", False, APPROVED),
        ("To + Pending In", True, "Both"),
        ("From", False, SAME),
        ("From + Pending Out", False, SAME),
        ("Both", False, SAME),
    ],
    "unsubscribed": [
        ("None", False, SAME),
        ("None + Pending Out", False, SAME),
        ("None + Pending In", True, "None"),
        ("None + Pending Out+In", True, "None + Pending Out"),
        ("To", False, SAME),
        ("To + Pending In", True, "To"),
        ("From", True, "None"),
        ("From + Pending Out", True, "None + Pending Out"),
        ("Both", True, "To"),
    ],
}
# Appendix A.3: what one of our users is sent. Existing state, whether it is delivered, new state, automatic answer.
INBOUND = {
    "subscribe": [
        ("None", True, "None + Pending In", None),
        ("None + Pending Out", True, "None + Pending Out+In", None),
        ("None + Pending In", False, SAME, None),
        ("None + Pending Out+In", False, SAME, None),
        ("To", True, "To + Pending In", None),
        ("To + Pending In", False, SAME, None),
        ("From", False, SAME, "subscribed"),
        ("From + Pending Out", False, SAME, "subscribed"),
        ("Both", False, SAME, "subscribed"),
    ],
    "unsubscribe": [
        ("None", False, SAME, None),
        ("None + Pending Out", False, SAME, None),
        ("None + Pending In", True, "None", "unsubscribed"),
        ("None + Pending Out+In", True, "None + Pending Out", "unsubscribed"),
        ("To", False, SAME, None),
        ("To + Pending In", True, "To", "unsubscribed"),
        ("From", True, "None", "unsubscribed"),
        ("From + Pending Out", True, "None + Pending Out", "unsubscribed"),
        ("Both", True, "To", "unsubscribed"),
    ],
    "subscribed": [
        ("None", False, SAME, None),
        ("None + Pending Out", True, "To", None),
        ("None + Pending In", False, SAME, None),
        ("None + Pending Out+In", True, "To + Pending In", None),
        ("To", False, SAME, None),
        ("To + Pending In", False, SAME, None),
        ("From", False, SAME, None),
        ("From + Pending Out", True, "Both", None),
        ("Both", False, SAME, None),
    ],
    "unsubscribed": [
        ("None", False, SAME, None),
        ("None + Pending Out", True, "None", None),
        ("None + Pending In", False, SAME, None),
        ("None + Pending Out+In", True, "None + Pending In", None),
        ("To", True, "None", None),
        ("To + Pending In", True, "None + Pending In", None),
        ("From", False, SAME, None),
        ("From + Pending Out", True, "From", None),
        ("Both", True, "From", None),
    ],
}


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


@pytest.fixture
def user(stage: Stage, elsewhere: Elsewhere) -> Client:
    """romeo, with one session that is available and has read the roster."""
    return stage.login("romeo", "orchard")


def put(user: Client, item: RosterItem) -> None:
    user.stage.host.rosters.put(user.session.account, item)


def state(user: Client) -> str:
    """The state that the contact is in now, by name; with "approved" where that is."""
    (item,) = user.stage.host.rosters.of(user.session.account)
    for name, each in STATES.items():
        if (item.to, item.from_, item.ask, item.pending is not None) == (
            each.to,
            each.from_,
            each.ask,
            each.pending is not None,
        ):
            return f"{name}, approved" if item.approved else name
    raise AssertionError(item)


def shown(item: RosterItem) -> dict[str, str]:
    """What a push says of it."""
    told = {"jid": item.jid, "subscription": item.subscription}
    return told | ({"ask": "subscribe"} if item.ask else {}) | ({"approved": "true"} if item.approved else {})


def expected_state(before: str, after: str) -> str:
    return {SAME: before, APPROVED: f"{before}, approved"}.get(after, after)


@pytest.mark.parametrize(
    ("type", "before", "routed", "after"),
    [pytest.param(type, *row, id=f"{type}-{row[0]}") for type, rows in OUTBOUND.items() for row in rows],
)
def test_outbound(user: Client, elsewhere: Elsewhere, type: str, before: str, routed: bool, after: str):
    put(user, STATES[before])
    user.presence(type, CONTACT)
    assert state(user) == expected_state(before, after)
    told = elsewhere.seen()
    assert [each for each in told if each[1] == type] == ([("romeo@localhost", type)] if routed else [])
    shows = shown(STATES[before]) != shown(next(iter(user.stage.host.rosters.of(user.session.account))))
    assert len(user.pushes()) == shows
    was, is_ = (STATES[name].from_ for name in (before, after if after in STATES else before))
    gained, lost = is_ and not was, was and not is_
    if gained:
        assert told == [("romeo@localhost", type), ("romeo@localhost/orchard", None)]
    elif lost:  # gone first, while the contact may still know
        assert told == [("romeo@localhost/orchard", "unavailable"), ("romeo@localhost", type)]
    else:
        assert len(told) == routed


@pytest.mark.parametrize(
    ("type", "before", "delivered", "after", "answered"),
    [pytest.param(type, *row, id=f"{type}-{row[0]}") for type, rows in INBOUND.items() for row in rows],
)
def test_inbound(
    user: Client, elsewhere: Elsewhere, type: str, before: str, delivered: bool, after: str, answered: str | None
):
    put(user, STATES[before])
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='{type}'/>")
    assert state(user) == expected_state(before, after)
    kinds = [each.kind for each in user.inbox]  # type: ignore[attr-defined]
    assert user.seen() == ([(CONTACT, type)] if delivered else [])
    assert len(user.pushes()) == (shown(STATES[before]) != shown(STATES.get(after, STATES[before])))
    assert kinds in ([], ["presence"], ["presence", "iq"])  # the push comes second
    told = elsewhere.seen()
    assert [each for each in told if each[0] == "romeo@localhost"] == (
        [("romeo@localhost", answered)] if answered else []
    )
    lost = STATES[before].from_ and after != SAME and not STATES[after].from_
    assert (("romeo@localhost/orchard", "unavailable") in told) == lost


@pytest.mark.parametrize("type", ["unsubscribe", "subscribed", "unsubscribed"])
def test_from_a_stranger_only_requests_mean_anything(user: Client, elsewhere: Elsewhere, type: str):
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='{type}'/>")
    assert user.take() == []
    assert elsewhere.take() == []
    assert list(user.stage.host.rosters.of(user.session.account)) == []


# Requests (sections 3.1.2 and 3.1.3)


def test_asking_puts_the_contact_into_the_roster(user: Client, elsewhere: Elsewhere):
    user.presence("subscribe", f"{CONTACT}/full")
    assert user.pushes() == [{"jid": CONTACT, "subscription": "none", "ask": "subscribe"}]
    (request,) = elsewhere.take()
    assert (request.get("from"), request.get("to")) == ("romeo@localhost", CONTACT)


def test_asking_somebody_who_does_not_exist(user: Client):
    user.presence("subscribe", "nobody@localhost")
    assert user.seen() == []
    assert user.pushes() == [{"jid": "nobody@localhost", "subscription": "none", "ask": "subscribe"}]


def test_asking_at_a_server_that_cannot_be_reached(user: Client):
    user.presence("subscribe", "somebody@nowhere.example")
    assert condition(user.take("presence")[0]) == "remote-server-not-found"


@pytest.mark.parametrize("type", ["subscribe", "subscribed", "unsubscribe", "unsubscribed"])
@pytest.mark.parametrize("to", [None, "romeo@localhost", "romeo@localhost/orchard"])
def test_nobody_subscribes_to_themselves(user: Client, type: str, to: str | None):
    user.presence(type, to)
    assert condition(user.only()) == "bad-request"


def test_a_request_is_not_in_the_roster(user: Client, elsewhere: Elsewhere):
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribe'/>")
    assert user.pushes() == []
    assert user.roster() == {}


def test_a_request_waits_whole_until_it_is_answered(stage: Stage, user: Client, elsewhere: Elsewhere):
    user.drop()
    for text in ("please", "please!"):
        elsewhere.send(
            f"<presence from='{CONTACT}/x' to='romeo@localhost' id='{text}' type='subscribe'><status>{text}</status>"
            "<x xmlns='urn:x'/></presence>"
        )
    for _ in range(2):
        romeo = stage.connect("romeo", "orchard")
        romeo.available()
        (request,) = [each for each in romeo.take("presence") if each.type == "subscribe"]
        assert (request.id, request.text_of("status")) == ("please", "please")
        assert request.has("urn:x", "x")
        romeo.drop()
    romeo = stage.login("romeo", "orchard")
    romeo.presence("unsubscribed", CONTACT)
    romeo.drop()
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    assert [type for _, type in romeo.seen() if type] == []


def test_a_request_goes_to_all_available_sessions(stage: Stage, user: Client, elsewhere: Elsewhere):
    other, connected = stage.login("romeo", "garden", -1), stage.connect("romeo", "cell")
    connected.roster()
    user.take()
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost/orchard' type='subscribe'/>")
    assert user.seen() == other.seen() == [(CONTACT, "subscribe")]
    assert connected.seen() == []


def test_a_large_request_is_kept_without_what_makes_it_so(stage: Stage, user: Client, elsewhere: Elsewhere):
    text = "x" * subscriptions.PENDING_BYTES
    elsewhere.send(
        f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribe'><status>{text}</status></presence>"
    )
    assert user.only().text_of("status") == text
    user.drop()
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    (request,) = [each for each in romeo.take("presence") if each.type == "subscribe"]
    assert (request.get("from"), len(request)) == (CONTACT, 0)


@pytest.mark.parametrize(("nick", "kept"), [("Ishmael", "Ishmael"), ("x" * subscriptions.NICK_BYTES, None)])
def test_the_name_of_who_asks_is_kept_all_the_same(
    stage: Stage, user: Client, elsewhere: Elsewhere, nick: str, kept: str | None
):
    """XEP-0172 section 4.1."""
    head = f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribe'><nick xmlns='{ns.NICK}'>{nick}</nick>"
    elsewhere.send(f"{head}<status>{'x' * subscriptions.PENDING_BYTES}</status></presence>")
    assert user.only().findtext(f"{{{ns.NICK}}}nick") == nick
    user.drop()
    romeo = stage.connect("romeo", "orchard")
    romeo.available()
    (request,) = [each for each in romeo.take("presence") if each.type == "subscribe"]
    assert request.findtext(f"{{{ns.NICK}}}nick") == kept


def test_only_so_many_requests_wait(stage: Stage, user: Client, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subscriptions, "PENDING_PER_ACCOUNT", 3)
    for number in range(5):
        put(user, RosterItem(f"friend{number}@localhost", to=True))
        elsewhere.send(f"<presence from='c{number}@elsewhere.example' to='romeo@localhost' type='subscribe'/>")
    assert [each for each, _ in user.seen()] == [f"c{number}@elsewhere.example" for number in range(3)]


# Approval and its end (sections 3.1.5, 3.1.6, 3.2)


def test_who_is_approved_sees_every_available_session(stage: Stage, user: Client, elsewhere: Elsewhere):
    stage.login("romeo", "garden")
    stage.connect("romeo", "cell")
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribe'/>")
    user.presence("subscribed", CONTACT)
    assert elsewhere.seen() == [
        ("romeo@localhost", "subscribed"),
        ("romeo@localhost/orchard", None),
        ("romeo@localhost/garden", None),
    ]


def test_an_answer_reaches_interested_sessions_too(stage: Stage, user: Client, elsewhere: Elsewhere):
    interested, connected = stage.connect("romeo", "garden"), stage.connect("romeo", "cell")
    interested.roster()
    put(user, STATES["None + Pending Out"])
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribed'/>")
    assert interested.seen() == [(CONTACT, "subscribed")]
    assert interested.pushes() == [{"jid": CONTACT, "subscription": "to"}]
    assert connected.take() == []


def test_both_subscribe_to_one_another(stage: Stage):
    """As Converse does it, which answers an approval by asking again: nothing goes round in circles."""
    romeo, juliet = stage.login("romeo", "orchard"), stage.login("juliet", "balcony")
    romeo.presence("subscribe", "juliet@localhost")
    juliet.presence("subscribed", "romeo@localhost")
    juliet.presence("subscribe", "romeo@localhost")
    romeo.presence("subscribe", "juliet@localhost")  # the other style, after `subscribed`
    romeo.presence("subscribed", "juliet@localhost")
    juliet.presence("subscribe", "romeo@localhost")
    assert romeo.roster() == {"juliet@localhost": {"jid": "juliet@localhost", "subscription": "both"}}
    assert juliet.roster() == {"romeo@localhost": {"jid": "romeo@localhost", "subscription": "both"}}
    assert romeo.seen() == [
        ("juliet@localhost", "subscribed"),
        ("juliet@localhost/balcony", None),
        ("juliet@localhost", "subscribe"),
    ]
    assert juliet.seen() == [
        ("romeo@localhost", "subscribe"),
        ("romeo@localhost", "subscribed"),
        ("romeo@localhost/orchard", None),
    ]
    assert [each["subscription"] for each in romeo.pushes()] == ["none", "to", "both"]
    assert [each["subscription"] for each in juliet.pushes()] == ["from", "from", "both"]


def test_asking_again_is_answered_for_one_who_is_away(stage: Stage, romeo: Client):
    stage.befriend("romeo", "juliet")
    romeo.presence("subscribe", "juliet@localhost")
    assert romeo.take() == []
    assert stage.connect("juliet").take() == []


def test_taking_it_back(romeo: Client, juliet: Client):
    romeo.presence("unsubscribed", "juliet@localhost")
    assert juliet.seen() == [("romeo@localhost/orchard", "unavailable"), ("romeo@localhost", "unsubscribed")]
    assert juliet.pushes() == [{"jid": "romeo@localhost", "subscription": "from"}]
    assert romeo.pushes() == [{"jid": "juliet@localhost", "subscription": "to"}]
    romeo.available()
    assert juliet.seen() == []


def test_having_enough_of_somebody(romeo: Client, juliet: Client):
    romeo.presence("unsubscribe", "juliet@localhost")
    assert juliet.seen() == [("romeo@localhost", "unsubscribe")]
    assert juliet.pushes() == [{"jid": "romeo@localhost", "subscription": "to"}]
    assert romeo.pushes() == [{"jid": "juliet@localhost", "subscription": "from"}]
    assert romeo.seen() == [("juliet@localhost/balcony", "unavailable")]


# Approval in advance (section 3.4)


def test_the_server_says_that_it_can(stage: Stage):
    for logged_in in (True, False):
        offered = [each.tag for hook in stage.host.hooks.stream_features for each in hook(logged_in)]
        assert (f"{{{ns.PRE_APPROVAL}}}sub" in offered) is logged_in


def test_who_was_approved_in_advance_need_not_wait(user: Client, elsewhere: Elsewhere):
    user.presence("subscribed", CONTACT)
    assert user.pushes() == [{"jid": CONTACT, "subscription": "none", "approved": "true"}]
    assert elsewhere.take() == []
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribe'/>")
    assert user.seen() == []
    assert user.pushes() == [{"jid": CONTACT, "subscription": "from"}]
    assert elsewhere.seen() == [("romeo@localhost", "subscribed"), ("romeo@localhost/orchard", None)]


def test_an_approval_in_advance_can_be_taken_back(user: Client, elsewhere: Elsewhere):
    user.presence("subscribed", CONTACT)
    user.presence("unsubscribed", CONTACT)
    assert [each.get("approved") for each in user.pushes()] == ["true", None]
    assert elsewhere.take() == []
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='subscribe'/>")
    assert user.seen() == [(CONTACT, "subscribe")]


def test_it_survives_a_probe(stage: Stage, user: Client, elsewhere: Elsewhere):
    user.presence("subscribed", CONTACT)
    elsewhere.send(f"<presence from='{CONTACT}' to='romeo@localhost' type='probe'/>")
    assert elsewhere.seen() == [("romeo@localhost", "unsubscribed")]
    assert state(user) == "None, approved"
