"""`/bots`: people whom the test bed plays, by a script, until they are deleted or the server is reset."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.fields import Fields, Objects, Text, Texts
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Reply, Verb, World
from conversehost.testbed.scenario import Bot
from conversehost.testbed.scenario_file import SCRIPT, read_bot
from conversehost.testbed.shapes import Shape, anything, listed, text
from conversehost.xmpp.jid import JID

FIELDS = (
    Text("name", "what they are called, or the whole address", required=True, example="nurse", format="account"),
    Text("nickname", "for the vCard; by default the name"),
    Text("kind", "one that is known, such as echo, or package.module:function; not with `on`"),
    Text("status", "what their presence says"),
    Texts("rooms", "where they are, too: names of rooms, or their addresses", example=["lobby"]),
    Objects(
        "on",
        "what they do when they hear something: rules as in docs/stubs-and-bots.md",
        example=[{"message": "*", "do": [{"say": "Anon!"}]}],
    ),
)
BOT = Shape(
    "Bot",
    "Somebody whom the test bed plays.",
    {
        "jid": text("the whole address"),
        "nickname": text("from the vCard"),
        "status": text("what their presence says"),
        "rooms": listed(text("a name, or an address"), "where they are, too"),
        "on": listed(anything("a rule"), "what they do when they hear something"),
    },
)
BOTS = Shape("Bots", "Those that were made here, the oldest first.", {"bots": listed(BOT)})


class BotsNoun(Noun):
    """Those that were made here; the scenario's own are its business."""

    key = Text("name", "a name alone is one of the first domain", example="nurse", format="account")

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=BOTS),
            "POST": Verb(
                self.create, body=FIELDS, answer=BOT, status=HTTPStatus.CREATED, errors=(HTTPStatus.CONFLICT,)
            ),
        }

    def item(self, name: str) -> Noun:
        return OneBot(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """Those whom the test bed plays, and that were made here, the oldest first."""
        return Reply({"bots": [describe(each) for each in self.world.cast.hired.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """Somebody who is there at once, and in everybody's roster. A contact of the same name is replaced."""
        jid = self.world.account(body.needed("name"), "name")
        try:
            written = {key: body.get(key) for key in SCRIPT if body.has(key)}
            script = read_bot(written)
        except ValueError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
        made = Bot(jid, body.text("nickname") or jid.local.capitalize(), script, written)
        try:
            self.world.cast.hire(self.world.hosts[jid.domain], made)
        except ValueError as error:
            raise ApiError(HTTPStatus.CONFLICT, str(error)) from None
        return Reply(describe(made), f"{API}/bots/{quote(jid.bare, safe='')}")


class OneBot(Noun):
    """`/bots/{name}`: a name alone is of the first domain."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=BOT, errors=MISSING),
            "DELETE": Verb(self.delete, errors=MISSING),
        }

    def read(self, query: Fields, body: Fields) -> Reply:
        """One contact, as it was made."""
        return Reply(describe(self.world.cast.hired[self._find()]))

    def delete(self, query: Fields, body: Fields) -> Reply:
        """Delete the contact, with the account; who had it in the roster still has."""
        jid = self._find()
        self.world.cast.dismiss(jid)
        self.world.hosts[jid.domain].delete_account(jid)
        return Reply()

    def _find(self) -> JID:
        jid = self.world.account(self._name, "name")
        if jid not in self.world.cast.hired:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no bot {jid}")
        return jid


def describe(bot: Bot) -> dict[str, object]:
    """As JSON."""
    assert bot.script is not None
    return {
        "jid": bot.jid.bare,
        "nickname": bot.nickname,
        "status": bot.script.status,
        "rooms": list(bot.script.rooms),
        "on": [
            {
                rule.event: rule.pattern,
                "do": [
                    {step.verb: step.value, **({"status": step.status} if step.status else {})} for step in rule.steps
                ],
            }
            for rule in bot.script.rules
        ],
    }
