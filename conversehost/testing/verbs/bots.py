"""People whom the test bed plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb
from conversehost.testing.verbs.accounts import User, named


class BotVerbs:
    """Hire them, and send them away."""

    @verb
    def bot(
        self,
        name: str,
        *on: Mapping[str, Any],
        kind: str | None = None,
        nickname: str | None = None,
        status: str | None = None,
        rooms: Sequence[str] = (),
    ) -> Steps[User]:
        """Somebody who is there at once, in everybody's roster, and does as the rules `on` say, such as
        `{"message": "*", "do": [{"typing": 1}, {"say": "Hello, {name}"}]}`: see docs/stubs-and-bots.md. `kind` in place
        of rules: "echo", or "package.module:function". `rooms`: where they are, too. Nobody knows the password.
        """
        given: dict[str, Any] = {
            "kind": kind,
            "nickname": nickname,
            "status": status,
            "on": list(on) if kind is None else None,
        }
        given["rooms"] = list(rooms) or None
        fields = {key: value for key, value in given.items() if value is not None}
        made = yield Call("POST", "bots", {"name": name, **fields})
        return User(made["jid"], made["jid"].partition("@")[0], "")

    @verb
    def remove_bot(self, bot: User | str) -> Steps[None]:
        """Gone, with the account."""
        yield Call("DELETE", f"bots/{quote(named(bot), safe='')}")
