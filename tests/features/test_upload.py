"""XEP-0363: slots for files."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from conversehost.clock import Clock
from conversehost.server.policy import Policy
from conversehost.server.uploads import PUT_WITHIN, UploadLimits, Uploads
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, attribute
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

WHERE = "upload.localhost"
LIMITS = UploadLimits(file=1000, account=1500, all=2000, seconds=3600)
NOW = 1_700_000_000.0


@pytest.fixture
def stage() -> Stage:
    return Stage(policy=Policy(uploads=LIMITS))


@pytest.fixture
def uploads(stage: Stage) -> Uploads:
    """As the web side has it."""
    return Uploads(stage.store, stage.clock, LIMITS)


def ask(client: Client, name: str = "a.txt", size: object = 100, type: str = "", purpose: str = "") -> Stanza:
    kind = f" content-type={attribute(type)}" if type else ""
    return client.ask(
        "get", f"<request xmlns='{ns.UPLOAD}' filename={attribute(name)} size='{size}'{kind}>{purpose}</request>", WHERE
    )


def url(answer: Stanza, name: str = "get") -> str:
    assert answer.type == "result"
    found = answer[0].find(f"{{{ns.UPLOAD}}}{name}")
    assert found is not None
    return found.get("url", "")


def token(answer: Stanza) -> str:
    return url(answer).rpartition("/")[0].rpartition("/")[2]


def error(answer: Stanza) -> Element:
    found = answer.find(f"{{{ns.CLIENT}}}error")
    assert found is not None
    return found


def purpose(name: str, **attributes: str) -> str:
    said = "".join(f" {key.replace('_', '-')}='{value}'" for key, value in attributes.items())
    return f"<{name} xmlns='{ns.UPLOAD_PURPOSE}'{said}/>"


def test_it_is_found(romeo: Client):
    """Section 3."""
    items = romeo.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}'/>", "localhost")[0]
    assert WHERE in [each.get("jid") for each in items]
    info = romeo.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", WHERE)[0]
    features = [each.get("var") for each in info.iter(f"{{{ns.DISCO_INFO}}}feature")]
    assert {ns.UPLOAD, f"{ns.UPLOAD_PURPOSE}#ephemeral", f"{ns.UPLOAD_PURPOSE}#permanent"} <= set(features)
    assert info.find(f"{{{ns.DISCO_INFO}}}identity[@category='store'][@type='file']") is not None
    fields = {each.get("var"): each.findtext(f"{{{ns.DATA}}}value") for each in info.iter(f"{{{ns.DATA}}}field")}
    assert fields == {"FORM_TYPE": ns.UPLOAD, "max-file-size": "1000"}


def test_a_slot(romeo: Client, uploads: Uploads):
    """Section 4."""
    answer = ask(romeo, "très cool.jpg", 234, "image/jpeg")
    assert answer.get("from") == WHERE
    assert url(answer) == url(answer, "put")
    assert url(answer).startswith("http://localhost/upload/")
    assert url(answer).endswith("/tr%C3%A8s%20cool.jpg")
    slot = uploads.find(token(answer))
    assert slot is not None
    assert (slot.owner, slot.name, slot.size, slot.type) == ("romeo@localhost", "très cool.jpg", 234, "image/jpeg")
    (header,) = answer[0][0]
    assert (header.get("name"), header.text) == ("Authorization", f"Bearer {slot.secret}")
    assert len(token(answer)) >= 32


def test_every_slot_is_another(romeo: Client):
    assert url(ask(romeo)) != url(ask(romeo))


@pytest.mark.parametrize("name", ["a b.txt", "ü.png", "🎉", "..a", "a?b#c%d&e", "'\"<>"])
def test_the_name_stays(romeo: Client, name: str):
    assert unquote(url(ask(romeo, name)).rpartition("/")[2]) == name


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "../../etc/passwd", "a\\b"])
def test_what_is_no_name_of_a_file(romeo: Client, name: str):
    assert condition(ask(romeo, name)) == "bad-request"


def test_a_name_that_is_too_long(romeo: Client):
    assert url(ask(romeo, "x" * 255))
    assert condition(ask(romeo, "é" * 128)) == "not-acceptable"


@pytest.mark.parametrize("size", ["", "0", "-1", "1.5", "x", "1e3", "9" * 16])
def test_what_is_no_size(romeo: Client, size: str):
    assert condition(ask(romeo, size=size)) == "bad-request"


@pytest.mark.parametrize("type", ["image", "image/", "a/b c", "a/b\r\nx: y", "text/html; charset"])
def test_what_is_no_type(romeo: Client, type: str):
    assert condition(ask(romeo, type=type)) == "bad-request"


def test_a_type_with_a_parameter(romeo: Client, uploads: Uploads):
    slot = uploads.find(token(ask(romeo, type="text/plain; charset=utf-8")))
    assert slot is not None
    assert slot.type == "text/plain; charset=utf-8"


def test_a_file_that_is_too_large(romeo: Client):
    """Section 6: the limit is told."""
    answer = ask(romeo, size=1001)
    assert (condition(answer), error(answer).get("type")) == ("not-acceptable", "modify")
    assert error(answer).findtext(f"{{{ns.UPLOAD}}}file-too-large/{{{ns.UPLOAD}}}max-file-size") == "1000"


def test_an_account_has_a_quota(romeo: Client, juliet: Client):
    """Section 6: when something of one's own goes, it is worth another try."""
    assert url(ask(romeo, size=1000))
    answer = ask(romeo, size=501)
    assert (condition(answer), error(answer).get("type")) == ("resource-constraint", "wait")
    retry = error(answer).find(f"{{{ns.UPLOAD}}}retry")
    assert retry is not None
    assert retry.get("stamp") == "2023-11-14T22:18:20.000Z"
    assert url(ask(romeo, size=500))
    assert url(ask(juliet, size=500))


