"""RFC 6121 section 2.6, which was XEP-0237."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.server import roster
from conversehost.server.roster import RosterItem
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage

Contacts = dict[str, dict[str, str]]


class Reader:
    """A client that keeps its roster between sessions, and its version, and asks for what it has missed."""

    def __init__(self, stage: Stage, name: str = "mercutio") -> None:
        self.stage = stage
        self.name = name
        self.contacts: Contacts = {}
        self.version = ""
        self.client = stage.connect(name)
        self.read()

    def come_back(self) -> Stanza:
        """Log in once more; the answer to the question for the roster."""
        self.client = self.stage.connect(self.name)
        return self.read()

    def read(self) -> Stanza:
        self.client.write(f"<iq type='get' id='r'><query xmlns='{ns.ROSTER}' ver='{self.version}'/></iq>")
        answer = self.client.inbox.pop(0)
        assert isinstance(answer, Stanza)
        assert (answer.type, answer.id) == ("result", "r")  # before any push
        if len(answer):
            self.contacts = {each.get("jid", ""): dict(each.attrib) for each in answer[0]}
            self.version = answer[0].attrib["ver"]
        return answer

    def take(self, pushes: list[Stanza]) -> None:
        """Live through them."""
        for push in pushes:
            if push.type == "set":
                item = push[0][0]
                assert push[0].get("ver") not in ("", None, self.version)
                self.version = push[0].attrib["ver"]
                self.contacts.pop(item.attrib["jid"], None)
                if item.get("subscription") != "remove":
                    self.contacts[item.attrib["jid"]] = dict(item.attrib)


def change(client: Client, contact: str, **attributes: str) -> None:
    told = "".join(f" {key}='{value}'" for key, value in attributes.items())
    client.ask("set", f"<query xmlns='{ns.ROSTER}'><item jid='{contact}@localhost'{told}/></query>")


@pytest.fixture
def other(stage: Stage) -> Client:
    """Of mercutio's; it changes his roster while the reader is away."""
    client = stage.connect("mercutio", "other")
    for name in ("nurse", "tybalt", "paris", "peter"):
        change(client, name)
    return client


@pytest.fixture
def reader(stage: Stage, other: Client) -> Reader:
    reader = Reader(stage)
    reader.client.drop()
    return reader


def test_it_is_offered_once_one_has_logged_in(stage: Stage):
    offered = [[each.tag for hook in stage.host.hooks.stream_features for each in hook(state)] for state in (0, 1)]
    assert [f"{{{ns.ROSTER_VERSION}}}ver" in each for each in offered] == [False, True]


def test_who_knows_no_version_gets_the_whole_roster_with_its_version(mercutio: Client, stage: Stage):
    change(mercutio, "nurse")
    for question in (f"<query xmlns='{ns.ROSTER}'/>", f"<query xmlns='{ns.ROSTER}' ver=''/>"):
        answer = mercutio.ask("get", question)
        assert [each.get("jid") for each in answer[0]] == ["nurse@localhost"]
        assert answer[0].get("ver")


def test_nothing_was_missed(reader: Reader):
    answer = reader.come_back()
    assert len(answer) == 0
    assert reader.client.take() == []


def test_an_empty_roster_that_stays_empty(stage: Stage):
    reader = Reader(stage)
    assert (reader.contacts, reader.version) == ({}, "0")
    assert len(reader.come_back()) == 0


def test_what_was_missed_comes_as_pushes_in_order_each_contact_once(reader: Reader, other: Client):
    change(other, "paris", name="P")
    change(other, "nurse", name="N")
    change(other, "tybalt", subscription="remove")
    change(other, "paris", name="Count Paris")
    assert len(reader.come_back()) == 0
    pushes = reader.client.take()
    assert [(each[0][0].get("jid"), each[0][0].get("name"), each[0][0].get("subscription")) for each in pushes] == [
        ("nurse@localhost", "N", "none"),
        ("tybalt@localhost", None, "remove"),
        ("paris@localhost", "Count Paris", "none"),
    ]
    assert len({each[0].get("ver") for each in pushes}) == 3
    reader.take(pushes)
    reader.client.drop()
    assert len(reader.come_back()) == 0
    assert reader.client.take() == []


def test_who_left_amid_the_pushes_goes_on_from_the_last_one(reader: Reader, other: Client):
    change(other, "nurse", name="N")
    change(other, "paris", name="P")
    reader.come_back()
    reader.take(reader.client.take()[:1])
    reader.client.drop()
    reader.come_back()
    assert [each[0][0].get("jid") for each in reader.client.take()] == ["paris@localhost"]


def test_a_push_during_the_session_carries_its_version_to_all_who_are_interested(reader: Reader, other: Client):
    reader.come_back()
    other.roster()
    change(other, "nurse", name="N")
    versions = {client.only("iq")[0].get("ver") for client in (other, reader.client)}
    assert len(versions) == 1
    reader.client.drop()
    (reader.version,) = versions  # type: ignore[assignment]
    assert len(reader.come_back()) == 0
    assert reader.client.take() == []


