"""XEP-0227, Portable Import/Export Format: what other servers write and read of accounts, as our documents have it.

Beside accounts with their passwords or SCRAM keys there are rosters, requests to subscribe, vCards, private XML,
messages that wait, archives, personal nodes with their items, and privacy lists as far as they do what blocking does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree
from twisted.logger import Logger

from conversehost.features.pubsub.config import PREFIX, NodeConfig, form, from_texts, kinds
from conversehost.features.pubsub.pep import DEFAULTS
from conversehost.testbed.plain import of_plain, to_plain
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.xml import Element, XMLError, child, element, parse, to_bytes

PIE = "urn:xmpp:pie:0"
SCRAM, ARCHIVE = f"{PIE}#scram", f"{PIE}#mam"
PRIVACY = "jabber:iq:privacy"
INCLUDE = "{http://www.w3.org/2001/XInclude}include"
KEYS = (("salt", "salt"), ("stored-key", "stored_key"), ("server-key", "server_key"))
LIST = "blocked"
"""What the privacy list is called that blocked addresses become."""

log = Logger()

Document = Mapping[str, Any]
Table = dict[str, Any]


class Import:
    """Of one file, and of those that it includes. `document` is what they say; `unknown` what isn't taken over: names
    of elements, and how often they come.
    """

    def __init__(self, data: bytes, now: datetime, folder: Path | None = None) -> None:
        """`now`: when what has no time was; `folder`: where included files are. Raises ValueError."""
        self._now = now
        self.unknown: Counter[str] = Counter()
        self.document: dict[str, Any] = {"version": 1, "account": [], "data": []}
        root = read(data)
        if root.tag != f"{{{PIE}}}server-data":
            raise ValueError(f"the root must be <server-data xmlns='{PIE}'/>, as in XEP-0227")
        for host, here in self._children(root, folder):
            for user, there in self._children(host, here) if self._is(host, "host") else ():
                if self._is(user, "user"):
                    self._user(user, host.get("jid", ""), there)

    def _children(self, parent: Any, folder: Path | None) -> Iterator[tuple[Any, Path | None]]:
        """With what is included in the place of includes (section 5), and where that is."""
        for each in parent.iterchildren(etree.Element):
            if each.tag != INCLUDE:
                yield each, folder
                continue
            if folder is None:
                raise ValueError("this one file must have all: included files are only read from a file")
            path = folder / each.get("href", "")
            try:
                yield read(path.read_bytes()), path.parent
            except OSError as error:
                raise ValueError(f"{path}: {error.strerror}") from None

    def _is(self, found: Any, name: str) -> bool:
        if found.tag != f"{{{PIE}}}{name}":
            self.unknown[found.tag] += 1
        return bool(found.tag == f"{{{PIE}}}{name}")

    def _user(self, user: Any, domain: str, folder: Path | None) -> None:
        account: Table = {"name": f"{user.get('name', '')}@{domain}", "nickname": "", "roster": []}
        self.document["account"].append(account)
        if user.get("password"):
            account["password"] = user.get("password")
        for each, _ in self._children(user, folder):
            take = self.TAKES.get(each.tag)
            if take is None:
                self.unknown[each.tag] += 1
            else:
                take(self, account, each)
        if "password" in account:
            account.pop("credentials", None)

    def _credentials(self, account: Table, found: Any) -> None:
        texts = {key: "".join((found.findtext(f"{{{SCRAM}}}{name}") or "").split()) for name, key in KEYS}
        count = found.findtext(f"{{{SCRAM}}}iter-count") or ""
        mechanism = found.get("mechanism", "")
        made = {"mechanism": mechanism, "iterations": int(count) if count.isdecimal() else 0, **texts}
        account.setdefault("credentials", []).append(made)

    def _roster(self, account: Table, query: Any) -> None:
        for item in query.iterchildren(f"{{{ns.ROSTER}}}item"):
            contact: Table = {"jid": item.get("jid", ""), "subscription": item.get("subscription", "none")}
            if item.get("name"):
                contact["name"] = item.get("name")
            if groups := [each.text for each in item.iterchildren(f"{{{ns.ROSTER}}}group") if each.text]:
                contact["groups"] = groups
            if item.get("ask") == "subscribe":
                contact["ask"] = True
            if item.get("approved") in ("true", "1"):
                contact["approved"] = True
            self._contact(account, contact)

    def _request(self, account: Table, presence: Any) -> None:
        """Somebody wants to subscribe, and waits."""
        sender = presence.get("from", "").partition("/")[0]
        if presence.get("type") == "subscribe" and sender:
            self._contact(account, {"jid": sender, "pending": text_of(presence)})

    def _contact(self, account: Table, said: Table) -> None:
        """One more fact about a contact, who may be there already; who only asks isn't listed."""
        known = next((each for each in account["roster"] if each["jid"] == said["jid"]), None)
        listed = "subscription" in said or (known is not None and known.get("listed", True))
        made = {**(known or {}), **said} | ({} if listed else {"listed": False})
        if listed:
            made.pop("listed", None)
        if known is None:
            account["roster"].append(made)
        else:
            known.clear()
            known.update(made)

    def _vcard(self, account: Table, vcard: Any) -> None:
        account["vcard"] = text_of(vcard)

    def _private(self, account: Table, query: Any) -> None:
        account["private"] = [text_of(each) for each in query.iterchildren(etree.Element)]

    def _offline(self, account: Table, messages: Any) -> None:
        account["offline"] = [text_of(each) for each in messages.iterchildren(f"{{{ns.CLIENT}}}message")]

    def _archive(self, account: Table, archive: Any) -> None:
        """Ids are new: those of another server are of another form."""
        entries = account.setdefault("archive", [])
        for forwarded in archive.iter(f"{{{ns.FORWARD}}}forwarded"):
            message, delay = forwarded.find(f"{{{ns.CLIENT}}}message"), forwarded.find(f"{{{ns.DELAY}}}delay")
            if message is not None and delay is not None:
                entries.append({"at": delay.get("stamp", ""), "message": text_of(message)})

    def _privacy(self, account: Table, query: Any) -> None:
        """Addresses that the default list denies everything, as long as nothing else comes first."""
        default = query.find(f"{{{PRIVACY}}}default")
        name = None if default is None else default.get("name")
        lists = [each for each in query.iterchildren(f"{{{PRIVACY}}}list") if each.get("name") == name]
        items = [item for each in lists for item in each.iterchildren(f"{{{PRIVACY}}}item")]
        for item in sorted(items, key=lambda item: int(item.get("order", "0"))):
            if item.get("action") == "deny" and item.get("type") == "jid" and not len(item):
                account.setdefault("blocked", []).append(item.get("value", ""))
            elif item.get("action") != "allow" or item.get("type"):
                self.unknown[item.tag] += 1

    def _blocked(self, account: Table, blocklist: Any) -> None:
        items = blocklist.iterchildren(f"{{{ns.BLOCKING}}}item")
        account.setdefault("blocked", []).extend(each.get("jid", "") for each in items)

    def _nodes(self, account: Table, pubsub: Any) -> None:
        owner = account["name"]
        for each in pubsub.iterchildren(etree.Element):
            node = each.get("node", "")
            if each.tag == f"{{{ns.PUBSUB_OWNER}}}configure":
                config = to_plain(configured(each))
                value = {"name": node, "creator": owner, "created": self._now, "config": config}
                self._put("pubsub-nodes", owner, node, value)
            elif each.tag == f"{{{ns.PUBSUB_OWNER}}}affiliations":
                for one in each:
                    self._put("pubsub-affiliations", f"{owner}/{node}", one.get("jid"), one.get("affiliation"))
            elif each.tag == f"{{{ns.PUBSUB_OWNER}}}subscriptions":
                for one in each:
                    self._put("pubsub-subscriptions", f"{owner}/{node}", one.get("jid"), {"jid": one.get("jid")})

    def _items(self, account: Table, pubsub: Any) -> None:
        """What a node keeps counts for its creator."""
        owner = account["name"]
        size = 0
        for items in pubsub.iterchildren(f"{{{ns.PUBSUB}}}items"):
            for item in items.iterchildren(f"{{{ns.PUBSUB}}}item"):
                payload = text_of(item[0]) if len(item) else None
                value = {"id": item.get("id", ""), "publisher": owner, "at": self._now}
                value |= {} if payload is None else {"payload": payload}
                size += 400 + len(value["id"]) + len((payload or "").encode())
                self._put("pubsub-items", f"{owner}/{items.get('node', '')}", value["id"], value)
        self._put("pubsub-bytes", owner, owner, size)

    def _put(self, collection: str, owner: str, key: str, value: Any) -> None:
        self.document["data"].append({"collection": collection, "owner": owner, "key": key, "value": value})

    TAKES: Mapping[str, Callable[[Import, Table, Any], None]] = {
        f"{{{SCRAM}}}scram-credentials": _credentials,
        f"{{{ns.ROSTER}}}query": _roster,
        f"{{{ns.CLIENT}}}presence": _request,
        f"{{{ns.VCARD}}}vCard": _vcard,
        f"{{{ns.PRIVATE}}}query": _private,
        f"{{{PIE}}}offline-messages": _offline,
        f"{{{ARCHIVE}}}archive": _archive,
        f"{{{PRIVACY}}}query": _privacy,
        f"{{{ns.BLOCKING}}}blocklist": _blocked,
        f"{{{ns.PUBSUB_OWNER}}}pubsub": _nodes,
        f"{{{ns.PUBSUB}}}pubsub": _items,
    }


