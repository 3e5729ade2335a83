"""Prints `docs/xeps.md`."""

from __future__ import annotations

from conversehost.features.xep import document

print(document(), end="")
