"""For schemathesis: what the formats of the control API's texts look like, and no waiting."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

SOON = 0.01
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
    """With a short time-out, where it has one that would do."""
    if isinstance(fields, dict) and isinstance(fields.get("timeout"), int | float) and SOON < fields["timeout"] <= 600:
        fields["timeout"] = SOON
    return fields
