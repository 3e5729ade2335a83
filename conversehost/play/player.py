"""Plays a dialogue, step by step. What makes it fail explains itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from typing import Protocol

from conversehost.client.client import Client
from conversehost.client.wire import RefusedError, SilenceError, StreamEndedError, UnreachableError
from conversehost.testbed.dialogue import Dialogue, Role, Step
from conversehost.testbed.likeness import UnknownNameError, difference, fill, match, render
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import Element, element


class Place(Protocol):
    """Where a dialogue is played. Both methods raise UnreachableError for what isn't possible there."""

    def client(self, role: Role) -> Client:
        """One that isn't connected yet."""

    def pass_time(self, seconds: int) -> None:
        """Turn the server's clock."""


class FailedError(Exception):
    """It went another way. `line` is the step's, `details` are lines of XML."""

    def __init__(self, path: str, line: int, message: str, details: Sequence[str] = ()) -> None:
        super().__init__("\n".join([f"{path}:{line}: {message}", *(f"    {each}" for each in details)]))
        self.line = line
        self.message = message
        self.details = tuple(details)


class _Differs(Exception):  # noqa: N818 - becomes a FailedError, which knows the line
    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = details


def play(dialogue: Dialogue, place: Place) -> None:
    """All of it; connections that are left open are dropped at the end.

    Raises FailedError; UnreachableError where there is no server to play with.
    """
    player = _Player(dialogue.roles, place)
    try:
        for step in dialogue.steps:
            try:
                player.do(step)
            except _Differs as differs:
                raise FailedError(dialogue.path, step.line, str(differs), differs.details) from None
    finally:
        player.leave()


