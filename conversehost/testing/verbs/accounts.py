"""Who can log in."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import asked, verb


@dataclass(frozen=True)
class User:
    """An account: `jid` is the whole address, `username` the part before the @, which the login form takes too."""

    jid: str
    username: str
    password: str


def named(user: Any) -> Any:
    """A `User` as the control API knows it: its JID. Anything else is as it is."""
    return user.jid if isinstance(user, User) else user


class AccountVerbs:
    """Accounts that are there, that come and go."""

    @asked
    def accounts(self) -> Steps[dict[str, str]]:
        """Who can log in now: passwords by JID. Asks the server."""
        told = yield Call("GET", "accounts")
        return {each["jid"]: each["password"] for each in told["accounts"]}

    @verb
    def add_user(
        self,
        name: str | None = None,
        password: str | None = None,
        nickname: str | None = None,
        friends: Iterable[User | str] = (),
    ) -> Steps[User]:
        """A new account. `name` may be a whole JID; without one, and without a password, they are made up, and unique.

        `friends` are accounts that are there: each is in the other's roster, subscribed both ways.
        """
        fields: dict[str, Any] = {"jid": f"user-{secrets.token_hex(4)}" if name is None else name}
        if password is not None:
            fields["password"] = password
        if nickname is not None:
            fields["nickname"] = nickname
        fields["friends"] = [named(friend) for friend in friends]
        return _user((yield Call("POST", "accounts", fields)))

    @verb
    def user(self, name: str) -> Steps[User]:
        """An account that is there, such as "alice" of the scenario. Raises TestBedError when it isn't."""
        return _user((yield Call("GET", f"accounts/{quote(name, safe='')}")))

    @verb
    def remove_user(self, user: User | str) -> Steps[None]:
        """Delete an account, its sessions, and all that is kept for it. A name alone is one of the first domain."""
        yield Call("DELETE", f"accounts/{quote(named(user), safe='')}")


def _user(told: dict[str, Any]) -> User:
    return User(told["jid"], told["jid"].partition("@")[0], told["password"])
