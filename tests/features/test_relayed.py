"""What clients put into messages for one another: the same to who gets it, in copies, and in both archives."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes
from tests.features.archives import history
from tests.stage import Client, Stage, xml

BODY = "<body>&gt; a &lt;b&gt;\n*c* &amp; d</body>"
FALLBACK = "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='8'/></fallback>"
OMEMO = (
    "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='juliet@localhost'><key rid='2'>YQ==</key>"
    "</keys></header><payload>Yg==</payload></encrypted>"
)
OLD_OMEMO = (
    "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>YQ==</key><iv>Yw==</iv>"
    "</header><payload>Yg==</payload></encrypted>"
)
SIMS = (
    "<reference xmlns='urn:xmpp:reference:0' type='data' begin='0' end='3'><media-sharing xmlns='urn:xmpp:sims:1'>"
    "<file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><size>3</size></file><sources>"
    "<reference xmlns='urn:xmpp:reference:0' type='data' uri='https://localhost/a.png'/></sources></media-sharing>"
    "</reference>"
)
CONTACTS = (
    "<x xmlns='http://jabber.org/protocol/rosterx'><item action='add' jid='nurse@localhost' name='Nurse'>"
    "<group>House</group></item></x>"
)
CONVERSATION = {
    "styled": BODY,
    "not styled": f"{BODY}<unstyled xmlns='urn:xmpp:styling:0'/>",
    "markup": f"{BODY}<markup xmlns='urn:xmpp:markup:0'><span start='0' end='1'><emphasis/></span></markup>",
    "XHTML": f"{BODY}<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'/></html>",
    "a reply": f"{BODY}<reply xmlns='urn:xmpp:reply:0' to='romeo@localhost/orchard' id='m0'/>{FALLBACK}",
    "a spoiler": f"{BODY}<spoiler xmlns='urn:xmpp:spoiler:0' xml:lang='it'>la fine</spoiler>",
    "in two languages": "<body>hi</body><body xml:lang='it'>ciao</body>",
    "a thread": f"{BODY}<thread parent='t0'>t1</thread>",
    "a mention": f"{BODY}<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:nurse@localhost'/>",
    "a link": f"{BODY}<x xmlns='jabber:x:oob'><url>https://localhost/a.png</url><desc>a</desc></x>",
    "a picture": BODY + SIMS,
    "a file": (
        f"{BODY}<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file xmlns='urn:xmpp:file:metadata:0'>"
        "<size>3</size></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' "
        "target='https://localhost/a.png'/></sources></file-sharing>"
    ),
    "contacts, and a word": BODY + CONTACTS,
    "OMEMO": f"{OMEMO}<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2' name='OMEMO'/>{BODY}",
    "OMEMO of old": f"{OLD_OMEMO}<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/>",
    "OpenPGP": "<openpgp xmlns='urn:xmpp:openpgp:0'>YQ==</openpgp>",
    "wants a receipt": f"{BODY}<request xmlns='{ns.RECEIPTS}'/><markable xmlns='{ns.CHAT_MARKERS}'/>",
    "a receipt": f"<received xmlns='{ns.RECEIPTS}' id='m0'/><store xmlns='{ns.HINTS}'/>",
    "has been seen": f"<displayed xmlns='{ns.CHAT_MARKERS}' id='m0'/><store xmlns='{ns.HINTS}'/>",
    "a reaction": f"<reactions xmlns='{ns.REACTIONS}' id='m0'><reaction>\U0001f44b\U0001f3fe</reaction></reactions>",
    "a correction": f"{BODY}<replace xmlns='{ns.CORRECTION}' id='m0'/>",
    "a retraction": f"<retract xmlns='{ns.RETRACTION}' id='m0'/>{BODY}",
    "an id of its own": f"{BODY}<origin-id xmlns='{ns.STANZA_ID}' id='o1'/>",
    "from nobody we know": f"{BODY}<x xmlns='urn:x' y='z'><w xmlns='' v='u'/>t<s xmlns='urn:s'/></x>",
}
PASSING = {
    "typing": f"<composing xmlns='{ns.CHAT_STATES}'/>",
    "a marker that isn't to be stored": f"<displayed xmlns='{ns.CHAT_MARKERS}' id='m0'/><no-store xmlns='{ns.HINTS}'/>",
}


def said(message: Stanza) -> list[bytes]:
    """What is in it, but for ids in archives."""
    return [to_bytes(each) for each in message if each.tag != f"{{{ns.STANZA_ID}}}stanza-id"]


def copied(message: Stanza) -> Stanza:
    """The message in a carbon copy."""
    found = message.find(f"*/{{{ns.FORWARD}}}forwarded/{{{ns.CLIENT}}}message")
    assert isinstance(found, Stanza), to_bytes(message)
    return found


@pytest.fixture
def others(stage: Stage, romeo: Client, juliet: Client) -> list[Client]:
    """Each one's second client, which wants copies."""
    made = [stage.login("romeo", "garden", -1), stage.login("juliet", "chamber", -1)]
    for each in made:
        each.ask("set", f"<enable xmlns='{ns.CARBONS}'/>")
    for each in (*made, romeo, juliet):
        each.take()
    return made


