"""`/expectations`: set before something is done, met by it or not."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from tests.testbed.conftest import House, Waiter

AVAILABLE = f"<presence xmlns='{ns.CLIENT}'/>"


class Talk:
    """Alice writes to bob, who listens."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._alice, self._bob = house.prebound("alice"), house.prebound("bob")
        self._said = 0
        house.poll(self._bob, 0, AVAILABLE)
        self.say("", payload=AVAILABLE)

    def say(self, body: str, payload: str = "") -> None:
        said = f"<message xmlns='{ns.CLIENT}' to='bob@localhost' type='chat'><body>{body}</body></message>"
        self._house.poll(self._alice, self._said, payload or said)
        self._said += 1


@pytest.fixture
def alice(house) -> Talk:
    return Talk(house)


@pytest.fixture
def expect(api):
    def expect(xpath: str = "message[body='hi']", **fields: object) -> str:
        answer = api("POST", "/expectations", {"xpath": xpath, **fields})
        assert answer.status == 201, answer.body
        return answer.json["name"]

    return expect


def told(api, name: str) -> dict:
    return api("GET", f"/expectations/{name}").json


def state(api, name: str) -> tuple[str, int]:
    found = told(api, name)
    return found["state"], found["count"]


def test_it_is_met_by_what_comes_later_and_not_by_what_came_before(api, alice, expect):
    alice.say("hi")
    name = expect()
    assert state(api, name) == ("unmet", 0)
    alice.say("hi")
    assert state(api, name) == ("met", 1)
    assert told(api, name)["why"] is None


def test_what_one_client_says_to_another_counts_once(api, alice, expect):
    name = expect(times=1)
    alice.say("hi")
    assert len(api("GET", "/traffic?kind=message").json["records"]) == 2  # in, and out
    assert state(api, name) == ("met", 1)
    alice.say("hi")
    assert state(api, name) == ("violated", 2)
    assert told(api, name)["why"] == "it came twice"


@pytest.mark.parametrize(
    ("how_often", "states"),
    [
        ({}, ["unmet", "met", "met", "met"]),
        ({"times": 2}, ["unmet", "unmet", "met", "violated"]),
        ({"at_least": 2}, ["unmet", "unmet", "met", "met"]),
        ({"at_most": 1}, ["met", "met", "violated", "violated"]),
        ({"at_least": 1, "at_most": 2}, ["unmet", "met", "met", "violated"]),
        ({"never": True}, ["met", "violated", "violated", "violated"]),
        ({"times": 0}, ["met", "violated", "violated", "violated"]),
        ({"never": False}, ["unmet", "met", "met", "met"]),
    ],
)
def test_how_often(api, alice, expect, how_often, states):
    name = expect(**how_often)
    seen = [state(api, name)[0]]
    for _ in range(3):
        alice.say("hi")
        seen.append(state(api, name)[0])
    assert seen == states


def test_the_same_filter_as_for_traffic(api, alice, expect):
    to_bob, from_bob = expect(to="bob", direction="out"), expect(account="bob", direction="in")
    alice.say("hi")
    assert [state(api, to_bob)[0], state(api, from_bob)[0]] == ["met", "unmet"]
    assert told(api, to_bob)["to"] == "bob@localhost"
    assert told(api, from_bob)["account"] == "bob@localhost"


def test_in_order(api, alice, expect):
    one, two = (expect(f"message[body='{body}']", group="talk") for body in ("one", "two"))
    alice.say("one")
    alice.say("two")
    assert [state(api, one)[0], state(api, two)[0]] == ["met", "met"]


def test_out_of_order(api, alice, expect):
    one, two = (expect(f"message[body='{body}']", group="talk") for body in ("one", "two"))
    alice.say("two")
    alice.say("one")
    assert [state(api, one)[0], state(api, two)[0]] == ["met", "violated"]
    assert told(api, two)["why"] == "it came before message[body='one']"


def test_in_order_though_all_of_them_look_alike(api, alice, expect):
    names = [expect("message", group="talk") for _ in range(2)]
    alice.say("one")
    assert [state(api, each)[0] for each in names] == ["met", "unmet"]
    alice.say("two")
    assert [state(api, each)[0] for each in names] == ["met", "met"]


def test_within_a_time_of_the_servers_clock(api, alice, expect):
    soon, late, never = expect(within=60), expect(within=60), expect(within=60, never=True, to="alice")
    api("DELETE", f"/expectations/{late}")
    alice.say("hi")
    assert (state(api, soon)[0], state(api, never)[0]) == ("met", "unmet")
    assert told(api, never)["why"] == "its time isn't over yet"
    late = expect(within=60)
    api("POST", "/clock", {"advance": 61})
    assert (state(api, soon)[0], state(api, never)[0], state(api, late)[0]) == ("met", "met", "violated")
    alice.say("hi")  # too late for all of them
    assert state(api, late) == ("violated", 0)


