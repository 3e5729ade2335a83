"""BOSH as HTTP: content types, codings, codes, reasons, script syntax."""

from __future__ import annotations

import gzip
import json
import zlib
from urllib.parse import quote

import pytest
from lxml import etree

from conversehost.net.bosh import WORTH_PACKING
from conversehost.net.coding import CodingError, decode, encode, preferred
from tests.bosh.elsewhere import FarServer
from tests.bosh.stage import HTTPBIND, Server, message
from tests.net.front import STANZA_LIMIT, Front, said

CREATE = f"<body {HTTPBIND} rid='1000' to='localhost' wait='60' hold='1' ver='1.6'%s/>"


@pytest.fixture(params=[Server, FarServer], ids=["here", "elsewhere"])
def behind(request: pytest.FixtureRequest) -> type[Server]:
    """What holds doesn't depend on where the server is."""
    return request.param


def created(front: Front, **attributes: str):
    """The answer to a session creation request."""
    wire = front.wire()
    wire.post(CREATE % "".join(f" {name}='{value}'" for name, value in attributes.items()))
    front.server.says("features")
    (answer,) = wire.answers
    return answer


# Content-Type


def test_answers_are_xml_that_no_browser_runs(front):
    fields = created(front).fields
    assert fields["content-type"] == "text/xml; charset=utf-8"
    assert fields["content-security-policy"] == "default-src 'none'; sandbox"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["cache-control"] == "no-store"


def test_a_session_may_want_another_type(front):
    answer = created(front, content="text/html; charset=utf-8")
    assert answer.fields["content-type"] == "text/html; charset=utf-8"
    assert answer.fields["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_session_may_want_another_charset(front):
    answer = created(front, content="text/xml; charset=iso-8859-1")
    sid = etree.fromstring(answer.body).get("sid")
    wire = front.wire()
    wire.post(f"<body {HTTPBIND} sid='{sid}' rid='1001'/>")
    front.server.link.send("<message xmlns='jabber:client'><body>é漢🎉</body></message>".encode())
    front.turn.end()
    (answer,) = wire.answers
    assert answer.fields["content-type"] == "text/xml; charset=iso-8859-1"
    assert etree.fromstring(answer.body.decode("iso-8859-1"))[0][0].text == "é漢🎉"


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "image/png", ""])
def test_the_type_of_a_request_does_not_matter(front, kind):
    wire = front.wire()
    wire.post(CREATE % "", **{"Content-Type": kind})
    front.server.says("features")
    assert said(wire.answers[0]) == ["features"]


# Codings


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("*", "gzip"),
        ("br", None),
        ("identity", None),
        ("", None),
    ],
)
def test_large_answers_are_packed_as_the_client_accepts(front, accepted, coding):
    chat = front.session()
    wire = front.wire()
    wire.post(chat.body(), **{"Accept-Encoding": accepted})
    chat.server.link.send(message("a", 5000).encode())
    front.turn.end()
    (answer,) = wire.answers
    assert answer.fields["content-encoding"] == coding
    unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}[coding]
    assert len(answer.body) == int(answer.fields["content-length"])
    assert (len(answer.body) < 1000) is (coding is not None)
    assert etree.fromstring(unpack(answer.body))[0].get("id") == "a"


def test_small_answers_are_not_packed(front):
    chat = front.session()
    wire = front.wire()
    wire.post(chat.body(), **{"Accept-Encoding": "gzip"})
    chat.server.says("a")
    (answer,) = wire.answers
    assert answer.fields["content-encoding"] is None
    assert len(answer.body) < WORTH_PACKING


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_requests_may_be_packed(front, coding):
    chat = front.session()
    front.wire().post(encode(chat.body(message("a")).encode(), coding.encode()), **{"Content-Encoding": coding})
    assert chat.server.heard == ["a"]


def test_a_body_that_is_too_large_is_told_so_in_both_ways(front):
    wire = front.wire()
    wire.post(b"<body>%s</body>" % (b" " * 2 * STANZA_LIMIT))
    (answer,) = wire.answers
    assert answer.code == 413
    assert answer.fields["x-bosh-reason"] == f"a body has {2 * STANZA_LIMIT} bytes at most"


def test_deflate_without_its_wrapper_is_understood():
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    assert decode(packer.compress(b"<body/>") + packer.flush(), b"deflate", 100) == b"<body/>"


def test_a_bomb_does_not_go_off(front):
    chat = front.session()
    wire = front.wire()
    wire.post(gzip.compress(b" " * 10_000_000, mtime=0), **{"Content-Encoding": "gzip"})
    (answer,) = wire.answers
    assert answer.code == 413
    assert answer.fields["x-bosh-reason"] in answer.body.decode()
    wire = front.wire()
    wire.post(chat.body(message("a")))
    assert chat.server.heard == ["a"]


def test_an_unknown_coding_is_named(front):
    wire = front.wire()
    wire.post(b"\x28\xb5\x2f\xfd", **{"Content-Encoding": "zstd"})
    (answer,) = wire.answers
    assert (answer.code, answer.fields["accept-encoding"]) == (415, "gzip, deflate")
    assert "zstd" in answer.fields["x-bosh-reason"]


PACKED = gzip.compress(b"<body/>", mtime=0)


@pytest.mark.parametrize("data", [b"\x1f\x8bgarbage", PACKED[:-3], PACKED + b"x"])
def test_what_can_not_be_unpacked(front, data):
    wire = front.wire()
    wire.post(data, **{"Content-Encoding": "gzip"})
    (answer,) = wire.answers
    assert etree.fromstring(answer.body).get("condition") == "bad-request"
    assert "decompressed" in answer.fields["x-bosh-reason"]


