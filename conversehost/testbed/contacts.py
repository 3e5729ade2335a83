"""`/contacts`: people whom the test bed plays, by a script, until they are deleted or the server is reset."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from conversehost.testbed.noun import API, ApiError, Fields, Noun, Reply, Verb, World
from conversehost.testbed.scenario import Bot
from conversehost.testbed.scenario_file import SCRIPT, read_bot
from conversehost.xmpp.jid import JID

FIELDS = ("name", "nickname", "kind", "status", "on")


class Contacts(Noun):
    """Those that were made here; the scenario's own are its business."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "POST": Verb(self.create, body=FIELDS)}

    def item(self, name: str) -> Noun:
        return OneContact(self.world, name)

    def read(self, query: Fields, body: Fields) -> Reply:
        """The oldest first."""
        return Reply({"contacts": [describe(each) for each in self.world.cast.hired.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """Somebody who is there at once, and in everybody's roster. One of the same name is replaced."""
        name = body.text("name")
        if name is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "name is missing")
        jid = self.world.account(name, "name")
        try:
            written = {key: body.value(key) for key in SCRIPT if body.has(key)}
            script = read_bot(written)
        except ValueError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
        made = Bot(jid, body.text("nickname") or jid.local.capitalize(), script, written)
        try:
            self.world.cast.hire(self.world.hosts[jid.domain], made)
        except ValueError as error:
            raise ApiError(HTTPStatus.CONFLICT, str(error)) from None
        return Reply(describe(made), HTTPStatus.CREATED, f"{API}/contacts/{quote(jid.bare, safe='')}")


class OneContact(Noun):
    """`/contacts/{name}`: a name alone is of the first domain."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world)
        self._name = name

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read), "DELETE": Verb(self.delete)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """As they were made."""
        return Reply(describe(self.world.cast.hired[self._find()]))

    def delete(self, query: Fields, body: Fields) -> Reply:
        """Gone, with the account; who had it in the roster still has."""
        jid = self._find()
        self.world.cast.dismiss(jid)
        self.world.hosts[jid.domain].delete_account(jid)
        return Reply()

    def _find(self) -> JID:
        jid = self.world.account(self._name, "name")
        if jid not in self.world.cast.hired:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no contact {jid}")
        return jid


def describe(bot: Bot) -> dict[str, object]:
    """As JSON."""
    assert bot.script is not None
    return {
        "jid": bot.jid.bare,
        "nickname": bot.nickname,
        "status": bot.script.status,
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
