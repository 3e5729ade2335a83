"""`/errors`: exceptions that nobody expected."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.testbed.conftest import House


class BrokenError(Exception):
    pass


@pytest.fixture
def broken(house: House) -> None:
    """The server fails at what is asked in `broken`."""

    def fail(iq: Stanza) -> None:
        raise BrokenError("not today")

    house.server.domains.hosts["localhost"].on_iq("set", "broken", "query", fail, at="host")


def ask(house: House, payload: str) -> None:
    query = f"<query xmlns='broken'>{payload}</query>"
    iq = f"<iq xmlns='{ns.CLIENT}' type='set' id='1' to='localhost'>{query}</iq>"
    house.poll(house.prebound("alice"), 0, iq)


@pytest.mark.usefixtures("broken")
def test_an_exception_is_kept_with_its_stanza_and_logged(house, api):
    with capturedLogs() as logs:
        ask(house, "<password>hush</password>")
    (found,) = api("GET", "/errors").json["errors"]
    assert found["error"].endswith("BrokenError: not today")
    assert found["where"].endswith("in fail")
    assert found["traceback"].startswith("Traceback (most recent call last):")
    assert "alice@localhost" in found["xml"]
    assert "<password>...</password>" in found["xml"]
    assert [each["log_failure"].type for each in logs if "log_failure" in each] == [BrokenError]


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(("method", "path"), [("DELETE", "/errors"), ("POST", "/reset")])
def test_they_are_forgotten(house, api, method, path):
    with capturedLogs():
        ask(house, "")
    assert api(method, path).status == 204
    assert api("GET", "/errors").json == {"errors": []}


def test_a_link_that_fails(house, api):
    class Broken:
        def flush(self) -> None:
            raise BrokenError("gone")

    house.server.turn.add(Broken())
    with capturedLogs():
        house.server.turn.end()
    (found,) = api("GET", "/errors").json["errors"]
    assert (found["error"].rpartition(".")[2], found["xml"]) == ("BrokenError: gone", None)


@pytest.mark.usefixtures("broken")
def test_the_latest_hundred_are_kept(house, api):
    with capturedLogs():
        bound = house.prebound("alice")
        query = "<query xmlns='broken'/>"
        iqs = "".join(f"<iq xmlns='{ns.CLIENT}' type='set' id='{n}' to='localhost'>{query}</iq>" for n in range(101))
        house.poll(bound, 0, iqs)
    assert [each["number"] for each in api("GET", "/errors").json["errors"]] == list(range(2, 102))
