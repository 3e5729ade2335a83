"""What a person sees: the banner, and the lines of the log."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

SHOWN = 8
LABELS = {LogLevel.debug: "debug", LogLevel.info: "info ", LogLevel.warn: "warn ", LogLevel.error: "error"}


class Stream(Protocol):
    """Where text goes: standard output, standard error, a file that rotates."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def printable(text: str) -> str:
    """One line that moves no cursor: what isn't printable is written as an escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


@implementer(ILogObserver)
class LineObserver:
    """Writes `12:34:56 info  message`. Nothing that comes from outside can start such a line."""

    def __init__(self, stream: Stream, level: str) -> None:
        """Write what is at least of a level (debug, info, warn, error)."""
        self._stream = stream
        self._level = LogLevel.levelWithName(level)

    def __call__(self, event: LogEvent) -> None:
        level = _level(event)
        if level < self._level:
            return
        clock = time.strftime("%H:%M:%S", time.localtime(event["log_time"]))
        lines = [f"{clock} {LABELS.get(level, 'error')} {printable(_message(event))}"]
        if failure := _failure(event):
            lines += [f"    {printable(line)}" for line in failure.getTraceback().splitlines()]
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()


def _level(event: LogEvent) -> Any:
    """What Twisted tells about itself (factories, ports, reactor class) is of interest to those who debug.

    The older of its two logging APIs (log_legacy) is used by nobody else here.
    """
    level = event.get("log_level") or LogLevel.info
    is_twisted = event.get("log_namespace", "").startswith(("twisted.", "log_legacy"))
    return LogLevel.debug if is_twisted and level is LogLevel.info else level


def _failure(event: LogEvent) -> Any:
    return event.get("log_failure") or event.get("failure")


def _message(event: LogEvent) -> str:
    """The text of an event. The older API makes the traceback part of it, the newer one doesn't name the error."""
    failure = _failure(event)
    if failure is None:
        return formatEvent(event)
    what = (event["why"] if "why" in event else formatEvent(event)) or "unexpected error"
    return f"{what}: {failure.getErrorMessage() or failure.type.__name__}"


def banner(ready: Mapping[str, Any], notes: list[str], *, colour: bool) -> str:
    """What there is, and how to get in. `ready` is the ready line; `notes` are sentences for the end."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    rows = [
        ("site", ready["site"]),
        ("with TLS", ready["https"]),
        ("BOSH", ready["bosh"]),
        ("WebSocket", ready["websocket"]),
        ("prebind", ready["prebind"]),
        ("XMPP", ready["c2s"]),
        ("XMPP, TLS", ready["c2s_tls"]),
        ("components", ready.get("component")),
        ("servers", ready.get("s2s")),
        ("API", ready["api"]),
        ("API token", ready["api_token_file"]),
    ]
    if ready["c2s"] and not ready["https"]:
        rows.append(("CA for TLS", ready["ca"]))
    lines = ["", f"  {bold}conversehost{plain}: a site and its chat, with one login", ""]
    lines += [f"    {name:<11}{bold if name == 'site' else ''}{value}{plain}" for name, value in rows if value]
    lines += ["", *_accounts(ready["accounts"]), ""]
    if ready["ca"] and ready["https"]:
        lines += [*_trust(ready["ca"], ready["https"]), ""]
    lines += [*(f"  {note}" for note in notes), ""]
    return "\n".join(lines)


def _trust(ca: str, url: str) -> Iterator[str]:
    file = shlex.quote(ca)
    yield "  Its certificate is from an authority made for you alone; to trust that:"
    yield f"    {'curl':<11}curl --cacert {file} {url}"
    yield f"    {'Chromium':<11}certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n conversehost -i {file}"
    yield f"    {'Firefox':<11}Settings, Certificates, View Certificates, Authorities, Import: {ca}"


def _accounts(accounts: Mapping[str, str]) -> Iterator[str]:
    if not accounts:
        yield f"    {'accounts':<11}none here"
        return
    shown = list(accounts.items())[:SHOWN]
    width = max(len(jid) for jid, _ in shown)
    for index, (jid, password) in enumerate(shown):
        yield f"    {'' if index else 'accounts':<11}{jid:<{width}}  {password}"
    if len(accounts) > SHOWN:
        yield f"    {'':<11}and {len(accounts) - SHOWN} more"
