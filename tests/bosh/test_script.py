"""Script syntax: what is in bodies is one stream of characters. XEP-0252."""

from __future__ import annotations

import pytest

from conversehost.bosh.script import parse_script
from tests.bosh.stage import HTTPBIND, Client, Stage, message


class Script(Client):
    """Sends in script syntax."""

    def begin(self, text):
        stage = self.stage
        parse, stage.manager.request = stage.manager.request, lambda *a: parse(*a, parse=parse_script)
        try:
            return super().begin(text)
        finally:
            stage.manager.request = parse


@pytest.fixture
def romeo(stage: Stage) -> Script:
    client = Script(stage)
    request = client.create(hold=1)
    stage.server.says("features")
    client.sid = request.get("sid")
    return client


def test_whole_stanzas(stage, romeo):
    romeo.send(message("a"), message("b"))
    assert stage.server.heard == ["a", "b"]


def test_a_stanza_in_pieces(stage, romeo):
    text = message("a") + message("b", 50) + message("c")
    for piece in (text[:10], text[10:70], text[70:71], text[71:]):
        romeo.send(piece)
    assert stage.server.heard == ["a", "b", "c"]


def test_pieces_out_of_order(stage, romeo):
    text = message("a")
    romeo.send(text[20:], rid=1002)
    romeo.send(text[:20], rid=1001)
    assert stage.server.heard == ["a"]


def test_attributes_may_have_anything_in_quotes(stage, romeo):
    romeo.raw(f"<body {HTTPBIND} rid='1001' sid='{romeo.sid}' x='a>b'>{message('a')}</body >")
    assert stage.server.heard == ["a"]


@pytest.mark.parametrize("content", ["</message>", "<a></b>", "<!-- -->", "<?pi?>", "text<a/>", "&undefined;"])
def test_what_is_no_stanza(stage, romeo, content):
    assert romeo.send(content).ends == "bad-request"


@pytest.mark.parametrize("text", ["", "text", "<body", f"<body {HTTPBIND} rid='1'>", "<!DOCTYPE x><body/>"])
def test_what_is_no_body(stage, text):
    assert Script(stage).raw(text).ends == "bad-request"
