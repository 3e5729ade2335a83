"""What archives cost: in this process, where nothing else is in the figures."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

from conversehost.server.archive import Archive
from conversehost.store.memory import MemoryStore
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from tests.stage import DOMAIN, Client, Stage, xml

MESSAGES, ROUNDS, PAGES, SENT = 100_000, 30, 10, 100
PEERS = [f"friend{number}@{DOMAIN}/home" for number in range(100)]
OWNER = f"romeo@{DOMAIN}"
QUERY = (
    f"<iq type='set' id='q' from='{OWNER}/orchard'><query xmlns='{ns.MAM}'><x xmlns='jabber:x:data' type='submit'>"
    f"<field var='FORM_TYPE'><value>{ns.MAM}</value></field><field var='with'><value>friend7@{DOMAIN}</value></field>"
    f"<field var='start'><value>2023-11-14T22:13:21Z</value></field></x>"
    f"<set xmlns='{ns.RSM}'><max>50</max><before/></set></query></iq>"
)


def insert_cost() -> float:
    """us that an archive adds to a message that is delivered; there are two, those of both sides."""
    return (_delivery() - _delivery("archive")) / 2


def page_cost() -> float:
    """ms for a page of 50 out of 100,000 messages, of one contact and since a time."""
    stage = Stage()
    reader = stage.connect("romeo", "orchard")
    reader.hang()
    archive = stage.host.archive
    fill(archive)
    iq = xml(QUERY)

    def pages() -> None:
        for _ in range(PAGES):
            archive.answer(OWNER, iq, stage.router)  # type: ignore[arg-type]
            reader.queue.clear()

    return _quickest(pages) / PAGES * 1e3


def memory() -> float:
    """Bytes for each of 100,000 messages of 300."""
    gc.collect()
    tracemalloc.start()
    try:
        archive = Archive(MemoryStore(), "archive", MESSAGES)
        before, _ = tracemalloc.get_traced_memory()
        fill(archive)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / MESSAGES


def fill(archive: Archive) -> None:
    """100,000 messages of 300 bytes with a hundred contacts."""
    for number in range(MESSAGES):
        peer = parse(PEERS[number % len(PEERS)])
        head = (
            f'<message xmlns="jabber:client" to="{OWNER}/orchard" id="m{number}" type="chat" from="{peer.full}"><body>'
        )
        end = "</body></message>"
        message = (head + "x" * (300 - len(head) - len(end)) + end).encode()
        id = archive.new_id(OWNER, 1_700_000_000 + number / 100)
        archive.add(OWNER, id, message, (peer.bare, peer.full))


def _delivery(*disabled: str) -> float:
    """us for a message between two who are there, without those features."""
    stage = Stage(disabled=disabled)
    romeo, juliet = stage.connect("romeo", "orchard"), stage.connect("juliet", "balcony")
    for each in (romeo, juliet):
        each.available()
        _read_nothing(each)
    text = f"<message to='{juliet.jid}' type='chat' id='m'><body>{'x' * 160}</body></message>"

    def send() -> float:
        messages = [xml(text) for _ in range(SENT)]
        began = time.process_time()
        for each in messages:
            romeo.stream.receive(each)
        return time.process_time() - began

    return min(send() for _ in range(3 * ROUNDS)) / SENT * 1e6


def _read_nothing(client: Client) -> None:
    """What comes isn't looked at."""
    client.send = lambda stanza: None  # type: ignore[method-assign]


def _quickest(call: Callable[[], None]) -> float:
    """Seconds of CPU, of several tries."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)
