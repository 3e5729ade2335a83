"""The facts that each feature's file states of itself; `docs/xeps.md` is made of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Xep:
    """A XEP, the version of it that was implemented, and how much: "complete", or what is missing."""

    number: int
    version: str
    support: str
