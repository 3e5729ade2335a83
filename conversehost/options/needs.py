"""Options that do nothing by themselves: each names, in the table, what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from conversehost.errors import ConfigError
from conversehost.options import OPTIONS, Option, Settings

NAMES = {option.field: "--" + option.name for option in OPTIONS}


def check_needs(settings: Settings) -> None:
    """Whoever gives an option that does nothing expects something of it. Raises ConfigError."""
    for option in _in_vain(settings):
        if not option.is_number:
            raise ConfigError(f"{_line(option)}: add that, or leave it out")


def in_vain(settings: Settings) -> list[str]:
    """Sentences about numbers that do nothing: those do no harm. A port of 0 says only that it shall be no other."""
    return [_line(each) for each in _in_vain(settings) if each.is_number and getattr(settings, each.field) != 0]


def _in_vain(settings: Settings) -> Iterator[Option]:
    for option in OPTIONS:
        given = getattr(settings, option.field) != option.default
        if given and option.needs and not any(_has(settings, each) for each in option.needs):
            yield option


def _has(settings: Settings, need: str) -> bool:
    field, _, back_end = need.partition("=")
    return any(back_end in names for _, names in settings.auth) if back_end else bool(getattr(settings, field))


def _line(option: Option) -> str:
    needs = [f"--{need.replace('=', ' ')}" if "=" in need else NAMES[need] for need in option.needs]
    *others, last = needs
    return f"--{option.name} has no effect without {', '.join(others) + ' or ' if others else ''}{last}"