class _Player:
    """Who is connected, what is remembered, and who has sent something that may not have been handled yet."""

    def __init__(self, roles: dict[str, Role], place: Place) -> None:
        self._roles = roles
        self._place = place
        self._clients: dict[str, Client] = {}
        self._broken: dict[str, Client] = {}  # those that can be resumed
        self._memory = {f"{name}'s JID": role.jid.bare for name, role in roles.items() if role.jid.local}
        self._unsettled: dict[str, None] = {}  # in order
        self._acts: dict[str, Callable[[str, Step], None]] = {
            "connect": self._connect,
            "refused": self._refused,
            "resume": self._resume,
            "not_resumed": self._not_resumed,
            "open": self._open,
            "log_in": self._log_in,
            "send": self._send,
            "receive": self._receive,
            "receive_in_any_order": self._receive_in_any_order,
            "receive_nothing": self._receive_nothing,
            "ignore": self._ignore,
            "disconnect": self._disconnect,
            "drop": self._drop,
            "ended": self._ended,
        }

    def do(self, step: Step) -> None:
        """Raises _Differs."""
        if step.verb == "pass":
            self._pass_time(step.seconds)
        elif step.verb == "befriend":
            self._befriend(step.names)
        elif step.verb == "online":
            self._come_online(step)
        else:
            for name in step.names:
                self._act(step.verb, name, step)

    def leave(self) -> None:
        """Whoever is still there."""
        for client in self._clients.values():
            client.drop()

    def _act(self, verb: str, name: str, step: Step) -> None:
        """One person does something. Before anybody makes a difference, what others sent has been handled."""
        if verb not in ("receive", "receive_in_any_order", "ended"):
            self._settle(but=name)
        with explaining(name):
            self._acts[verb](name, step)

    # What people do

    def _connect(self, name: str, step: Step) -> None:
        self._open(name, step)
        self._log_in(name, step)

    def _refused(self, name: str, step: Step) -> None:
        with self._refusing(name, step.argument):
            self._connect(name, step)

    def _resume(self, name: str, step: Step) -> None:
        broken = self._broken.get(name) or self._clients.get(name)
        if broken is None or not broken.is_managed:
            raise _Differs(f"{name} has nothing to resume: that takes <enabled/>, and a connection that broke")
        self._clients.pop(name, None)
        self._open(name, step)
        self._clients[name].resume(broken)
        broken.drop()

    def _not_resumed(self, name: str, step: Step) -> None:
        with self._refusing(name, step.argument):
            self._resume(name, step)

    def _open(self, name: str, step: Step) -> None:
        if name not in self._clients:
            self._clients[name] = self._place.client(self._roles[name])
        self._clients[name].open()

    def _log_in(self, name: str, step: Step) -> None:
        client = self._client(name)
        client.log_in()
        self._memory |= {f"{name}'s full JID": client.jid.full, f"{name}'s JID": client.jid.bare}

    def _send(self, name: str, step: Step) -> None:
        for each in step.stanzas:
            self._client(name).send(fill(each, self._memory))
            self._unsettled[name] = None

    def _receive(self, name: str, step: Step) -> None:
        for expected in step.stanzas:
            self._compare(name, self._next(name, [expected]), [expected])

    def _receive_in_any_order(self, name: str, step: Step) -> None:
        left = list(step.stanzas)
        while left:
            left.remove(self._compare(name, self._next(name, left), left))

    def _receive_nothing(self, name: str, step: Step) -> None:
        client = self._client(name)
        client.settle()
        if found := client.take_all():
            raise _Differs(f"{name} receives something", _all(found, "+ "))
        if client.end is not None:
            raise client.end

    def _ignore(self, name: str, step: Step) -> None:
        client = self._client(name)
        client.settle()
        client.take_all()

    def _disconnect(self, name: str, step: Step) -> None:
        self._client(name).close()
        self._gone(name)

    def _drop(self, name: str, step: Step) -> None:
        client = self._client(name)
        if name in self._unsettled:
            client.settle()
        client.drop()
        self._gone(name)
        self._broken[name] = client

    def _ended(self, name: str, step: Step) -> None:
        try:
            got = self._client(name).receive()
        except SilenceError:
            raise _Differs(f"{name} isn't disconnected") from None
        except StreamEndedError as error:
            if step.argument and error.condition != step.argument:
                raise _Differs(f"{name} is disconnected for another reason{_because(error)}") from None
            self._client(name).drop()
            self._gone(name)
        else:
            raise _Differs(f"{name} receives something before the end", _all([got], "+ "))

    # Several at once

    def _befriend(self, names: Sequence[str]) -> None:
        """As people do it themselves, by asking and granting (RFC 6121 section 3), so that every server understands."""
        if present := [name for name in names if name in self._clients]:
            raise _Differs(f"{', '.join(present)} should make friends before they connect")
        people = {name: self._place.client(self._roles[name]) for name in names}
        try:
            for name, client in people.items():
                with explaining(name):
                    client.open()
                    client.log_in()
            for asking, asked in permutations(people, 2):
                for name, other, type in ((asking, asked, "subscribe"), (asked, asking, "subscribed")):
                    with explaining(name):
                        people[name].send(stanza("presence", {"type": type, "to": people[other].jid.bare}))
                        people[name].settle()
        finally:
            for client in people.values():
                client.close()

    def _come_online(self, step: Step) -> None:
        """Connected, with the roster read and presence sent; what comes of that is nobody's concern."""
        for name in step.names:
            self._act("connect", name, step)
            client = self._client(name)
            client.send(stanza("iq", {"type": "get", "id": "roster"}, element(ns.ROSTER, "query")))
            client.send(stanza("presence", {}))
            self._unsettled[name] = None
        for name in step.names:
            self._act("ignore", name, step)

    def _pass_time(self, seconds: int) -> None:
        self._settle()
        try:
            self._place.pass_time(seconds)
        except UnreachableError as error:
            raise _Differs(str(error)) from None

    # The rest

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            raise _Differs(f"{name} isn't connected")
        return self._clients[name]

    def _gone(self, name: str) -> None:
        del self._clients[name]
        self._unsettled.pop(name, None)

    def _next(self, name: str, expected: Sequence[Element]) -> Element:
        try:
            return self._client(name).receive()
        except SilenceError:
            raise _Differs(f"{name} receives nothing", _all(expected, "- ")) from None
        except StreamEndedError as error:
            raise _Differs(f"{name} is disconnected{_because(error)}", _all(expected, "- ")) from None

    def _compare(self, name: str, got: Element, expected: Sequence[Element]) -> Element:
        """The one of `expected` that is like what came. Raises _Differs, with the closest one."""
        for each in expected:
            remembered = match(each, got, self._memory)
            if remembered is not None:
                self._memory = remembered
                return each
        differences = [difference(each, got, self._memory) for each in expected]
        closest = min(differences, key=lambda lines: sum(not line.startswith(" ") for line in lines))
        raise _Differs(f"{name} receives something else", closest)

    @contextlib.contextmanager
    def _refusing(self, name: str, condition: str) -> Iterator[None]:
        """The server should say no. Raises _Differs when it says something else."""
        try:
            yield
        except RefusedError as error:
            self._clients.pop(name).drop()
            if error.condition != condition:
                raise _Differs(f"{name} is refused for another reason: {error}") from None
        else:
            raise _Differs(f"{name} isn't refused")

    def _settle(self, but: str = "") -> None:
        for name in [each for each in self._unsettled if each != but]:
            del self._unsettled[name]
            with explaining(name):
                self._clients[name].settle()


@contextlib.contextmanager
def explaining(name: str) -> Iterator[None]:
    """Whatever goes wrong with somebody's connection, in words. Raises _Differs."""
    try:
        yield
    except RefusedError as error:
        raise _Differs(f"{name} is refused: {error}") from None
    except StreamEndedError as error:
        raise _Differs(f"{name} is disconnected{_because(error)}") from None
    except SilenceError:
        raise _Differs(f"{name} waits for the server in vain") from None
    except UnknownNameError as error:
        raise _Differs(str(error)) from None


def _because(error: StreamEndedError) -> str:
    return f": {error}" if str(error) else ""


def _all(stanzas: Sequence[Element], sign: str) -> list[str]:
    return [sign + line for each in stanzas for line in render(each)]
