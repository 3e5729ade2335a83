"""For schemathesis: what the formats of the control API's texts look like, no waiting, and no crowds."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

SOON, FEW = 0.01, 20
AMOUNTS = {"count": 5_000, "messages": 100_000, "occupants": 1_000, "talk": 100_000}
"""What can be generated of each at most."""
FORMATS = {
    "account": ("alice", "bob@localhost", "juliet", "nobody", "zoe"),
    "address": ("alice", "bob@localhost", "localhost", "somebody@example.org/there"),
    "session": ("alice@localhost/there", "echo@localhost/bot"),
    "room": ("lounge", "den", "lounge@conference.localhost"),
    "xpath": ("message", "//x", "iq[@type='get']"),
}

for name, examples in FORMATS.items():
    schemathesis.openapi.format(name, st.sampled_from(examples))


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    return hastened(body)


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    return hastened(query)


def hastened(fields: Any) -> Any:
    """With a short time-out, and few of what is to be made, where it has such that would do."""
    if not isinstance(fields, dict):
        return fields
    if isinstance(fields.get("timeout"), int | float) and SOON < fields["timeout"] <= 600:
        fields["timeout"] = SOON
    for name, value in fields.items():
        if isinstance(value, dict):
            hastened(value)
        elif name in AMOUNTS and isinstance(value, int) and FEW < value <= AMOUNTS[name]:
            fields[name] = FEW
    return fields
