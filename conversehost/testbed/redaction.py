"""What may be shown of what was said: no password, no token, no cookie."""

from __future__ import annotations

import re

HIDDEN = b"..."
_SECRET = rb"auth|response|challenge|success|initial-response|additional-data|password"
_CDATA = rb"<!\[CDATA\[(?:[^]<]|\](?!\]>)|<(?!!\[CDATA\[))*+\]\]>"
_XML = re.compile(
    rb"(<(?:[\w.-]+:)?(?:%s)\b[^<>]*>)((?:[^<]++|%s)++)(</)" % (_SECRET, _CDATA)
    + rb"|(<(?:[\w.-]+:)?token\s[^<>]*?\btoken\s*=\s*[\"'])([^\"'<]+)",
)
"""However it is written; nothing is looked at twice."""
_HEADERS = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"))
_NAMES = rb"password|passwd|secret|token|access_token|refresh_token|id_token|code|hmac|totp"
_FORM = re.compile(rb"((?:^|[?&])(?:%s)=)[^&#\s]*" % _NAMES, re.IGNORECASE)
_JSON = re.compile(rb'("(?:%s)"\s*:\s*)"(?:[^"\\]|\\.)*"' % _NAMES, re.IGNORECASE)


def xml(data: bytes) -> bytes:
    """Elements without what passwords, SASL messages and tokens are in them."""
    return _XML.sub(_hide_element, data)


def header(name: bytes, value: bytes) -> bytes:
    """The value of a header field; of cookies and logins only what kind they are."""
    if name.lower() not in _HEADERS:
        return value
    if name.lower().endswith(b"authorization"):
        return value.partition(b" ")[0] + b" " + HIDDEN
    return re.sub(rb"^(\s*[^=;]+=)[^;]*" if name.lower() == b"set-cookie" else rb"(\s*[^=;]+=)[^;]*", rb"\1...", value)


def target(value: bytes) -> bytes:
    """A path with its query."""
    return _FORM.sub(rb"\1...", value)


def body(data: bytes) -> bytes:
    """Of a request or an answer: XML, JSON, a form."""
    start = data.lstrip()[:1]
    if start == b"<":
        return xml(data)
    if start in (b"{", b"["):
        return _JSON.sub(rb'\1"..."', data)
    return _FORM.sub(rb"\1...", data) if b"=" in data[:200] and b"\n" not in data[:200] else data


def _hide_element(found: re.Match[bytes]) -> bytes:
    return found[1] + HIDDEN + found[3] if found[1] else found[4] + HIDDEN
