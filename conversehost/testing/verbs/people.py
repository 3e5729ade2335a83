"""What people have: contacts, and what they say of themselves."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import User, named


@dataclass(frozen=True)
class Contact:
    """Somebody in a roster. `subscription` is "none", "to", "from" or "both"; `ask`: the owner waits for an answer;
    `approved`: should they ask, the answer is yes; `pending`: they wait for one; `listed`: not only a request.
    """

    jid: str
    name: str
    groups: tuple[str, ...]
    subscription: str
    ask: bool
    approved: bool
    pending: bool
    listed: bool


class PeopleVerbs:
    """Rosters, vCards and pictures of accounts, whoever they are."""

    @verb
    def change_user(
        self,
        user: User | str,
        *,
        password: str | None = None,
        nickname: str | None = None,
        disabled: bool | None = None,
    ) -> Steps[None]:
        """What is given. Nobody logs in to an account that is disabled, and its sessions end."""
        fields = {"password": password, "nickname": nickname, "disabled": disabled}
        yield Call("PATCH", _of(user), {name: value for name, value in fields.items() if value is not None})

    @verb
    def roster(self, user: User | str) -> Steps[list[Contact]]:
        """Who is in somebody's roster, and who has asked to be."""
        told = yield Call("GET", f"{_of(user)}/roster")
        return [_contact(each) for each in told["contacts"]]

    @verb
    def add_contact(self, user: User | str, contact: User | str, **fields: Any) -> Steps[Contact]:
        """Into a roster, on both sides, subscribed both ways: `name`, `groups`, `subscription`, `ask`, `approved`,
        `mutual=False` for one side alone. Clients hear of it at once.
        """
        return _contact((yield Call("POST", f"{_of(user)}/roster", {"jid": named(contact), **fields})))

    @verb
    def change_contact(self, user: User | str, contact: User | str, **fields: Any) -> Steps[Contact]:
        """Of one in a roster, what is given: as in `add_contact`."""
        return _contact((yield Call("PATCH", f"{_of(user)}/roster/{quote(named(contact), safe='')}", fields)))

    @verb
    def remove_contact(self, user: User | str, contact: User | str) -> Steps[None]:
        """From a roster, as its owner does it: subscriptions end in both directions."""
        yield Call("DELETE", f"{_of(user)}/roster/{quote(named(contact), safe='')}")

    @verb
    def vcard(self, user: User | str) -> Steps[dict[str, str | None]]:
        """What somebody says of themselves: `full_name`, `nickname`, `email`... and `xml`; None: not there."""
        told: dict[str, str | None] = yield Call("GET", f"{_of(user)}/vcard")
        return told

    @verb
    def change_vcard(self, user: User | str, **fields: str) -> Steps[None]:
        """The fields that are given, such as `email="..."`; "" takes one out. `xml` replaces all of it."""
        yield Call("PUT" if "xml" in fields else "PATCH", f"{_of(user)}/vcard", fields)

    @verb
    def avatar(self, user: User | str) -> Steps[bytes | None]:
        """Somebody's picture; None when there is none."""
        if (yield Call("GET", f"{_of(user)}/vcard"))["avatar_hash"] is None:
            return None
        return base64.b64decode((yield Call("GET", f"{_of(user)}/avatar"))["data"])

    @verb
    def set_avatar(self, user: User | str, picture: bytes | None, type: str = "image/png") -> Steps[None]:
        """Another picture, or none; all who see the account hear of it. At most 48 kB."""
        if picture is None:
            yield Call("DELETE", f"{_of(user)}/avatar")
        else:
            yield Call("PUT", f"{_of(user)}/avatar", {"type": type, "data": base64.b64encode(picture).decode()})


def _of(user: User | str) -> str:
    return f"accounts/{quote(named(user), safe='')}"


def _contact(told: Mapping[str, Any]) -> Contact:
    """From JSON, which may say more than is known here."""
    known = {name: told[name] for name in Contact.__dataclass_fields__}
    return Contact(**known | {"groups": tuple(told["groups"])})
