"""wokkel's handlers in this process: as a component, as a bot, and what is wrong with what can't be one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock as Reactor

from conversehost.errors import ConfigError
from conversehost.net.handlers import find, prepare, read
from conversehost.net.mounted import Mounted
from conversehost.turn import Turn
from conversehost.xmpp import ns
from tests.stage import Client, Stage, condition, xml

COMPONENT = "desk.localhost"
HANDLERS = """
from twisted.internet import defer
from twisted.words.protocols.jabber.jid import JID
from twisted.words.protocols.jabber.xmlstream import toResponse
from wokkel import disco
from wokkel.generic import Request, VersionHandler
from wokkel.iwokkel import IDisco
from wokkel.subprotocols import XMPPHandler
from wokkel.xmppim import AvailablePresence, MessageProtocol
from zope.interface import implementer

made = []


class Ping(Request):
    def toElement(self):
        element = super().toElement()
        element.addElement(("urn:xmpp:ping", "ping"))
        return element


@implementer(IDisco)
class Desk(MessageProtocol):
    def __init__(self):
        super().__init__()
        self.lost = None
        made.append(self)

    def connectionInitialized(self):
        super().connectionInitialized()
        self.xmlstream.addObserver("/iq[@type='get']/fail", self.fail)

    def connectionLost(self, reason):
        self.lost = reason
        super().connectionLost(reason)

    def onMessage(self, message):
        words = str(message.body or "")
        if words == "fail":
            raise RuntimeError("as asked")
        if words == "later":
            self.parent._reactor.callLater(60, self.reply, message, "now")
        elif words == "ping me":
            self.request(Ping(JID(message["from"]))).addCallbacks(
                lambda iq: self.reply(message, "you are there"),
                lambda failure: self.reply(message, failure.value.condition),
            )
        elif words == "as text":
            self.send("<message to='%s'><body>text</body></message>" % message["from"])
        elif words:
            self.reply(message, words)

    def reply(self, message, words):
        reply = toResponse(message, message.getAttribute("type"))
        del reply["from"]
        reply.addElement("body", content=words)
        self.send(reply)

    def fail(self, iq):
        raise RuntimeError("as asked")

    def getDiscoInfo(self, requestor, target, node=""):
        return defer.succeed([disco.DiscoIdentity("automation", "rpc", "Desk"), disco.DiscoFeature("urn:desk")])

    def getDiscoItems(self, requestor, target, node=""):
        return defer.succeed([])


class Parrot(Desk):
    def connectionInitialized(self):
        super().connectionInitialized()
        self.send(AvailablePresence())


def several():
    return [Desk(), VersionHandler("desk", "1")]


class Sad(Desk):
    def connectionInitialized(self):
        1 / 0


def once():
    if made:
        raise RuntimeError("twice")
    return Desk()


def failing():
    raise LookupError("no such thing")


class NoHandler:
    pass


