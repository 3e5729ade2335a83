"""A conversehost server of one's own, for tests: starts it, and talks to its control API. Standard library alone."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

from conversehost.testing.calls import ANSWER, TestBedError, User, call, name_of
from conversehost.testing.faults import Fault
from conversehost.testing.watching import Watching

API = "/_conversehost/api/v1"
COMMAND = ("-m", "conversehost", "--port", "0", "--c2s-port", "0", "--https-port", "0", "--json", "--exit-with-stdin")
START, STOP = 30.0, 10.0
"""Seconds to wait at most."""


@dataclass(frozen=True)
class Session:
    """A client that is logged in, as it was when asked.

    `jid` is the full JID, `account` the bare one. `transport` is "bosh", "websocket" or "tcp". `address` is the
    client's, None for a session that was made by prebind. `available`: it has sent presence.
    """

    id: str
    jid: str
    account: str
    transport: str
    address: str | None
    since: datetime
    available: bool
    priority: int


class TestBed(Watching):
    """A running server: its addresses, its accounts, and the means to change what is there.

        with TestBed.start(registration=True) as bed:
            romeo = bed.add_user("romeo2", friends=["juliet"])
            browser.get(bed.site)        # ... log in as romeo.username, romeo.password
            assert bed.sessions(romeo)[0].available
            bed.kill_session(romeo)      # ... and see Converse.js come back
            bed.reset()

    `site`, `bosh`, `websocket`, `prebind`, `credentials`, `api` and `https` are URLs, `c2s`, `c2s_tls` and
    `component` are "host:port"; None for what the server doesn't have. `ca` is the file to trust the certificate of
    `https` by, `domain` its first XMPP domain, `pid` its process. Every method raises TestBedError when the server
    refuses or doesn't answer.
    """

    __test__ = False  # pytest: it only sounds like a test

    def __init__(self, ready: Mapping[str, Any], process: _Process | None = None, token: str | None = None) -> None:
        """From the server's ready line. Mostly one calls `start` or `connect`."""
        self._token = token
        self.site: str = ready["site"]
        self.bosh: str = ready["bosh"]
        self.websocket: str | None = ready["websocket"]
        self.prebind: str = ready["prebind"]
        self.credentials: str | None = ready["credentials"]
        self.api: str = ready["api"]
        self.api_token_file: str | None = ready["api_token_file"]
        self.https: str | None = ready["https"]
        self.ca: str | None = ready["ca"]
        self.c2s: str = ready["c2s"]
        self.c2s_tls: str | None = ready["c2s_tls"]
        self.component: str | None = ready["component"]
        self.domain: str = ready["domain"]
        self.pid: int = ready["pid"]
        self._process = process

    @classmethod
    def start(cls, *args: str, timeout: float = START, **options: object) -> TestBed:
        """Start a server on free ports, and wait until it is ready, at most `timeout` seconds.

        `args` are options as on the command line ("--domain", "chat.example"), and so are keyword arguments
        (domain="chat.example", bosh_wait=5, registration=True; a list for an option that is repeated). It ends with
        `stop`, at the end of a `with` block, or with this process, however that ends.
        """
        process = _Process([*args, *_options(options)])
        try:
            ready = json.loads(process.first_line(timeout))
        except BaseException:
            process.stop()
            raise
        return cls(ready, process)

    @classmethod
    def connect(cls, url: str, token: str | None = None) -> TestBed:
        """Use a server that runs already; `url` is any address of its site, or of its API.

        One on another machine, or behind a proxy, wants the token that is in its file `api_token_file`.
        """
        parts = urlsplit(url)
        api = f"{parts.scheme}://{parts.netloc}{API}"
        about = call("GET", api, token=token)
        try:
            return cls({**about["server"], "api": api}, token=token)
        except (KeyError, TypeError):
            raise TestBedError(f"{url} is no conversehost") from None

    def stop(self) -> None:
        """Stop the server, if `start` started it; twice is no mistake."""
        if self._process is not None:
            self._process.stop()

    def __enter__(self) -> TestBed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<TestBed {self.site} pid {self.pid}>"

    @property
    def accounts(self) -> dict[str, str]:
        """Who can log in now: passwords by JID. Asks the server."""
        return {each["jid"]: each["password"] for each in self._ask("GET", "accounts")["accounts"]}

    @property
    def log(self) -> str:
        """What the server has logged so far; "" for one that `connect` found running."""
        return "" if self._process is None else self._process.log()

    def add_user(
        self,
        name: str | None = None,
        password: str | None = None,
        nickname: str | None = None,
        friends: Iterable[User | str] = (),
    ) -> User:
        """A new account. `name` may be a whole JID; without one, and without a password, they are made up, and unique.

        `friends` are accounts that are there: each is in the other's roster, subscribed both ways.
        """
        fields: dict[str, Any] = {"jid": f"user-{secrets.token_hex(4)}" if name is None else name}
        if password is not None:
            fields["password"] = password
        if nickname is not None:
            fields["nickname"] = nickname
        fields["friends"] = [name_of(friend) for friend in friends]
        made = self._ask("POST", "accounts", fields)
        return User(made["jid"], made["jid"].partition("@")[0], made["password"])

    def remove_user(self, user: User | str) -> None:
        """Delete an account, its sessions, and all that is kept for it. A name alone is one of the first domain."""
        self._ask("DELETE", f"accounts/{quote(name_of(user), safe='')}")

    def sessions(self, account: User | str | None = None) -> list[Session]:
        """The clients that are logged in, the oldest first: all, or one account's. Bots don't count."""
        query = "" if account is None else f"?account={quote(name_of(account), safe='')}"
        return [_session(each) for each in self._ask("GET", f"sessions{query}")["sessions"]]

    def kill_session(
        self,
        session: Session | User | str,
        condition: str | None = None,
        *,
        how: str | None = None,
        code: int | None = None,
    ) -> None:
        """End one session (a `Session`, a full JID), or all of an account (a `User`, a bare JID, a name).

        `condition` is a stream error of RFC 6120 section 4.9.3 that the client is told, such as "conflict" or
        "system-shutdown". Converse.js reconnects; logged in by prebind, it asks prebind_url for a new session.

        `how` it dies: "close" or "error" (as above), "reset" (the connection breaks, without a word; the server keeps
        what can be resumed), "terminate" (BOSH, `condition` then being one of XEP-0124 section 17.2), "code"
        (WebSocket, with that close `code`), "expire" (it waits to be resumed, and now no more).

        Raises TestBedError when there is none to end, or not in that way.
        """
        given = {"condition": condition, "how": how, "code": code}
        fields = {name: value for name, value in given.items() if value is not None} or None
        one = session.id if isinstance(session, Session) else name_of(session)
        if isinstance(session, Session) or "/" in one:
            self._ask("DELETE", f"sessions/{quote(one, safe='')}", fields)
        elif not self._ask("DELETE", f"sessions?account={quote(one, safe='')}", fields)["sessions"]:
            raise TestBedError(f"{one} has no session", "not-found")

    def message(self, sender: User | str, to: User | str, body: str, type: str = "chat") -> str:
        """A message from an account, or from the full JID of a client that is logged in; the id that it has."""
        fields = {"from": name_of(sender), "to": name_of(to), "body": body, "type": type}
        sent: str = self._ask("POST", "messages", fields)["id"]
        return sent

    def stanza(self, sender: User | str, xml: str) -> list[str]:
        """Any stanza from an account, or from the full JID of a client that is logged in; what an account is answered
        at once, such as the result of an iq.
        """
        answers: list[str] = self._ask("POST", "stanzas", {"from": name_of(sender), "xml": xml})["answers"]
        return answers

    def advance(self, seconds: float) -> datetime:
        """Turn the server's clock forward: all that falls due meanwhile has happened then. Returns its time."""
        return datetime.fromisoformat(self._ask("POST", "clock", {"advance": seconds})["now"])

    def freeze(self) -> None:
        """Stop the server's clock: only `advance` moves it, until `thaw`."""
        self._ask("PATCH", "clock", {"frozen": True})

    def thaw(self) -> None:
        """Let the server's clock go on from where it stands."""
        self._ask("PATCH", "clock", {"frozen": False})

    @property
    def now(self) -> datetime:
        """The server's time."""
        return datetime.fromisoformat(self._ask("GET", "clock")["now"])

    def snapshot(self, name: str | None = None) -> str:
        """Remember all data as it is now; the name to give to `restore`."""
        taken: str = self._ask("POST", "snapshots", {} if name is None else {"name": name})["name"]
        return taken

    def restore(self, name: str) -> None:
        """All data as it was then. Sessions end, as if the server had been started anew."""
        self._ask("POST", f"snapshots/{quote(name, safe='')}")

    def fault(self, fault: str, /, **fields: Any) -> Fault:
        """Let something go wrong from now on, such as `"lost-response", account="alice", probability=0.3`. To be used
        in a `with` block, or ended by `remove`. docs/faults.md has them all; `from` is called sender.
        """
        given = {name.replace("sender", "from"): name_of(value) for name, value in fields.items() if value is not None}
        return Fault(self._ask, self._ask("POST", "faults", {"fault": fault, **given}))

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        self._ask("DELETE", "faults")

    def reset(self) -> None:
        """Everything as right after the start: all sessions end, on the site too, and what was done is undone.

        Do it before a test rather than after: what a failed test has left behind can then still be looked at.
        """
        self._ask("POST", "reset")

    def _ask(self, method: str, path: str, fields: Mapping[str, Any] | None = None, timeout: float = ANSWER) -> Any:
        return call(method, f"{self.api}/{path}", fields, timeout, self._token)