def test_small_ones_are_numbered(romeo: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.server.uploads.SLOTS_PER_ACCOUNT", 3)
    for _ in range(3):
        assert url(ask(romeo, size=1))
    answer = ask(romeo, size=1)
    assert condition(answer) == "resource-constraint"
    assert error(answer).find(f"{{{ns.UPLOAD}}}retry") is not None
    clock.advance(PUT_WITHIN)
    assert url(ask(romeo, size=1))


def test_all_together_have_one(romeo: Client, juliet: Client):
    ask(romeo, size=1000)
    ask(juliet, size=600)
    answer = ask(juliet, size=500)
    assert condition(answer) == "resource-constraint"
    assert "server" in (error(answer).findtext(f"{{{ns.STANZA_ERROR}}}text") or "")


def test_a_slot_that_is_not_used_is_room_again(romeo: Client, uploads: Uploads, clock: Clock):
    """Section 8: after five minutes."""
    unused = token(ask(romeo, size=1000))
    clock.advance(PUT_WITHIN - 1)
    assert uploads.find(unused) is not None
    clock.advance(1)
    assert uploads.find(unused) is None
    assert uploads.stored(unused) is None
    assert url(ask(romeo, size=1000))


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        ("", 3600.0),
        (purpose("message"), 3600.0),
        (purpose("profile"), None),
        (purpose("permanent"), None),
        (purpose("ephemeral", expire_before="2023-11-14T22:33:20Z"), 1200.0),
        (purpose("ephemeral", expire_before="2033-11-14T22:33:20Z"), 3600.0),
    ],
)
def test_how_long_a_file_is_kept(romeo: Client, uploads: Uploads, clock: Clock, wanted: str, seconds: float | None):
    """Section 5."""
    slot = uploads.stored(token(ask(romeo, purpose=wanted)))
    assert slot is not None
    assert slot.stored
    assert slot.until == (None if seconds is None else NOW + seconds)
    clock.advance(10**9 if seconds is None else seconds - 1)
    assert uploads.find(slot.token) == slot
    clock.advance(1)
    assert (uploads.find(slot.token) is None) is (seconds is not None)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (purpose("ephemeral"), "bad-request"),
        (purpose("ephemeral", expire_before="tomorrow"), "bad-request"),
        (purpose("ephemeral", expire_before="2003-11-14T22:33:20Z"), "not-acceptable"),
        (purpose("forever"), "bad-request"),
        (purpose("message") + purpose("profile"), "bad-request"),
    ],
)
def test_purposes_that_there_are_not(romeo: Client, wanted: str, refusal: str):
    assert condition(ask(romeo, purpose=wanted)) == refusal


def test_who_has_no_account_here_gets_no_slot(stage: Stage):
    elsewhere = Elsewhere(stage)
    elsewhere.send(
        f"<iq type='get' id='1' from='x@elsewhere.example/y' to='{WHERE}'>"
        f"<request xmlns='{ns.UPLOAD}' filename='a' size='1'/></iq>"
    )
    (answer,) = elsewhere.take()
    assert (condition(answer), error(answer).get("type")) == ("forbidden", "auth")


def test_slots_go_with_their_account(stage: Stage, romeo: Client, uploads: Uploads):
    slot = uploads.stored(token(ask(romeo)))
    assert slot is not None
    stage.host.delete_account(parse("romeo@localhost"))
    assert uploads.find(slot.token) is None
    assert "romeo@localhost" not in stage.store.owners("upload")


def test_the_url_is_one_that_the_client_can_reach(stage: Stage):
    """By the address that its BOSH or WebSocket came to."""
    client = Client(stage)
    client.opening = client.opening.__class__("localhost", "websocket", origin="https://chat.example:8443")
    client.stream.open_as(stage.account("romeo"), client.opening, client)
    assert url(ask(client)).startswith("https://chat.example:8443/upload/")
