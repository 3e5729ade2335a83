"""What one option is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import attrs

from conversehost.kinds import Kind, whole_number

T = TypeVar("T")
PREFIX = "CONVERSEHOST_"


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `field` is where it is found in `Settings`, `name` is what people type after the two hyphens."""

    field: str
    name: str
    kind: Kind
    help: str
    group: str
    default: Any
    needs: tuple[str, ...] = ()
    """Fields of which one at least has to be given, or else this does nothing; `auth=NAME` is a back end."""

    @property
    def is_flag(self) -> bool:
        """It takes no value on the command line."""
        return self.kind.native is bool

    @property
    def is_number(self) -> bool:
        """It says how much, or at which port."""
        return self.kind.native is int

    @property
    def is_list(self) -> bool:
        """It can be given several times."""
        return isinstance(self.default, tuple)

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.name.replace("-", "_").upper()


def option(default: T, kind: Kind, text: str, *, name: str = "", needs: str = "") -> T:
    """A field of `Settings`; typed as its value, as attrs itself does it. `needs`: words, as in `Option.needs`."""
    facts = {"kind": kind, "help": text, "name": name, "needs": tuple(needs.split())}
    made: T = attrs.field(default=default, metadata=facts)
    return made


def seconds(default: int, low: int, high: int, text: str) -> int:
    """A time; all of them are limits."""
    return option(default, whole_number(low, high, "SECONDS"), text)
