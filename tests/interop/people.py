"""People at JavaScript clients: a Node process that runs one of node/*.js, and who is in it."""

from __future__ import annotations

import itertools
import json
import os
import selectors
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from conversehost.testing import TestBed
from tests.clients.bosh import BoshClient

from .tools import program

SCRIPTS = Path(__file__).parent / "node"
PATIENCE = 20.0
"""Seconds to wait for what should come at once."""

_number = itertools.count()


class Node:
    """A process; it ends with the `with` block. An exception that nobody caught there fails the test."""

    def __init__(self, script: str, ca: str = "") -> None:
        """`ca` is the file of an authority to trust."""
        environment = {**os.environ, **({"NODE_EXTRA_CA_CERTS": ca} if ca else {})}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as this is there
        command = [program("node", "nodejs"), str(SCRIPTS / f"{script}.js")]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self._errors, bufsize=0, env=environment
        )
        self._rest = b""
        self._happened: dict[str, list[dict[str, Any]]] = {}  # by who

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        complaint = self._complaint()
        self._errors.close()
        if kind is None and complaint:
            pytest.fail(complaint, pytrace=False)

    def order(self, who: str, act: str, **order: object) -> None:
        """Have a person do something; the script knows what."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"who": who, "act": act, **order}).encode() + b"\n")

    def next(self, who: str, event: str, **like: object) -> dict[str, Any]:
        """What happens to a person next that is like this; what happened to them before it is forgotten."""
        wanted = {"who": who, "event": event, **like}
        deadline = time.monotonic() + PATIENCE
        theirs = self._happened.setdefault(who, [])
        begin = 0
        while True:
            for place in range(begin, len(theirs)):
                if wanted.items() <= theirs[place].items():
                    found = theirs[place]
                    del theirs[: place + 1]
                    return found
            begin = len(theirs)
            for each in self._read(deadline, f"{wanted} doesn't happen, but {theirs}"):
                self._happened.setdefault(each["who"], []).append(each)

    def _read(self, deadline: float, otherwise: str) -> list[dict[str, Any]]:
        """The lines that come next."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            read = self._process.stdout.read(65_536) if selector.select(max(0.0, deadline - time.monotonic())) else b""
        if not read:
            pytest.fail(f"{otherwise}\n{self._complaint()}")
        *lines, self._rest = (self._rest + read).split(b"\n")
        return [json.loads(line) for line in lines]

    def _complaint(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")


class Person:
    """Somebody at a client, at `service`, which is a URL; one of many in their process."""

    def __init__(self, node: Node, name: str, service: str) -> None:
        self._node = node
        self._who = f"{name} {next(_number)}"
        self.name = name
        self.service = service

    def does(self, act: str, **order: object) -> None:
        """An order to the client."""
        self._node.order(self._who, act, **order)

    def connects(self, password: str = "secret", domain: str = "localhost", **order: object) -> None:
        """Begins to log in."""
        self.does("connect", service=self.service, jid=f"{self.name}@{domain}", password=password, **order)

    def logs_in(self, **order: object) -> str:
        """Whole; the full JID."""
        self.connects(**order)
        return self.comes_online()

    def comes_online(self) -> str:
        """Now or soon; the full JID."""
        jid: str = self.next("online")["jid"]
        return jid

    def appears(self) -> None:
        """Becomes available, and knows when that has come about: then the server tells it of its own presence."""
        self.does("present")
        self.next("presence", type="available")

    def hears(self, body: str, **like: object) -> dict[str, Any]:
        """The next message has this body."""
        message = self.next("message")
        assert message["body"] == body
        assert like.items() <= message.items()
        return message

    def is_told(self, words: str) -> None:
        """In the client's own terms."""
        self.next("told", words=words)

    def next(self, event: str, **like: object) -> dict[str, Any]:
        """See Node.next."""
        return self._node.next(self._who, event, **like)


def juliet_on_bosh(bed: TestBed) -> BoshClient:
    """Romeo's friend at a client of ours, available: she sees his presence, and gets what is said to her."""
    juliet = BoshClient(bed.bosh, "localhost")
    juliet.log_in("juliet", "secret")
    juliet.send("<presence xmlns='jabber:client'/>")
    return juliet
