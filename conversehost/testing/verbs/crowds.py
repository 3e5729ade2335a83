"""Many people, and much that they have said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import User

LONGEST = 120.0
"""Seconds that a large crowd may take."""


@dataclass(frozen=True)
class Generated:
    """What was made: `accounts` are JIDs of new people, `room` is an address, `messages` how many were said."""

    seed: int
    accounts: tuple[str, ...]
    room: str | None
    messages: int


class CrowdVerbs:
    """Made up, and the same again for the same seed on a server in the same state."""

    @verb
    def generate(self, seed: int = 0, **what: Mapping[str, Any]) -> Steps[Generated]:
        """`contacts={"of": "alice", "count": 500, "avatars": True}`: a roster full of people.
        `history={"between": ["alice", "bob"], "days": 365, "messages": 5000}`: a year in both archives.
        `room={"name": "lounge", "occupants": 200, "talk": 1000, "every": 5}`: a room full of them, who have talked, and
        go on every 5 seconds. Any of these.
        """
        fields = {"seed": seed, **{name: _plain(each) for name, each in what.items()}}
        told = yield Call("POST", "generate", fields, LONGEST)
        return Generated(told["seed"], tuple(told["accounts"]), told["room"], told["messages"])


def _plain(what: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: users by JID, times as text."""
    return {name: _value(each) for name, each in what.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_value(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.jid if isinstance(value, User) else value