def test_codings_are_not_stacked_without_end():
    with pytest.raises(CodingError):
        decode(b"x", b"gzip, gzip, gzip", 100)


def test_what_is_preferred():
    assert preferred(b"deflate;q=1.0, gzip;q=0.5") == b"gzip"
    assert preferred(b"*;q=0") == b""
    assert preferred(b"gzip;q=0, *") == b"deflate"


# Reasons and codes


def test_an_error_says_why_in_a_field(front):
    chat = front.session()
    wire = front.wire()
    wire.post(chat.body(rid=5000))
    (answer,) = wire.answers
    assert answer.code == 200
    assert answer.fields["x-bosh-reason"] == "rid 5000 is outside the window: 1001 to 1002 may come"
    assert "X-BOSH-Reason" in answer.fields["access-control-expose-headers"]


def test_a_reason_is_one_line_of_ascii(front):
    wire = front.wire()
    wire.post(f"<body {HTTPBIND} rid='1' to='localhost' hold='1&#13;&#10;Set-Cookie: é'/>")
    (answer,) = wire.answers
    assert answer.fields["set-cookie"] is None
    assert answer.fields["x-bosh-reason"].startswith("hold must be a number")


def test_reasons_can_be_left_out(front):
    front.bosh.reason = b""
    wire = front.wire()
    wire.post("<body/>")
    assert wire.answers[0].fields["x-bosh-reason"] is None


@pytest.mark.parametrize(("attributes", "code"), [("to='localhost' wait='x'", 400), ("to='elsewhere.example'", 200)])
def test_a_client_without_ver_cannot_begin(front, attributes, code):
    wire = front.wire()
    wire.post(f"<body {HTTPBIND} rid='1' {attributes}/>")
    assert wire.codes == [code]


@pytest.mark.parametrize(
    ("attributes", "code"), [("rid='9000'", 404), ("rid='x'", 400), ("rid='1001' pause='9999'", 403)]
)
def test_errors_of_a_client_without_ver_are_codes(front, attributes, code):
    wire = front.wire()
    wire.post(f"<body {HTTPBIND} rid='1000' to='localhost' hold='1'/>")
    front.server.says("features")
    sid = etree.fromstring(wire.answers[0].body).get("sid")
    wire = front.wire()
    wire.post(f"<body {HTTPBIND} sid='{sid}' {attributes}/>")
    (answer,) = wire.answers
    assert (answer.code, answer.body) == (code, b"")


# Script syntax


@pytest.fixture
def scripted(front):
    front.bosh._allow_script = True
    return front


def get(front: Front, body: str, extra: str = ""):
    wire = front.wire()
    wire.get(f"/http-bind?{quote(body)}{extra}")
    return wire


def test_script_syntax_is_off(front):
    (answer,) = get(front, CREATE % "").answers
    assert answer.code == 404
    assert "--bosh-script" in answer.fields["x-bosh-reason"]
    assert front.servers == []


def test_other_queries_get_the_page(front):
    wire = front.wire()
    wire.get("/http-bind?x=1")
    assert wire.codes == [200]


def test_a_session_in_script_syntax(scripted):
    wire = get(scripted, CREATE % "")
    scripted.server.says("features")
    (answer,) = wire.answers
    assert answer.fields["content-type"] == "text/javascript; charset=utf-8"
    sid = etree.fromstring(argument(answer.body)).get("sid")
    wire = get(scripted, f"<body {HTTPBIND} sid='{sid}' rid='1001'>{message('a')}</body>")
    assert scripted.server.heard == ["a"]
    text = 'a "quote", a \\, a\nbreak, \u2028 and \u200e and \U000e0001'
    scripted.server.link.send(f"<message xmlns='jabber:client'><body>{text}</body></message>".encode())
    scripted.turn.end()
    (answer,) = wire.answers
    assert b"\n" not in answer.body
    assert b"\\u200e" in answer.body
    assert etree.fromstring(argument(answer.body))[0][0].text == text


def argument(body: bytes, function: str = "_BOSH_") -> str:
    text = body.decode()
    assert text.startswith(f"{function}(")
    assert text.endswith(")")
    return json.loads(text[len(function) + 1 : -1])


@pytest.mark.parametrize(
    ("callback", "function"), [("cb", "cb"), ("a.b$1", "a.b$1"), ("alert(1)//", "_BOSH_"), ("", "_BOSH_")]
)
def test_a_client_may_name_its_function(scripted, callback, function):
    wire = scripted.wire()
    wire.get(f"/http-bind?data={quote(CREATE % '')}&callback={quote(callback)}")
    scripted.server.says("features")
    assert etree.fromstring(argument(wire.answers[0].body, function)).get("sid")


def test_limits_hold_for_what_is_unpacked_too():
    with pytest.raises(CodingError):
        decode(gzip.compress(b"x" * (2 * STANZA_LIMIT + 1)), b"gzip", 2 * STANZA_LIMIT)


# On the way out


def test_a_server_that_drains_goes_on_with_the_sessions_it_has(front):
    chat = front.session()
    held = front.wire()
    held.post(chat.body())
    front.manager.draining.on = True
    wire = front.wire()
    wire.post(CREATE % "")
    (refused,) = wire.answers
    assert (refused.code, refused.fields["retry-after"]) == (503, "2")
    assert etree.fromstring(refused.body).get("condition") == "system-shutdown"
    assert held.answers == []
    chat.server.says("a")
    (answer,) = held.answers
    assert (answer.code, said(answer)) == (200, ["a"])