def test_what_came_nearest(api, alice, expect):
    name = expect()
    alice.say("ho")
    found = told(api, name)
    assert found["near"][0]["differs"] == ["xpath"]
    assert "<body>ho</body>" in found["near"][0]["record"]["xml"]
    assert found["why"].startswith("it didn't come; of 2 that did, the nearest: <message ")
    assert "(xpath differs)" in found["why"]


def test_verify_answers_once_all_are_met(house, api, alice, expect):
    expect()
    expect(never=True, to="alice")
    waiter = Waiter(house, "GET", "/expectations/verify?timeout=3")
    house.server.reactor.advance(1)
    assert waiter.answer is None
    alice.say("hi")
    house.server.reactor.advance(0.1)
    assert waiter.answer is not None
    status, verified = waiter.answer
    assert (status, [each["state"] for each in verified["expectations"]]) == (200, ["met", "met"])


def test_verify_tells_what_was_not_said_and_what_came_nearest(house, alice, expect):
    expect(to="bob", times=2)
    expect("iq", account="bob")
    waiter = Waiter(house, "GET", "/expectations/verify?timeout=0.5")
    alice.say("ho")
    house.server.reactor.advance(0.5)
    status, code, message = waiter.error
    assert (status, code) == (408, "request-timeout")
    assert message.startswith(
        "expected message[body='hi'], to bob@localhost twice: it didn't come; of 2 that did, the "
    )
    assert "expected iq, account bob@localhost at least once: it didn't come" in message


def test_verify_does_not_wait_for_what_can_not_be_met_any_more(house, api, alice, expect):
    expect(never=True)
    expect("iq")
    waiter = Waiter(house, "GET", "/expectations/verify?timeout=60")
    alice.say("hi")
    house.server.reactor.advance(0.1)
    status, code, message = waiter.error
    assert (status, code) == (409, "conflict")
    assert message.startswith("expected message[body='hi'] never: it came once; expected iq at least once: ")


def test_one_of_them_is_verified_by_itself(api, alice, expect):
    name = expect()
    expect("iq")
    alice.say("hi")
    assert api("GET", f"/expectations/{name}/verify").status == 200
    assert api("GET", "/expectations/verify?timeout=0").status == 408


def test_they_are_listed_replaced_and_deleted(house, api, alice, expect):
    expect(name="greeting")
    alice.say("hi")
    expect(name="greeting", to="bob")
    listed = api("GET", "/expectations").json["expectations"]
    assert [(each["name"], each["count"], each["to"]) for each in listed] == [("greeting", 0, "bob@localhost")]
    assert api("DELETE", "/expectations/greeting").json["state"] == "unmet"
    assert api("GET", "/expectations/greeting").error[2] == "there is no expectation 'greeting'"
    expect()
    assert api("DELETE", "/expectations").status == 204
    assert api("GET", "/expectations").json == {"expectations": []}
    assert house.server.traffic.listeners == []


def test_a_reset_expects_nothing(house, api, expect):
    expect()
    api("POST", "/reset")
    assert api("GET", "/expectations").json == {"expectations": []}
    assert house.server.traffic.listeners == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "what is expected? Give one of kind, "),
        ({"kind": "iq", "times": 1, "never": True}, "one of times, never, or at_least and at_most: not several"),
        ({"kind": "iq", "times": 1, "at_most": 2}, "one of times, never, or at_least and at_most: not several"),
        ({"kind": "iq", "at_least": 2, "at_most": 1}, "at_most must not be less than at_least"),
        ({"kind": "iq", "times": -1}, "times must be a whole number"),
        ({"kind": "iq", "within": 0}, "within must be from 0.001 to 3600"),
        ({"kind": "iq", "name": "verify"}, "name can't be verify"),
        ({"xpath": "message["}, "xpath 'message['"),
        ({"kind": "iq", "often": 2}, "unknown field 'often'"),
    ],
)
def test_mistakes(api, fields, message):
    answer = api("POST", "/expectations", fields)
    assert answer.error[:2] == (400, "bad-request")
    assert answer.error[2].startswith(message)


@pytest.mark.parametrize("timeout", ["-1", "601", "x", "nan"])
def test_a_timeout_is_a_number_of_seconds(api, timeout):
    assert api("GET", f"/expectations/verify?timeout={timeout}").error[2].startswith("timeout must be ")


def test_who_goes_does_not_wait(house, expect):
    from twisted.python.failure import Failure

    expect()
    waiter = Waiter(house, "GET", "/expectations/verify?timeout=5")
    waiter.connection.connectionLost(Failure(ConnectionResetError()))
    house.server.reactor.advance(6)
    assert waiter.answer is None


def test_nothing_can_be_expected_where_nothing_is_recorded():
    house = House("--no-traffic")
    answer = house.api("POST", "/expectations", {"kind": "iq"})
    assert answer.error[:2] == (409, "conflict")
    assert answer.error[2].endswith("--no-traffic")
    house.server.close_sessions("system-shutdown")
