from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.xmpp.jid import JID, JIDError, parse, prepare_domain, prepare_local, prepare_resource

# RFC 7622 section 3.5, table 1: by number, what is written, and its parts once prepared.
VALID = [
    (1, "juliet@example.com", ("juliet", "example.com", "")),
    (2, "juliet@example.com/foo", ("juliet", "example.com", "foo")),
    (3, "juliet@example.com/foo bar", ("juliet", "example.com", "foo bar")),
    (4, "juliet@example.com/foo@bar", ("juliet", "example.com", "foo@bar")),
    (5, "foo\\20bar@example.com", ("foo\\20bar", "example.com", "")),
    (6, "fussball@example.com", ("fussball", "example.com", "")),
    (7, "fu\u00dfball@example.com", ("fu\u00dfball", "example.com", "")),
    (8, "\u03c0@example.com", ("\u03c0", "example.com", "")),
    (9, "\u03a3@example.com/foo", ("\u03c3", "example.com", "foo")),
    (10, "\u03c3@example.com/foo", ("\u03c3", "example.com", "foo")),
    (11, "\u03c2@example.com/foo", ("\u03c2", "example.com", "foo")),
    (12, "king@example.com/\u265a", ("king", "example.com", "\u265a")),
    (13, "example.com", ("", "example.com", "")),
    (14, "example.com/foobar", ("", "example.com", "foobar")),
    (15, "a.example.com/b@example.net", ("", "a.example.com", "b@example.net")),
]

# Table 2.
INVALID = [
    (16, '"juliet"@example.com'),
    (17, "foo bar@example.com"),
    (18, "juliet@example.com/ foo"),
    (19, "@example.com/"),
    (20, "henry\u2163@example.com"),
    (21, "\u265a@example.com"),
    (22, "juliet@"),
    (23, "/foobar"),
]


@pytest.mark.parametrize(("number", "text", "parts"), VALID, ids=lambda value: str(value) if type(value) is int else "")
def test_a_legal_jid(number: int, text: str, parts: tuple[str, str, str]):
    jid = parse(text)
    assert (jid.local, jid.domain, jid.resource) == parts


@pytest.mark.parametrize(("number", "text"), INVALID, ids=lambda value: str(value) if type(value) is int else "")
def test_a_string_that_is_no_jid(number: int, text: str):
    with pytest.raises(JIDError):
        parse(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ROMEO@Example.COM", "romeo@example.com"),
        ("romeo@example.com.", "romeo@example.com"),
        ("\uff32omeo@example.com", "romeo@example.com"),  # a full-width R
        ("romeo@\uff25xample.com", "romeo@example.com"),
        ("romeo@example\u3002com", "romeo@example.com"),  # an ideographic full stop
        ("romeo@example.com\u3002", "romeo@example.com"),
        ("e\u0301mile@example.com/e\u0301", "\u00e9mile@example.com/\u00e9"),
        ("romeo@xn--bcher-kva.example", "romeo@b\u00fccher.example"),
        ("romeo@B\u00dcCHER.example", "romeo@b\u00fccher.example"),
        ("romeo@stra\u00dfe.example", "romeo@stra\u00dfe.example"),
        ("romeo@example.com/a\u00a0b", "romeo@example.com/a b"),
        ("romeo@example.com/a/b", "romeo@example.com/a/b"),
        ("romeo@127.0.0.1", "romeo@127.0.0.1"),
        ("romeo@[0:0:0::1]", "romeo@[::1]"),
        ("romeo@[::1]/x", "romeo@[::1]/x"),
        ("romeo@localhost", "romeo@localhost"),
    ],
)
def test_the_same_address_spelt_otherwise(written: str, meant: str):
    assert parse(written) == parse(meant)
    assert parse(written).full == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "/",
        "a@",
        "a@/b",
        "a@b/",
        "a@b@c",
        "a@example..com",
        "a@example.com..",
        "a@.example.com",
        "a@-example.com",
        "a@exa mple.com",
        "a@exam_ple.com",
        "a@xn--",
        "a@xn--0.example",
        "a@[::1",
        "a@[::g]",
        "a@::1",
        "a\u0000b@example.com",
        "a@example.com/a\u0007b",
        "a@example.com/\u00a0b",
        "\uff20@example.com",  # full-width @, which would become one
        "a\uff0fb@example.com",
        "a@example.com\uff0fb",
        "a'b@example.com",
        "a:b@example.com",
        "a<b@example.com",
        "a&b@example.com",
        "a\u200db@example.com",
        "\ud800@example.com",
        "a@example.com/\ud800",
        "a@\ud800",
    ],
)
def test_it_refuses(text: str):
    with pytest.raises(JIDError):
        parse(text)


@pytest.mark.parametrize(
    ("longest", "too_long"),
    [
        (f"{'a' * 1023}@b", f"{'a' * 1024}@b"),
        (f"{chr(0xE9) * 511}@b", f"{chr(0xE9) * 512}@b"),
        (f"a@b/{'c' * 1023}", f"a@b/{'c' * 1024}"),
        (f"a@b/{chr(0x265A) * 341}", f"a@b/{chr(0x265A) * 342}"),
        (f"a@{'.'.join(['b' * 63] * 3)}.{'c' * 61}", f"a@{'.'.join(['b' * 63] * 3)}.{'c' * 62}"),
        (f"a@{'b' * 63}", f"a@{'b' * 64}"),
    ],
)
def test_how_long_a_part_may_be(longest: str, too_long: str):
    assert parse(longest).full == longest
    with pytest.raises(JIDError):
        parse(too_long)


def test_what_is_far_too_long_is_refused_before_it_is_prepared():
    with pytest.raises(JIDError, match="too long"):
        parse("\u0130" * 200_000 + "@b")


def test_the_parts_put_together_again():
    jid = parse("romeo@example.com/orchard")
    assert str(jid) == jid.full == "romeo@example.com/orchard"
    assert jid.bare == str(jid.to_bare()) == "romeo@example.com"
    assert jid.to_bare().to_bare() == jid.to_bare()
    assert jid.to_bare().with_resource("garden").full == "romeo@example.com/garden"
    assert parse("example.com/x").bare == "example.com"
    assert repr(jid) == "JID('romeo@example.com/orchard')"


def test_addresses_are_keys():
    assert {parse("A@b/c"): 1}[JID("a", "b", "c")] == 1
    assert parse("a@b") != "a@b"


def test_a_resource_is_prepared_too():
    assert parse("a@b").with_resource("e\u0301").resource == "\u00e9"
    with pytest.raises(JIDError):
        parse("a@b").with_resource("\u0007")


@given(prepare=st.sampled_from([prepare_local, prepare_domain, prepare_resource]), text=st.text(max_size=20))
def test_preparing_twice_changes_nothing(prepare: Callable[[str], str], text: str):
    try:
        once = prepare(text)
    except JIDError:
        return
    assert prepare(once) == once


@given(
    text=st.text(
        st.sampled_from("aA1.-_@/ \u00df\u0130\u03a3\u03c2\u00e9\u0301\uff21\u3002\u00a0[]:xn\u4e2d\u05d0"), max_size=30
    )
)
def test_an_address_survives_being_written_down(text: str):
    try:
        jid = parse(text)
    except JIDError:
        return
    assert parse(jid.full) == jid
    assert parse(jid.bare) == jid.to_bare()