def of_xml(data: bytes, now: datetime, folder: Path | None = None) -> Document:
    """What a file says, and those in that folder which it includes; what isn't taken over, the log says.

    Raises ValueError.
    """
    found = Import(data, now, folder)
    if found.unknown:
        named = ", ".join(f"{name} ({count})" for name, count in sorted(found.unknown.items()))
        log.warn("not taken over from XEP-0227: {named}", named=named)
    return found.document


def read(data: bytes) -> Any:
    """The root of a file of somebody else's: no DOCTYPE, so no entities. Raises ValueError."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"not XML: {error}") from None
    if b"<!DOCTYPE" in data and root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("not taken: it has a DOCTYPE")
    return root


def text_of(found: Any) -> str:
    """An element on its own. Raises ValueError."""
    alone = deepcopy(found)
    alone.tail = None
    etree.cleanup_namespaces(alone)
    try:
        return to_bytes(parse(etree.tostring(alone, encoding="utf-8"))).decode()
    except XMLError as error:
        raise ValueError(str(error)) from None


def configured(configure: Any) -> NodeConfig:
    """What a form says of a node, as far as nodes have it here, and may."""
    config = DEFAULTS
    for field in configure.iter(f"{{{ns.DATA}}}field"):
        name, text = field.get("var", "").removeprefix(PREFIX), field.findtext(f"{{{ns.DATA}}}value")
        if name in kinds() and text is not None:
            try:
                config = from_texts({name: text}, config)
            except StanzaError:
                continue
    return config


def to_xml(document: Document) -> bytes:
    """The people of a document, with what the format has of what is kept for them."""
    root = element(PIE, "server-data")
    hosts: dict[str, Element] = {}
    rows: dict[str, list[Document]] = {}
    for row in document.get("data", ()):
        rows.setdefault(row["owner"].partition("/")[0], []).append(row)
    for account in document.get("account", ()):
        local, _, domain = account["name"].rpartition("@")
        if domain not in hosts:
            hosts[domain] = child(root, PIE, "host", {"jid": domain})
        password = {"password": account["password"]} if account.get("password") else {}
        user = child(hosts[domain], PIE, "user", {"name": local, **password})
        user.extend(belongings(account, rows.get(account["name"], ())))
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + to_bytes(root) + b"\n"


def belongings(account: Table, rows: Sequence[Document]) -> Iterator[Element]:
    """The children of `<user/>`."""
    yield from map(credentials, account.get("credentials", ()))
    roster = account.get("roster", ())
    yield element(ns.ROSTER, "query", None, *(contact(each) for each in roster if each.get("listed", True)))
    yield from (of_text(each["pending"]) for each in roster if "pending" in each)
    if "vcard" in account:
        yield of_text(account["vcard"])
    elif account.get("nickname"):
        named = (element(ns.VCARD, name, text=account["nickname"]) for name in ("FN", "NICKNAME"))
        yield element(ns.VCARD, "vCard", None, *named)
    if "private" in account:
        yield element(ns.PRIVATE, "query", None, *map(of_text, account["private"]))
    if "offline" in account:
        yield element(PIE, "offline-messages", None, *map(of_text, account["offline"]))
    if "blocked" in account:
        yield privacy(account["blocked"])
    if "archive" in account:
        yield element(ARCHIVE, "archive", None, *map(archived, account["archive"]))
    yield from nodes(account["name"], rows)


def credentials(keys: Document) -> Element:
    """SCRAM keys."""
    made = element(SCRAM, "scram-credentials", {"mechanism": keys["mechanism"]})
    child(made, SCRAM, "iter-count").text = str(keys["iterations"])
    for name, key in KEYS:
        child(made, SCRAM, name).text = keys[key]
    return made


def contact(known: Document) -> Element:
    """One of the roster."""
    attributes = {"jid": known["jid"], "subscription": known.get("subscription", "none")}
    attributes |= {"name": known["name"]} if "name" in known else {}
    attributes |= {"ask": "subscribe"} if known.get("ask") else {}
    attributes |= {"approved": "true"} if known.get("approved") else {}
    return element(
        ns.ROSTER, "item", attributes, *(element(ns.ROSTER, "group", text=each) for each in known.get("groups", ()))
    )


def privacy(blocked: Iterable[str]) -> Element:
    """A list that denies them everything."""
    made = element(PRIVACY, "query", None, element(PRIVACY, "default", {"name": LIST}))
    found = child(made, PRIVACY, "list", {"name": LIST})
    number = 0
    for number, jid in enumerate(blocked, 1):
        child(found, PRIVACY, "item", {"type": "jid", "value": jid, "action": "deny", "order": str(number)})
    child(found, PRIVACY, "item", {"action": "allow", "order": str(number + 1)})
    return made


def archived(entry: Document) -> Element:
    """A message as an archive tells it."""
    delay = element(ns.DELAY, "delay", {"stamp": entry["at"].isoformat().replace("+00:00", "Z")})
    forwarded = element(ns.FORWARD, "forwarded", None, delay, of_text(entry["message"]))
    return element(ns.MAM, "result", {"id": entry["id"]}, forwarded)


def nodes(owner: str, rows: Sequence[Document]) -> Iterator[Element]:
    """Personal ones: how they are configured, and what is in them. `rows` are all of [[data]] that are the owner's."""
    settings, items = element(ns.PUBSUB_OWNER, "pubsub"), element(ns.PUBSUB, "pubsub")
    for row in rows:
        if row["collection"] != "pubsub-nodes":
            continue
        configure = child(settings, ns.PUBSUB_OWNER, "configure", {"node": row["key"]})
        configure.append(form(of_plain(NodeConfig, row["value"].get("config", {}))).result())
        published = child(items, ns.PUBSUB, "items", {"node": row["key"]})
        for each in rows:
            if each["collection"] == "pubsub-items" and each["owner"] == f"{owner}/{row['key']}":
                item = child(published, ns.PUBSUB, "item", {"id": each["key"]})
                item.extend([of_text(each["value"]["payload"])] if "payload" in each["value"] else [])
    for each in rows:
        node = each["owner"].partition("/")[2]
        if each["collection"] == "pubsub-affiliations":
            place = child(settings, ns.PUBSUB_OWNER, "affiliations", {"node": node})
            child(place, ns.PUBSUB_OWNER, "affiliation", {"jid": each["key"], "affiliation": each["value"]})
    yield from (each for each in (settings, items) if len(each))


def of_text(text: str) -> Element:
    """An element that the document has as text."""
    return parse(text.encode())
