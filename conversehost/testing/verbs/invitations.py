"""Who is invited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import asked, verb
from conversehost.testing.verbs.accounts import User, named


@dataclass(frozen=True)
class Invitation:
    """Good for one person, until `expires`: `page` is for a browser, `uri` for a chat program."""

    token: str
    inviter: str
    newcomer: bool
    contact: bool
    username: str | None
    expires: datetime
    uri: str
    page: str


class InvitationVerbs:
    """Invitations that accounts here have made."""

    @verb
    def invite(
        self, inviter: User | str, username: str | None = None, *, newcomer: bool = True, contact: bool = True
    ) -> Steps[Invitation]:
        """Invite somebody, as the account does by its client. They get an account (`newcomer`), of that name or of
        their choice, and become a contact (`contact`).
        """
        fields = {"inviter": named(inviter), "newcomer": newcomer, "contact": contact}
        return _invitation((yield Call("POST", "invitations", fields | ({"username": username} if username else {}))))

    @asked
    def invitations(self) -> Steps[list[Invitation]]:
        """Those that can be followed now. Asks the server."""
        return [_invitation(each) for each in (yield Call("GET", "invitations"))["invitations"]]

    @verb
    def withdraw(self, invitation: Invitation | str) -> Steps[None]:
        """Nobody can follow it any more, or its token."""
        yield Call("DELETE", f"invitations/{invitation.token if isinstance(invitation, Invitation) else invitation}")


def _invitation(told: dict[str, Any]) -> Invitation:
    known = {name: told[name] for name in Invitation.__dataclass_fields__}
    return Invitation(**known | {"expires": datetime.fromisoformat(told["expires"])})
