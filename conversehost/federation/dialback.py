"""XEP-0220: Server Dialback. Whoever says that he is a domain is called back there; with the keys of XEP-0185."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from conversehost.xmpp import ns
from conversehost.xmpp.jid import JIDError, prepare_domain
from conversehost.xmpp.xml import Element, attribute

RESULT, VERIFY = (f"{{{ns.DIALBACK}}}{name}" for name in ("result", "verify"))


@dataclass(frozen=True, slots=True)
class Claim:
    """`remote` says that it is the domain of that name, to the domain `local` of ours; `id` is that of its stream."""

    local: str
    remote: str
    id: str
    key: str


class Keys:
    """Nobody else can make them, and nothing has to be remembered to know them again."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(secret.encode()).hexdigest().encode()

    def key(self, receiving: str, originating: str, id: str) -> str:
        """XEP-0185 section 3: of the `originating` domain, for a stream that is called `id` by the `receiving` one."""
        text = f"{receiving} {originating} {id}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def is_good(self, shown: str, receiving: str, originating: str, id: str) -> bool:
        """Whether it is the one that we made."""
        return hmac.compare_digest(self.key(receiving, originating, id).encode(), shown.encode())


def domains(found: Element) -> tuple[str, str]:
    """From which domain to which; "" for what is none."""
    return domain(found.get("from", "")), domain(found.get("to", ""))


def result(sender: str, to: str, key: str) -> bytes:
    """Section 2.1.1: we are the domain `sender`."""
    return f"<db:result from={attribute(sender)} to={attribute(to)}>{key}</db:result>".encode()


def verify(claim: Claim) -> bytes:
    """Section 2.2.1: is that key yours?"""
    addresses = f"from={attribute(claim.local)} to={attribute(claim.remote)} id={attribute(claim.id)}"
    return f"<db:verify {addresses}>{_text(claim.key)}</db:verify>".encode()


def verified(sender: str, to: str, id: str, *, good: bool) -> bytes:
    """Section 2.2.2: the answer to that."""
    kind = "valid" if good else "invalid"
    return f"<db:verify from={attribute(sender)} to={attribute(to)} id={attribute(id)} type='{kind}'/>".encode()


def believed(claim: Claim) -> bytes:
    """Section 2.1.2: you are who you say you are."""
    return f"<db:result from={attribute(claim.local)} to={attribute(claim.remote)} type='valid'/>".encode()


def doubted(sender: str, to: str, condition: str, kind: str = "cancel") -> bytes:
    """Section 2.4: or not, for a reason that is the condition of a stanza error."""
    error = f"<error type='{kind}'><{condition} xmlns='{ns.STANZA_ERROR}'/></error>"
    return f"<db:result from={attribute(sender)} to={attribute(to)} type='error'>{error}</db:result>".encode()


def domain(text: str) -> str:
    """Prepared; "" for what is none."""
    try:
        return prepare_domain(text)
    except JIDError:
        return ""


def _text(key: str) -> str:
    return key.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
