"""What all domains share, unless one has its own."""

from __future__ import annotations

from typing import Self


class Shared:
    """`of` a domain is the one that it has for itself, else this one, which is everybody's."""

    def __init__(self) -> None:
        self.tenants: dict[str, Self] = {}

    def of(self, domain: str) -> Self:
        """That of a domain."""
        return self.tenants.get(domain, self)