@pytest.mark.parametrize("to", ["juliet@localhost", "juliet@localhost/balcony"])
@pytest.mark.parametrize("content", CONVERSATION.values(), ids=CONVERSATION)
def test_what_belongs_to_a_conversation(romeo: Client, juliet: Client, others: list[Client], content: str, to: str):
    expected = said(xml(f"<message>{content}</message>"))  # type: ignore[arg-type]
    romeo.write(f"<message to='{to}' type='chat' id='m1'>{content}</message>")
    assert said(juliet.only()) == expected
    assert [said(copied(each.only())) for each in others] == [expected, expected]
    assert [said(each) for client in (romeo, juliet) for each in history(client)] == [expected, expected]


@pytest.mark.parametrize("content", PASSING.values(), ids=PASSING)
def test_what_is_of_the_moment(romeo: Client, juliet: Client, others: list[Client], content: str):
    expected = said(xml(f"<message>{content}</message>"))  # type: ignore[arg-type]
    romeo.write(f"<message to='{juliet.jid}' type='chat' id='m1'>{content}</message>")
    assert said(juliet.only()) == expected
    assert [said(copied(each.only())) for each in others] == [expected, expected]
    assert history(romeo) == history(juliet) == []


@pytest.mark.parametrize("action", ["add", "delete", "modify"])
def test_contacts_that_somebody_suggests(romeo: Client, juliet: Client, others: list[Client], action: str):
    """XEP-0144: for the client to ask about. It is none of the server's business, nor anybody's conversation."""
    content = CONTACTS.replace("add", action)
    romeo.write(f"<message to='{juliet.jid}'>{content}</message>")
    assert said(juliet.only()) == said(xml(f"<message>{content}</message>"))  # type: ignore[arg-type]
    assert [each.take() for each in others] == [[], []]
    assert history(juliet) == []
    assert "nurse@localhost" not in juliet.roster()


def test_contacts_that_somebody_suggests_while_nobody_is_there(stage: Stage, romeo: Client):
    """They wait as well."""
    tybalt = stage.account("tybalt").bare
    romeo.write(f"<message to='{tybalt}'>{CONTACTS}</message>")
    (waited,) = [each for each in told_later(stage) if each.kind == "message"]
    assert said(waited)[0] == said(xml(f"<message>{CONTACTS}</message>"))[0]  # type: ignore[arg-type]


def told_later(stage: Stage) -> list[Stanza]:
    """What tybalt gets as soon as he is there."""
    client = stage.connect("tybalt", "street")
    client.available()
    return client.take()


def test_a_suggestion_by_iq_goes_to_one_client(romeo: Client, juliet: Client):
    """XEP-0144 section 5: to a full address; to a bare one nobody answers for it."""
    romeo.write(f"<iq type='set' to='{juliet.jid}' id='x1'>{CONTACTS}</iq>")
    assert said(juliet.only("iq")) == said(xml(f"<message>{CONTACTS}</message>"))  # type: ignore[arg-type]
    juliet.write(f"<iq type='result' to='{romeo.jid}' id='x1'/>")
    assert romeo.only("iq").type == "result"
    assert romeo.ask("set", CONTACTS, juliet.bare).type == "error"
