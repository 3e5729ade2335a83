"""`/stanzas` and `/messages`: anything, said by anybody."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from conversehost.net.memory import MemoryClient
from conversehost.server.session import Session
from conversehost.testbed.noun import ApiError, Fields, Noun, Reply, Verb
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import XMLError, adopt, element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

TYPES = ("normal", "chat", "groupchat", "headline")


class Stanzas(Noun):
    """POST says one."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.say, body=("from", "xml"))}

    def say(self, query: Fields, body: Fields) -> Reply:
        """`from` an account, or the full JID of a session that is there. `answers`: what comes back at once to an
        account, such as the result of an iq, or an error.
        """
        sender, xml = body.text("from"), body.text("xml")
        if sender is None or xml is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "from and xml are needed")
        return self.sent(sender, read_stanza(xml))

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
        return {"POST": Verb(self.write, body=("from", "to", "body", "type"))}

    def write(self, query: Fields, body: Fields) -> Reply:
        """`type` is chat unless given; `id` in the answer is the message's."""
        sender, to, text, type = (body.text(name) for name in ("from", "to", "body", "type"))
        if sender is None or to is None or text is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "from, to and body are needed")
        if type not in (None, *TYPES):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"type must be one of {', '.join(TYPES)}")
        address = to if "/" in to or ("@" not in to and to in self.world.hosts) else self.world.account(to, "to").bare
        attributes = {"to": address, "type": type or "chat", "id": secrets.token_hex(8)}
        return self.sent(sender, stanza("message", attributes, element(ns.CLIENT, "body", text=text)))


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
