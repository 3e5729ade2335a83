"""All data of the server: remember it, go back to it, have it as a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb


class StateVerbs:
    """Snapshots, the beginning, and scenario files."""

    @verb
    def snapshot(self, name: str | None = None) -> Steps[str]:
        """Remember all data as it is now; the name to give to `restore`."""
        taken: str = (yield Call("POST", "snapshots", {} if name is None else {"name": name}))["name"]
        return taken

    @verb
    def restore(self, name: str, *, keep_sessions: bool = False) -> Steps[None]:
        """All data as it was then. Sessions end, as if the server had been started anew; or they are kept, as far as
        their accounts are there, and their clients told what they know otherwise.
        """
        fields = {"sessions": "keep"} if keep_sessions else None
        yield Call("POST", f"snapshots/{quote(name, safe='')}", fields)

    @verb
    def state(self) -> Steps[str]:
        """All data as it is now, as a scenario file: for `load`, and for `--scenario`. docs/scenario-files.md."""
        told: str = yield Call("GET", "state")
        return told

    @verb
    def load(self, state: str | Path | Mapping[str, Any]) -> Steps[None]:
        """Replace all data by what a scenario file says: its path, its text, or its tables. Sessions end."""
        text = state.read_text() if isinstance(state, Path) else state
        yield Call("PUT", "state", _told(tomllib.loads(text) if isinstance(text, str) else text))

    @verb
    def reset(self) -> Steps[None]:
        """Everything as right after the start: all sessions end, on the site too, and what was done is undone.

        Do it before a test rather than after: what a failed test has left behind can then still be looked at.
        """
        yield Call("POST", "reset")


def _told(value: Any) -> Any:
    """In JSON times are text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _told(each) for name, each in value.items()}
    return [_told(each) for each in value] if isinstance(value, list) else value
