"""`/stanzas` and `/messages`: anything, said by anybody."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from conversehost.net.memory import MemoryClient
from conversehost.server.session import Session
from conversehost.testbed.fields import Choice, Fields, Lines, Text
from conversehost.testbed.noun import ApiError, Noun, Reply, Verb
from conversehost.testbed.shapes import Shape, listed, nullable, text
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import XMLError, adopt, element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

TYPES = ("normal", "chat", "groupchat", "headline")
FROM = Text(
    "from",
    "an account, who needn't be logged in, or the full JID of a session that is there",
    required=True,
    example="alice@localhost",
    format="account",
)
SAID = Shape(
    "Said",
    "What came of it.",
    {
        "id": nullable(text("the stanza's own")),
        "answers": listed(text(), "what an account was sent back at once, such as the result of an iq, or an error"),
    },
)
STANZA = Lines(
    "xml",
    "one message, presence or iq; in jabber:client unless it says otherwise",
    required=True,
    example="<presence to='bob@localhost' type='subscribe'/>",
)
REFUSED = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


class Stanzas(Noun):
    """POST says one."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.say, body=(FROM, STANZA), answer=SAID, errors=REFUSED)}

    def say(self, query: Fields, body: Fields) -> Reply:
        """Say any stanza, as anybody."""
        return self.sent(body.needed("from"), read_stanza(body.needed("xml")))

    def sent(self, sender: str, said: Stanza) -> Reply:
        """Say it, and what came of it."""
        session = self._session(sender)
        if session is not None:
            session.host.router.submit(session, said)
            return Reply({"id": said.id, "answers": []})
        account = self.world.existing(sender, "from")
        answers: list[Stanza] = []
        try:
            router = self.world.hosts[account.domain].router
            client = MemoryClient(router, self.world.turn, account, answers.append)
        except StanzaError as error:
            raise ApiError(HTTPStatus.CONFLICT, f"{account}: {error.text}") from None
        client.say(said)
        self.world.turn.end()
        client.leave()
        return Reply({"id": said.id, "answers": [to_bytes(each).decode() for each in answers]})

    def _session(self, sender: str) -> Session | None:
        """That of a full JID. Raises ApiError(404)."""
        if "/" not in sender:
            return None
        try:
            jid: JID = parse(sender)
        except JIDError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"from: {sender!r} is not an address ({error})") from None
        host = self.world.hosts.get(jid.domain)
        session = None if host is None else host.session(jid)
        if session is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no session {sender}")
        return session


class Messages(Stanzas):
    """The same for what people say."""

    def verbs(self) -> Mapping[str, Verb]:
        fields = (
            FROM,
            Text(
                "to", "an address, or the name of an account", required=True, example="bob@localhost", format="address"
            ),
            Lines("body", "what it says", required=True, example="hi"),
            Choice("type", "chat unless given", words=TYPES),
        )
        return {"POST": Verb(self.write, body=fields, answer=SAID, errors=REFUSED)}

    def write(self, query: Fields, body: Fields) -> Reply:
        """Say a message, as anybody; `id` in the answer is the one that it got."""
        sender, to, said, type = (body.text(name) or "" for name in ("from", "to", "body", "type"))
        attributes = {"to": self._address(to), "type": type or "chat", "id": secrets.token_hex(8)}
        return self.sent(sender, stanza("message", attributes, element(ns.CLIENT, "body", text=said)))

    def _address(self, to: str) -> str:
        """A resource's, a room's or a domain's as it stands; else an account's. Raises ApiError(400)."""
        router = next(iter(self.world.hosts.values())).router
        domain = to.rpartition("@")[2]
        is_here = domain in router.routes or ("@" not in to and to in self.world.hosts)
        return to if "/" in to or is_here else self.world.account(to, "to").bare


def read_stanza(xml: str) -> Stanza:
    """In jabber:client unless it says otherwise. Raises ApiError(400)."""
    try:
        carrier = parse_xml(f"<carrier xmlns='{ns.CLIENT}'>{xml}</carrier>".encode())
    except XMLError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"xml: {error}") from None
    found = adopt(carrier[0], "nothing") if len(carrier) == 1 else None
    if not isinstance(found, Stanza):
        raise ApiError(HTTPStatus.BAD_REQUEST, "xml must be one message, presence or iq")
    return found