not_callable = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file of the operator's, in the folder where he starts the server."""
    (tmp_path / "theirs.py").write_text(HANDLERS)
    (tmp_path / "broken.py").write_text("import nothing_such\n")
    (tmp_path / "wrong.py").write_text("def :\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    yield "theirs"
    for name in ("theirs", "broken", "wrong"):
        sys.modules.pop(name, None)


class Prompt(Reactor):
    """A reactor on a turned clock; what is due at once is done when the turn ends."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    def callLater(self, when: float, *call: Any, **named: Any) -> Any:
        if not when:
            self._turn.add(self)
        return super().callLater(when, *call, **named)

    def flush(self) -> None:
        self.advance(0)


class Rounds(Reactor):
    """Does in a round what was due when it began, as real ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.due: list[Callable[[], object]] = []

    def callLater(self, when: float, *call: Any, **named: Any) -> Any:
        self.due.append(call[0])

    def go_round(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


@pytest.fixture
def reactor(stage: Stage) -> Reactor:
    return Prompt(stage.turn)


@pytest.fixture
def mount(stage: Stage, module: str, reactor: Reactor) -> Callable[..., Mounted]:
    def mount(components: list[tuple[str, str]] | None = None, bots: list[tuple[str, str]] | None = None) -> Mounted:
        mounted = Mounted(
            components or [],
            bots or [],
            router=stage.router,
            turn=stage.turn,
            reactor=reactor,
            items_of=lambda domain: stage.host.items,
        )
        mounted.start()
        return mounted

    return mount


@pytest.fixture
def desk(mount: Callable[..., Mounted]) -> Mounted:
    return mount([(COMPONENT, "theirs:Desk")])


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("to", [COMPONENT, f"anybody@{COMPONENT}/anywhere"])
def test_a_component_answers(romeo: Client, to: str):
    romeo.say(to, "\u00e9 &lt; &amp; \U0001f389")
    message = romeo.only("message")
    assert (message.get("from"), message.get("to"), message.type) == (COMPONENT, romeo.jid, "chat")
    assert message.text_of("body") == "\u00e9 < & \U0001f389"


@pytest.mark.usefixtures("desk")
def test_what_it_sends_later_leaves_then(romeo: Client, reactor: Reactor):
    romeo.say(COMPONENT, "later")
    assert romeo.heard() == []
    reactor.advance(60)
    assert romeo.heard() == ["now"]


@pytest.mark.usefixtures("desk")
def test_it_can_send_text(romeo: Client):
    romeo.say(COMPONENT, "as text")
    assert romeo.heard() == ["text"]


@pytest.mark.usefixtures("desk")
def test_it_can_ask_and_wait_for_the_answer(romeo: Client):
    romeo.say(COMPONENT, "ping me")
    iq = romeo.only("iq")
    romeo.write(f"<iq type='result' id='{iq.id}' to='{COMPONENT}'/>")
    assert romeo.heard() == ["you are there"]
    romeo.say(COMPONENT, "ping me")
    error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    romeo.write(f"<iq type='error' id='{romeo.only('iq').id}' to='{COMPONENT}'>{error}</iq>")
    assert romeo.heard() == ["service-unavailable"]


@pytest.mark.usefixtures("desk")
def test_what_it_says_of_itself(romeo: Client):
    query = romeo.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", COMPONENT)[0]
    assert {"category": "automation", "type": "rpc", "name": "Desk"} in [dict(each.attrib) for each in query]
    assert "urn:desk" in [each.get("var") for each in query]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("payload", ["<nothing xmlns='a:b'/>", "<fail/>"])
def test_no_question_stays_without_an_answer(romeo: Client, payload: str, failures: list[str]):
    assert condition(romeo.ask("get", payload, COMPONENT)) == "service-unavailable"
    assert ["RuntimeError: as asked" in each for each in failures] == ([True] if "fail" in payload else [])


@pytest.mark.usefixtures("desk")
def test_one_that_fails_goes_on_with_the_next(romeo: Client, failures: list[str]):
    romeo.say(COMPONENT, "fail")
    romeo.say(COMPONENT, "well?")
    assert romeo.heard() == ["well?"]
    assert ["RuntimeError: as asked" in each for each in failures] == [True]


@pytest.mark.usefixtures("desk")
def test_it_is_listed(romeo: Client):
    query = romeo.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}'/>", "localhost")[0]
    assert [each.get("jid") for each in query].count(COMPONENT) == 1


def test_after_its_end_it_is_gone(desk: Mounted, stage: Stage, romeo: Client):
    desk.leave()
    assert COMPONENT not in stage.host.items
    assert sys.modules["theirs"].made[0].lost is not None
    romeo.say(COMPONENT, "hi")
    assert condition(romeo.only("message")) == "remote-server-not-found"


def test_a_new_beginning_has_new_handlers(desk: Mounted, romeo: Client):
    desk.leave()
    desk.start()
    romeo.say(COMPONENT, "hi")
    assert romeo.heard() == ["hi"]
    assert len(sys.modules["theirs"].made) == 2


def test_several_handlers_of_one_component(mount: Callable[..., Mounted], romeo: Client):
    mount([(COMPONENT, "theirs:several")])
    query = romeo.ask("get", f"<query xmlns='{ns.VERSION}'/>", COMPONENT)[0]
    assert query.findtext(f"{{{ns.VERSION}}}name") == "desk"


def test_a_bot_is_a_user(stage: Stage, mount: Callable[..., Mounted], romeo: Client):
    stage.befriend("romeo", "parrot")
    bots = mount(bots=[("parrot@localhost", "theirs:Parrot")])
    assert [jid.partition("/")[0] for jid, type in romeo.seen() if type is None] == ["parrot@localhost"]
    romeo.say("parrot@localhost", "hello")
    assert romeo.heard() == ["hello"]
    bots.leave()
    assert [type for _, type in romeo.seen()] == ["unavailable"]
    bots.start()
    assert [type for _, type in romeo.seen()] == [None]


def test_two_that_answer_each_other_for_ever_leave_room_for_others(stage: Stage, module: str, romeo: Client):
    reactor = Rounds()
    components = [(COMPONENT, "theirs:Desk"), ("bell.localhost", "theirs:Desk")]
    place = {"router": stage.router, "turn": stage.turn, "reactor": reactor}
    Mounted(components, [], **place, items_of=lambda domain: {}).start()
    stage.router.send(xml(f"<message from='bell.localhost' to='{COMPONENT}'><body>ding</body></message>"))
    for _ in range(10):
        assert len(reactor.due) == 1
        reactor.go_round()
    romeo.say(COMPONENT, "hi")
    reactor.go_round()
    assert romeo.heard() == ["hi"]


def test_one_that_fails_as_it_begins_is_no_end_of_the_others(
    mount: Callable[..., Mounted], romeo: Client, failures: list[str]
):
    mount([("sad.localhost", "theirs:Sad"), (COMPONENT, "theirs:Desk")])
    assert ["ZeroDivisionError" in each for each in failures] == [True]
    romeo.say(COMPONENT, "hi")
    assert romeo.heard() == ["hi"]


def test_one_that_cannot_be_made_a_second_time_is_left_out(
    mount: Callable[..., Mounted], romeo: Client, failures: list[str]
):
    mounted = mount([(COMPONENT, "theirs:once")])
    mounted.leave()
    mounted.start()
    assert ["once() failed: RuntimeError: twice" in each for each in failures] == [True]
    romeo.say(COMPONENT, "hi")
    assert condition(romeo.only("message")) == "remote-server-not-found"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nowhere:Desk", "there is no module nowhere, here or where Python looks"),
        ("theirs.below:Desk", "there is no module theirs.below"),
        ("theirs:Nobody", "theirs has no class or function Nobody"),
        ("theirs:not_callable", "theirs has no class or function not_callable"),
        ("broken:Desk", "broken can't be imported: No module named 'nothing_such'"),
        ("wrong:Desk", "wrong can't be imported: SyntaxError: invalid syntax (wrong.py, line 1)"),
        ("theirs:failing", "failing() failed: LookupError: no such thing"),
        ("theirs:NoHandler", "NoHandler makes no wokkel.subprotocols.XMPPHandler"),
    ],
)
@pytest.mark.usefixtures("module")
def test_what_is_no_handler(spec: str, says: str):
    with pytest.raises(ConfigError) as raised:
        find(spec, "--component desk.localhost=")()
    text = str(raised.value)
    assert text.startswith(f"--component desk.localhost={spec}: ")
    assert says in text
    assert "\n" not in text


@pytest.mark.parametrize("sent", ["hello", "<presence", "<other xmlns='a:b'/>", "<hello/>", ""])
def test_what_is_no_stanza(sent: str):
    with pytest.raises(ValueError, match="not a stanza"):
        read(sent)


def test_all_of_wokkel_can_be_imported():
    """On a Twisted that lacks what wokkel expects of it."""
    prepare()
    from wokkel import component, data_form, disco, muc, ping, pubsub, server

    assert all((component, data_form, disco, muc, ping, pubsub, server))
