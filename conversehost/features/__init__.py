"""What the server can do beyond routing: one file per specification, each with an `install(host)`."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from conversehost.features import (
    adhoc,
    admin,
    anonymous,
    archive,
    archive_preferences,
    avatars,
    bind2,
    blocking,
    bookmarks,
    caps,
    carbons,
    contact,
    csi,
    disco,
    fast,
    invitations,
    last,
    offline,
    ping,
    presence,
    private,
    pubsub,
    push,
    register,
    retraction,
    rooms,
    roster,
    sasl2,
    search,
    services,
    stream_management,
    subscriptions,
    time,
    upload,
    vcard,
    version,
)
from conversehost.features.pubsub import pep

FEATURES: tuple[ModuleType, ...] = (
    disco,
    blocking,
    roster,
    subscriptions,
    presence,
    caps,
    push,
    archive,
    archive_preferences,
    retraction,
    offline,
    carbons,
    vcard,
    pubsub,
    pep,
    avatars,
    ping,
    version,
    time,
    stream_management,
    csi,
    sasl2,
    bind2,
    fast,
    last,
    private,
    bookmarks,
    contact,
    services,
    search,
    upload,
    admin,
    adhoc,
    rooms,
    invitations,
    register,
)
"""In order of installation, which is the order in which their hooks are called."""

OPTIONAL: tuple[ModuleType, ...] = (anonymous,)
"""Installed on the domain for guests."""


def name_of(feature: ModuleType) -> str:
    """What `--disable` knows it by: the file's name, with hyphens."""
    return feature.__name__.rpartition(".")[2].replace("_", "-")


def chosen(*, guests: bool = False, disabled: Iterable[str] = ()) -> tuple[ModuleType, ...]:
    """The features that a host gets. Raises KeyError for a name that none of them has."""
    left_out = {name: by_name()[name] for name in disabled}.values()
    wanted = FEATURES + OPTIONAL if guests else FEATURES
    return tuple(each for each in wanted if each not in left_out)


def by_name() -> dict[str, ModuleType]:
    """All there are."""
    return {name_of(each): each for each in FEATURES + OPTIONAL}
