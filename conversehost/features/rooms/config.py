"""How a room is set up, and the form that its owners fill in for it (XEP-0045 section 10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from conversehost.features.rooms.standing import Role
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Answers, Field, FieldType, Form, values_of
from conversehost.xmpp.jid import JID
from conversehost.xmpp.xml import Element

FORM_TYPE = f"{ns.MUC}#roomconfig"
PREFIX = "muc#roomconfig_"
OWNERS, ADMINS = f"{PREFIX}roomowners", f"{PREFIX}roomadmins"
_PROTECTED = f"{PREFIX}passwordprotectedroom"

LONGEST_HISTORY = 100
"""Messages that who enters is sent at most."""

CROWDED = 1_000
"""Occupants of any room."""


@dataclass(frozen=True, slots=True)
class RoomConfig:
    """`whois`: who sees real addresses: moderators, anyone or none. `password`: "" for none. `max_users`: 0 for as many
    as any room has. `allow_pm`: anyone, participants, moderators or none. `slow_mode`: seconds between two messages of
    one participant. `longest_message`: characters in one, 0 for as many as the server takes.
    """

    name: str = ""
    description: str = ""
    language: str = ""
    persistent: bool = False
    public: bool = True
    members_only: bool = False
    moderated: bool = False
    password: str = ""
    whois: str = "moderators"
    change_subject: bool = False
    allow_invites: bool = False
    allow_pm: str = "anyone"
    voice_requests: bool = True
    register: bool = True
    lock_nicks: bool = False
    presence_broadcast: tuple[str, ...] = ("moderator", "participant", "visitor")
    member_list: tuple[str, ...] = ("moderator", "participant", "visitor")
    max_users: int = 0
    max_history: int = 20
    mentions: bool = True
    slow_mode: int = 0
    longest_message: int = 0
    logging: bool = False
    archiving: bool = True
    pubsub: str = ""

    def shows(self, role: Role) -> bool:
        """Whether others see presence of occupants with that role."""
        return role.text in self.presence_broadcast

    def may_whisper(self, role: Role) -> bool:
        """Whether who has that role sends private messages."""
        least = {"anyone": Role.VISITOR, "participants": Role.PARTICIPANT, "moderators": Role.MODERATOR}
        return self.allow_pm in least and role >= least[self.allow_pm]


@dataclass(frozen=True, slots=True)
class Question:
    """A field of the form, and the attribute that it sets."""

    attribute: str
    var: str
    type: FieldType
    label: str
    options: tuple[tuple[str, str], ...] = ()
    limits: tuple[int, int] = (0, 0)  # of a number

    def field(self, config: RoomConfig) -> Field:
        """With what is set now."""
        options = self.options
        values = self.values(config)
        if self.attribute == "max_users" and values[0] not in dict(options):
            options = (*options, (values[0], values[0]))
        return Field(self.var, self.type, self.label, values, options=options)

    def values(self, config: RoomConfig) -> tuple[str, ...]:
        """As a form has them."""
        value: Any = getattr(config, self.attribute)
        if isinstance(value, tuple):
            return value
        if self.attribute == "max_users":
            return (str(value) if value else "none",)
        return (str(int(value)) if isinstance(value, bool) else str(value),)

    def read(self, answers: Answers) -> Any:
        """The value for the attribute. Raises StanzaError(not-acceptable)."""
        if self.type == "boolean":
            return answers.flag(self.var)
        if self.type == "list-multi":
            return answers.texts(self.var)
        return self._number(answers.text(self.var)) if self.limits[1] else answers.text(self.var)

    def _number(self, text: str) -> int:
        low, high = self.limits
        number = 0 if text in ("", "none") else int(text) if text.isascii() and text.isdigit() else -1
        if not low <= number <= high:
            raise StanzaError("not-acceptable", f"{self.label} is a number from {low} to {high}")
        return number


_ROLES = (("moderator", "Moderators"), ("participant", "Participants"), ("visitor", "Visitors"))
_CROWDS = (*((str(each), str(each)) for each in (2, 5, 10, 20, 30, 50, 100, 200, 500, CROWDED)), ("none", "No limit"))

QUESTIONS = (
    Question("name", f"{PREFIX}roomname", "text-single", "Name"),
    Question("description", f"{PREFIX}roomdesc", "text-single", "Description"),
    Question("language", f"{PREFIX}lang", "text-single", "Language of the discussion, such as en"),
    Question("persistent", f"{PREFIX}persistentroom", "boolean", "The room stays when the last one leaves"),
    Question("public", f"{PREFIX}publicroom", "boolean", "The room is listed"),
    Question("members_only", f"{PREFIX}membersonly", "boolean", "Only members may enter"),
    Question("moderated", f"{PREFIX}moderatedroom", "boolean", "Who isn't a member may only listen"),
    Question("password", f"{PREFIX}roomsecret", "text-private", "Password"),
    Question(
        "whois",
        f"{PREFIX}whois",
        "list-single",
        "Who may see real addresses",
        (("moderators", "Moderators"), ("anyone", "Anyone"), ("none", "Nobody")),
    ),
    Question("change_subject", f"{PREFIX}changesubject", "boolean", "Participants may change the subject"),
    Question("allow_invites", f"{PREFIX}allowinvites", "boolean", "Members may invite others to a room for members"),
    Question(
        "allow_pm",
        f"{PREFIX}allowpm",
        "list-single",
        "Who may send private messages",
        (("anyone", "Anyone"), ("participants", "Participants"), ("moderators", "Moderators"), ("none", "Nobody")),
    ),
    Question("voice_requests", f"{PREFIX}allowvoicerequests", "boolean", "Visitors may ask to speak"),
    Question("register", f"{PREFIX}registration", "boolean", "People may register as members"),
    Question("lock_nicks", "x-muc#roomconfig_reservednick", "boolean", "Members can only have their reserved nicks"),
    Question("presence_broadcast", f"{PREFIX}presencebroadcast", "list-multi", "Whose presence is shown", _ROLES),
    Question("member_list", f"{PREFIX}getmemberlist", "list-multi", "Who may see the list of members", _ROLES),
    Question("max_users", f"{PREFIX}maxusers", "list-single", "How many people fit in", _CROWDS, (0, CROWDED)),
    Question(
        "max_history",
        "muc#maxhistoryfetch",
        "text-single",
        "Messages shown to who enters",
        limits=(0, LONGEST_HISTORY),
    ),
    Question("mentions", f"{PREFIX}forwardmentions", "boolean", "Members who aren't there get messages that name them"),
    Question(
        "slow_mode",
        f"{PREFIX}slow_mode_duration",
        "text-single",
        "Seconds that a participant waits between two messages",
        limits=(0, 86_400),
    ),
    Question(
        "longest_message",
        "x-muc#roomconfig_longestmessage",
        "text-single",
        "Characters in a message (0: as many as the server takes)",
        limits=(0, 262_144),
    ),
    Question("logging", f"{PREFIX}enablelogging", "boolean", "The discussion is logged in public"),
    Question("archiving", f"{PREFIX}enablearchiving", "boolean", "The discussion is archived for who may enter"),
    Question("pubsub", f"{PREFIX}pubsub", "text-single", "XMPP URI of a publish-subscribe node that belongs to it"),
)
assert {each.attribute for each in QUESTIONS} == {each.name for each in fields(RoomConfig)}


def form(config: RoomConfig, owners: Sequence[str], admins: Sequence[str]) -> Form:
    """The questions, with what is set now as the answers (section 10.2)."""
    asked = [each.field(config) for each in QUESTIONS]
    where = next(index for index, each in enumerate(asked) if each.var == f"{PREFIX}roomsecret")
    protected = str(int(bool(config.password)))
    asked.insert(where, Field(_PROTECTED, "boolean", "A password is needed to enter", (protected,)))
    asked.append(Field(ADMINS, "jid-multi", "Admins", tuple(admins)))
    asked.append(Field(OWNERS, "jid-multi", "Owners", tuple(owners)))
    return Form(tuple(asked), FORM_TYPE, "Room configuration", "What isn't filled in stays as it is.")


@dataclass(frozen=True, slots=True)
class Submission:
    """What an owner wants; `owners` and `admins` are None where nothing was said of them."""

    config: RoomConfig
    owners: tuple[JID, ...] | None = None
    admins: tuple[JID, ...] | None = None


def read(x: Element, config: RoomConfig) -> Submission:
    """A form filled in; an empty one accepts all as it is (section 10.1.2).

    Raises StanzaError(not-acceptable): not a form of this type, a value that can't be, a password that is missing.
    """
    if x.get("type") == "submit" and not len(x):
        return Submission(config)
    answers = form(config, (), ()).read(x)
    said = values_of(x)
    changed: dict[str, Any] = {each.attribute: each.read(answers) for each in QUESTIONS if each.var in said}
    if _PROTECTED in said:
        if not answers.flag(_PROTECTED):
            changed["password"] = ""
        elif not changed.get("password", config.password):
            raise StanzaError("not-acceptable", "a room with a password needs one that isn't empty")
    owners = answers.jids(OWNERS) if OWNERS in said else None
    admins = answers.jids(ADMINS) if ADMINS in said else None
    return Submission(replace(config, **changed), owners, admins)
