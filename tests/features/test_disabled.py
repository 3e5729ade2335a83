"""Each feature can be left out, so that a client can be tried without it."""

from __future__ import annotations

import pytest

from conversehost.features import FEATURES, OPTIONAL, name_of
from conversehost.server.host import Host
from conversehost.server.policy import Policy
from conversehost.xmpp.jid import parse
from tests.stage import Stage

NAMES = [name_of(each) for each in FEATURES + OPTIONAL]


def full(*disabled: str) -> Stage:
    """A server with all features, or all but those."""
    policy = Policy(admins=frozenset({parse("admin@localhost")}))
    return Stage(registration=True, anonymous=True, disabled=disabled, policy=policy)


def registered(host: Host) -> set[object]:
    """All that features have told the host of: what a client can see of them, and what answers it."""
    points = dict(vars(host.hooks))
    for name in ("incoming", "announced", "archived"):
        points |= {f"{name} {kind}": hooks for kind, hooks in points.pop(name).items()}
    hooks = {(point, hook.__module__) for point, hooks in points.items() for hook in hooks}
    tables = (
        host.iqs,
        host.own_iqs,
        host.stream_iqs,
        host.nonzas,
        host.framings,
        host.on_binding,
        host.presence_from,
        host.presence_to,
    )
    handlers = {(number, key) for number, table in enumerate(tables) for key in table}
    told = {each.form_type for each in host.forms} | set(host.nodes) | set(host.commands)
    return hooks | handlers | told | {(at, feature) for at, features in host.features.items() for feature in features}


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_left_out_is_gone_and_nothing_else(name: str):
    everything, rest = full().host, full(name).host
    gone = registered(everything) - registered(rest)
    assert gone
    assert registered(rest) < registered(everything)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "disco"])
def test_what_it_advertised_is_gone_from_disco(name: str):
    everything, rest = full(), full(name)
    told, still_told = advertised(everything), advertised(rest)
    assert told - still_told == set(everything.host.features["host"]) - set(rest.host.features["host"])
    assert still_told <= told


def test_without_disco_nobody_is_told_anything():
    answer = Stage(disabled=["disco"]).connect("romeo").ask("get", QUERY, "localhost")
    assert answer.type == "error"


def test_a_name_that_no_feature_has():
    with pytest.raises(KeyError):
        Stage(disabled=["telepathy"])


QUERY = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


def advertised(stage: Stage) -> set[str]:
    """The features that service discovery tells of."""
    query = stage.connect("romeo").ask("get", QUERY, "localhost")[0]
    return {each.get("var", "") for each in query if each.tag.endswith("feature")}
