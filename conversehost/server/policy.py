"""What the operator decided for a host, as far as its features need to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """`resume_time`: seconds that a session waits for its client to come back, 0: not at all; `resume_location`: the
    host:port where it should do that (XEP-0198), "": where it was.
    """

    resume_time: int = 300
    resume_location: str = ""


DEFAULT = Policy()
