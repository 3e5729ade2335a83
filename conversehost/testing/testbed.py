"""A conversehost server of one's own, for tests: starts it, and talks to its control API. Standard library alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from conversehost.testing.addresses import Addresses, about, door_of
from conversehost.testing.blocking import Blocking, ask
from conversehost.testing.calls import run
from conversehost.testing.playing import play
from conversehost.testing.process import START, launch
from conversehost.testing.verbs.all import Verbs
from conversehost.testing.verbs.expectations import ExpectationHandle
from conversehost.testing.verbs.faults import FaultHandle


class Fault(Blocking, FaultHandle):
    """A fault or a stub that has been set. It ends with `remove`, at the end of a `with` block, or with a reset.

    `name` is what the control API knows it by, `kind` such as "lost-response", or "stub".
    """

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class Expectation(Blocking, ExpectationHandle):
    """What `TestBed.expect` has set. It ends with `remove`, at the end of a `with` block, or with a reset.

    `name` is what the control API knows it by.
    """

    def __enter__(self) -> Expectation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(well=error is None)


class TestBed(Blocking, Verbs[Fault, Expectation], Addresses):
    """A running server: its addresses, its accounts, and the means to change what is there.

        with TestBed.start(registration=True) as bed:
            romeo = bed.add_user("romeo2", friends=["juliet"])
            browser.get(bed.site)        # ... log in as romeo.username, romeo.password
            assert bed.sessions(romeo)[0].available
            bed.kill_session(romeo)      # ... and see Converse.js come back
            bed.reset()

    `site`, `bosh`, `websocket`, `prebind`, `credentials`, `api` and `https` are URLs, `c2s`, `c2s_tls`, `component` and
    `s2s` are "host:port"; None for what the server doesn't have. `ca` is the file to trust the certificate of `https`
    by, `domain` its first XMPP domain, `pid` its process. `page` is where a browser is sent: the site, for a tenant by
    the name of its domain. Every method raises TestBedError when the server refuses or doesn't answer.
    """

    __test__ = False  # pytest: it only sounds like a test
    _fault = Fault
    _expectation = Expectation

    @classmethod
    def start(cls, *args: str, timeout: float = START, **options: object) -> TestBed:
        """Start a server on free ports, and wait until it is ready, at most `timeout` seconds.

        `args` are options as on the command line ("--domain", "chat.example"), and so are keyword arguments
        (domain="chat.example", bosh_wait=5, registration=True; a list for an option that is repeated). It ends with
        `stop`, at the end of a `with` block, or with this process, however that ends.
        """
        return cls(*launch(args, options, timeout))

    @classmethod
    def connect(cls, url: str, token: str | None = None) -> TestBed:
        """Use a server that runs already; `url` is any address of its site, or of its API.

        One on another machine, or behind a proxy, wants the token that is in its file `api_token_file`.
        """
        door = door_of(url, token)
        ready: Mapping[str, Any] = run(about(door), lambda call: ask(door, call))
        return cls(ready, token=token)

    def play(self, dialogue: str, timeout: float = 60) -> None:
        """Play a dialogue (docs/dialogues.md) with this server, over TCP. Raises AssertionError where it goes another
        way: it says where, and what came instead.
        """
        play(dialogue, self.c2s, timeout)

    def stop(self) -> None:
        """Stop the server, if `start` started it; twice is no mistake."""
        if self._process is not None:
            self._process.stop()

    def __enter__(self) -> TestBed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_tenant:
            self.close()
        self.stop()