def test_a_version_that_nobody_knows_gets_the_whole_roster(reader: Reader):
    reader.version = "made-up"
    assert len(reader.come_back()[0]) == 4


def test_too_much_was_missed(reader: Reader, other: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(roster, "CHANGES_PER_ACCOUNT", 4)
    for number in range(4):
        change(other, "nurse", name=str(number))
    answer = reader.come_back()
    assert [each.get("name") for each in answer[0]] == ["3", None, None, None]
    assert len(reader.stage.store.items("roster-log", "mercutio@localhost")) == 4


def test_the_whole_roster_where_that_is_shorter(reader: Reader, other: Client):
    for name in ("nurse", "tybalt", "peter"):
        change(other, name, subscription="remove")
    answer = reader.come_back()
    assert [each.get("jid") for each in answer[0]] == ["paris@localhost"]
    assert reader.client.take() == []


def test_a_request_that_waits_does_not_show(reader: Reader, stage: Stage):
    stage.login("nurse").presence("subscribe", "mercutio@localhost")
    assert len(reader.come_back()) == 0
    assert reader.client.take() == []


def test_a_subscription_is_a_change(reader: Reader, stage: Stage, other: Client):
    stage.account("nurse")
    other.presence("subscribe", "nurse@localhost")
    stage.login("nurse").presence("subscribed", "mercutio@localhost")
    reader.come_back()
    (push,) = reader.client.take("iq")
    assert dict(push[0][0].attrib) == {"jid": "nurse@localhost", "subscription": "to"}


def test_a_version_of_before_a_reset_means_nothing_after_it(reader: Reader, stage: Stage, other: Client):
    stage.store.reset()
    stage.account("mercutio")
    answer = reader.come_back()
    assert (len(answer[0]), answer[0].get("ver")) == (0, "0")
    for number in range(5):
        change(other, f"new{number}")
    reader.client.drop()
    reader.version = "0"
    assert len(reader.come_back()[0]) == 5


def test_a_version_of_a_time_that_was_taken_back_means_nothing(reader: Reader, stage: Stage, other: Client):
    snapshot, before = stage.store.snapshot(), reader.version
    change(other, "nurse", name="N")
    reader.come_back()
    reader.take(reader.client.take())
    reader.client.drop()
    stage.store.restore(snapshot)
    change(other, "tybalt", name="T")
    assert [each.get("name") for each in reader.come_back()[0]] == [None, "T", None, None]
    reader.client.drop()
    reader.version = before
    assert len(reader.come_back()) == 0
    assert [each[0][0].get("jid") for each in reader.client.take()] == ["tybalt@localhost"]


def test_nothing_is_kept_of_an_account_that_is_gone(reader: Reader, stage: Stage):
    stage.host.delete_account(stage.account("mercutio"))
    assert list(stage.store.owners("roster-log")) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abcd"), st.sampled_from(["", "x", "y"])),
        st.tuples(st.just("remove"), st.sampled_from("abcd")),
        st.tuples(st.just("befriend"), st.sampled_from("abcd")),
        st.tuples(st.just("request"), st.sampled_from("abcd")),
        st.tuples(st.sampled_from(["come", "go", "lose a push", "snapshot", "restore"])),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_whatever_was_missed_the_client_ends_up_with_the_roster_as_it_is(steps: list[tuple[str, ...]]):
    stage = Stage()
    account = stage.account("mercutio")
    rosters, reader, other = stage.host.rosters, Reader(stage), stage.connect("mercutio")
    snapshot = stage.store.snapshot()
    for kind, *arguments in steps:
        contact = f"{arguments[0]}@localhost" if arguments else ""
        if kind == "put":
            change(other, arguments[0], name=arguments[1])
        elif kind == "remove":
            change(other, arguments[0], subscription="remove")
        elif kind == "befriend":
            rosters.put(account, RosterItem(contact, to=True, from_=True))
            reader.client.drop()  # an account of a scenario: nobody is there
        elif kind == "request":
            stage.login(arguments[0]).presence("subscribe", "mercutio@localhost")
        elif kind == "snapshot":
            snapshot = stage.store.snapshot()
        elif kind == "restore":
            reader.client.drop()
            stage.store.restore(snapshot)
        elif kind == "come" and reader.client.closed:
            reader.come_back()
        elif kind == "go":
            reader.client.drop()
        pushes = reader.client.take("iq")
        if kind == "lose a push":
            reader.client.drop()
            pushes = pushes[:-1]
        reader.take(pushes)
    reader.client.drop()
    reader.come_back()
    reader.take(reader.client.take("iq"))
    assert reader.contacts == {item.jid: dict(item.to_element().attrib) for item in rosters.of(account) if item.listed}
