"""What the operator writes, and what BOSH clients may."""

from __future__ import annotations

import pytest

from conversehost.xmpp.places import Place, read_place, read_route, read_upstream


@pytest.mark.parametrize(
    ("text", "domain", "place"),
    [
        ("chat.example=xmpp://10.0.0.1", "chat.example", Place("10.0.0.1", 5222)),
        ("Chat.Example=xmpps://host:5270", "chat.example", Place("host", 5270, tls=True)),
        ("chat.example=xmpps://host", "chat.example", Place("host", 5223, tls=True)),
        ("chat.example=xmpp://[::1]:5222", "chat.example", Place("::1", 5222)),
        ("chat.example=srv", "chat.example", Place()),
        ("chat.example", "chat.example", Place()),
        ("*", "*", Place()),
        ("bücher.example=srv", "bücher.example", Place()),
    ],
)
def test_a_domain_and_where_its_server_is(text, domain, place):
    assert read_upstream(text) == (domain, place)
    assert read_place(str(place)) == place


@pytest.mark.parametrize(
    "text",
    ["", "=srv", "a b=srv", "chat.example=http://x", "chat.example=xmpp://", "a=xmpp://u@h", "a=xmpp://h:99999999"],
)
def test_nonsense_is_refused(text):
    with pytest.raises(ValueError, match="wants"):
        read_upstream(text)


def test_a_route():
    assert read_route("xmpp:chat.example:5222") == Place("chat.example", 5222)
    assert read_route("xmpp:[::1]:5222") == Place("::1", 5222)
    assert read_route("http:chat.example:80") is None
    assert read_route("xmpp:") is None
