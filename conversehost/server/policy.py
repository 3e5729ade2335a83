"""What the operator decided for a host, as far as its features need to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast

from conversehost.options import Settings
from conversehost.server.archive import MESSAGES
from conversehost.server.archive_rules import Default
from conversehost.server.uploads import NORMAL, UploadLimits
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.services import ExternalService

Conflict = Literal["replace", "refuse", "new"]
Inviters = Literal["nobody", "admins", "everybody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`conflict`: what happens to two clients that want the same resource: the new one replaces the old, is refused, or
    gets a new resource.

    `resume_time`: seconds that a session waits for its client to come back, 0: not at all; `resume_location`: the
    host:port where it should do that (XEP-0198), "": where it was.

    `admins`: accounts that may administer; `contacts`: (kind, URI) of who is responsible; `services`: what there is
    besides XMPP; `welcome`: what somebody who has just registered is told, "" for nothing; `uploads`: how
    much there may be of files.

    `archive_limit`: messages that an account's archive keeps; `archive_default`: whose, unless its owner says so.

    `registration`: anybody may make an account; `inviters`: who may let somebody make one.
    """

    conflict: Conflict = "replace"
    resume_time: int = 300
    resume_location: str = ""
    admins: frozenset[JID] = frozenset()
    contacts: tuple[tuple[str, str], ...] = ()
    services: tuple[ExternalService, ...] = ()
    welcome: str = ""
    uploads: UploadLimits = NORMAL
    archive_limit: int = MESSAGES
    archive_default: Default = "always"
    registration: bool = False
    inviters: Inviters = "admins"

    @classmethod
    def of(cls, settings: Settings, founders: Iterable[JID]) -> Policy:
        """What the operator asked for. Without `--admin` those of the first accounts administer who are called so."""
        there = founders if not settings.admins else ()
        return cls(
            conflict=cast(Conflict, settings.resource_conflict),
            resume_time=settings.resume_time,
            resume_location=settings.resume_location,
            admins=frozenset((*map(parse, settings.admins), *(each for each in there if each.local == "admin"))),
            contacts=settings.contacts,
            services=settings.external_services,
            welcome=settings.welcome,
            uploads=UploadLimits(
                settings.upload_limit, settings.upload_quota, settings.upload_space, settings.upload_time
            ),
            archive_limit=settings.archive_limit,
            archive_default=cast(Default, settings.archive_default),
            registration=settings.registration,
            inviters=cast(Inviters, settings.inviters) if settings.makes_accounts else "nobody",
        )

    def for_guests(self) -> Policy:
        """The same where nobody has an account."""
        return replace(self, registration=False, inviters="nobody")

    @property
    def has_inviters(self) -> bool:
        """Whether there is anybody who may let somebody make an account."""
        return self.inviters == "everybody" or (self.inviters == "admins" and bool(self.admins))

    def may_invite(self, account: JID) -> bool:
        """Whether the account (a bare JID) may let somebody make one."""
        return self.inviters == "everybody" or (self.inviters == "admins" and account in self.admins)


DEFAULT = Policy()