class _Process:
    """The server's process. Its standard input is a pipe: when this end closes, for whatever reason, it stops."""

    def __init__(self, arguments: list[str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as this is there
        self._last_log = ""
        self._command = [sys.executable, *COMMAND, *arguments]
        pipe = subprocess.PIPE
        self._popen = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=self._log, bufsize=0)

    def first_line(self, timeout: float) -> bytes:
        """What it prints first, which says that it is ready. Raises TestBedError with what it complains of."""
        assert self._popen.stdout is not None
        line, deadline = b"", time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._popen.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._error(f"isn't ready after {timeout:g} seconds")
                read = self._popen.stdout.read(65_536)
                if not read:
                    raise self._error(f"ended with exit code {self._popen.wait()}")
                line += read
        return line

    def log(self) -> str:
        """Its standard error so far."""
        if self._log.closed:
            return self._last_log
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")  # the server's place in it stays

    def stop(self) -> None:
        """Let it end in order; where it doesn't, kill it."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.stdout.close()
        try:
            self._popen.wait(STOP)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._last_log = self.log()
        self._log.close()

    def _error(self, what: str) -> TestBedError:
        said = self.log().strip() or "(it said nothing)"
        return TestBedError(f"conversehost {what}: {said}\n(started as: {' '.join(self._command)})")


def _options(options: Mapping[str, object]) -> list[str]:
    """Keyword arguments as on the command line: None and False stand for an option that isn't given."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if each is True:
                words.append(flag)
            elif each is not None and each is not False:
                words += [flag, str(each)]
    return words


def _session(data: Mapping[str, Any]) -> Session:
    """From JSON, which may say more than is known here."""
    known = {name: data[name] for name in Session.__dataclass_fields__}
    return Session(**known | {"since": datetime.fromisoformat(data["since"])})
