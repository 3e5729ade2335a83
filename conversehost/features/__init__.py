"""What the server can do beyond routing: one file per specification, each with an `install(host)`."""

from __future__ import annotations

from conversehost.features import (
    disco,
    offline,
    ping,
    presence,
    pubsub,
    register,
    roster,
    subscriptions,
    time,
    vcard,
    version,
)

FEATURES = (disco, roster, subscriptions, presence, offline, vcard, pubsub, ping, version, time)
"""In order of installation, which is the order in which their hooks are called."""

OPTIONAL = (register,)
"""Installed when the operator asks for them."""
