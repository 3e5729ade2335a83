"""A BOSH client that doesn't give up: a request that fails is sent again, as it was (XEP-0124 section 14)."""

from __future__ import annotations

import asyncio
import base64
import random
import xml.etree.ElementTree as ET
from collections import deque

from tests.clients.bosh import BODY, CLIENT
from tests.lossy.network import Network

_BIND = "urn:ietf:params:xml:ns:xmpp-bind"


_FARTHEST = 20
"""How far rids may run ahead of an answer that doesn't come: with acks the server keeps 30 answers at most."""


class SessionEndedError(Exception):
    """The server ended the session."""


class LossyClient:
    """Keeps `hold` requests open; sends what waits in `outbox` in up to one more. `received`: messages' bodies."""

    def __init__(self, network: Network, domain: str, *, hold: int, acks: bool, seed: int) -> None:
        self.domain = domain
        self.jid = ""
        self.hold = hold
        self.acks = acks
        self.outbox: deque[str] = deque()
        self.received: list[str] = []
        self._progress = asyncio.Condition()
        self._network = network
        self._chance = random.Random(seed)
        self._rid = self._chance.randrange(1, 2**32)
        self._sid = ""
        self._requests = hold + 1
        self._open: dict[int, tuple[str, asyncio.Task[None]]] = {}
        self._answers: dict[int, ET.Element] = {}
        self._next = 0  # the rid whose answer is looked at next
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._ports: set[int] = set()
        self._running = False
        self._reason = ""  # the last X-BOSH-Reason
        self._failure: Exception | None = None

    # A session

    async def log_in(self, username: str, password: str) -> None:
        """By PLAIN, over this network."""
        acks = " ack='1'" if self.acks else ""
        created = None
        while created is None:  # an answer that is lost leaves a session that nobody will use
            self._rid += 1
            created = await self._try(
                self._body(
                    f"to='{self.domain}' wait='1' hold='{self.hold}' ver='1.11' xml:lang='en'{acks}"
                    " xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'"
                )
            )
        self._sid, self._requests = created.attrib["sid"], int(created.attrib["requests"])
        self.acks = "ack" in created.attrib
        secret = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
        auth = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"
        assert (await self._ask(payload=auth))[0].tag.endswith("}success")
        await self._ask(f" to='{self.domain}' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'")
        bound = await self._ask(payload=f"<iq xmlns='{CLIENT}' type='set' id='bind'><bind xmlns='{_BIND}'/></iq>")
        self.jid = bound.findtext(f".//{{{_BIND}}}jid") or ""
        self._next = self._rid + 1
        self._running = True
        self.pump()

    def say(self, to: str, texts: list[str]) -> None:
        """Chat messages, one after the other."""
        for text in texts:
            self.outbox.append(f"<message xmlns='{CLIENT}' type='chat' to='{to}'><body>{text}</body></message>")
        self.pump()

    async def until_received(self, count: int) -> None:
        """So many messages have come. Raises SessionEndedError, or what else went wrong meanwhile."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._failure is not None or len(self.received) >= count)
        if self._failure is not None:
            raise self._failure

    async def reload(self) -> None:
        """As a page does: all that is open is aborted, and life goes on with the next rid."""
        await self._let_go()
        self._running = True
        self.pump()

    async def stop(self) -> None:
        """Close the session; where the answer to that gets lost, the session isn't there any more."""
        await self._let_go()
        answer = await self._ask(" type='terminate'", ended=True)
        assert answer.get("condition") is None or self._reason.startswith("no such session"), self._reason
        self._hang_up()

    async def _let_go(self) -> None:
        """Abort all requests, once they have reached the server: a page wouldn't know of them later."""
        assert not self.outbox
        rids: list[int] = []
        while rids != list(self._open):
            rids = list(self._open)
            await self._network.until_arrived(rids)
        self._running = False
        tasks = [task for _, task in self._open.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._open.clear()
        self._answers.clear()
        self._next = self._rid + 1
        self._hang_up()
        ports, self._ports = self._ports, set()
        await self._network.until_closed(ports)

    def _hang_up(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    # Requests

    def pump(self) -> None:
        """Send what there is to send, and hold what is to be held."""
        while self.outbox and self._may_open(self._requests):
            count = min(len(self.outbox), self._chance.choice((1, 1, 1, 2, 3, 5, 8)))
            self._send("".join(self.outbox.popleft() for _ in range(count)))
        while not self.outbox and self._may_open(self.hold):
            self._send("")

    def _may_open(self, most: int) -> bool:
        """The server keeps few answers, without acks no more than the last ones: an older one has to be had first."""
        within = self._rid + 1 < self._next + (_FARTHEST if self.acks else self._requests)
        return self._running and within and len(self._open) < most

    def _send(self, payload: str) -> None:
        self._rid += 1
        rid = self._rid
        known = self._next - 1
        ack = f" ack='{known}'" if self.acks and known < rid - 1 else ""  # left out: has them all (section 9.2)
        body = self._body(f"sid='{self._sid}'{ack}", payload)
        self._open[rid] = (payload, asyncio.ensure_future(self._deliver(rid, body)))

    async def _deliver(self, rid: int, body: bytes) -> None:
        try:
            answer = None
            while answer is None:
                answer = await self._try(body)
            self._take(rid, answer)
        except Exception as error:
            self._running = False
            self._failure = self._failure or error
        async with self._progress:
            self._progress.notify_all()

    def _take(self, rid: int, answer: ET.Element) -> None:
        """Answers are read in the order of their requests, save the last one."""
        if answer.get("type") == "terminate":
            raise SessionEndedError(f"{self.jid}, rid {rid}: {self._reason or ET.tostring(answer, 'unicode')}")
        del self._open[rid]
        self._answers[rid] = answer
        while self._next in self._answers:
            self._read(self._answers.pop(self._next))
            self._next += 1
        self.pump()

    def _read(self, answer: ET.Element) -> None:
        for stanza in answer.iter(f"{{{CLIENT}}}message"):
            assert stanza.get("type") == "chat", ET.tostring(stanza)
            self.received.append(stanza.findtext(f"{{{CLIENT}}}body") or "")

    async def _ask(self, attributes: str = "", payload: str = "", *, ended: bool = False) -> ET.Element:
        """One request at a time, while logging in and out."""
        self._rid += 1
        body = self._body(f"sid='{self._sid}'{attributes}", payload)
        answer = None
        while answer is None:
            answer = await self._try(body)
        assert ended or answer.get("type") != "terminate", ET.tostring(answer)
        return answer

    def _body(self, attributes: str, payload: str = "") -> bytes:
        return f"<body xmlns='{BODY}' rid='{self._rid}' {attributes}>{payload}</body>".encode()

    async def _try(self, body: bytes) -> ET.Element | None:
        """The answer; None when it has to be sent again."""
        try:
            answer = await self._post(body)
        except (OSError, asyncio.IncompleteReadError):
            return None
        root = ET.fromstring(answer)
        return None if root.get("type") == "error" else root

    async def _post(self, body: bytes) -> bytes:
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._network.port)
        )
        self._ports.add(writer.get_extra_info("sockname")[1])
        try:
            head = f"POST {self._network.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            fields = await reader.readuntil(b"\r\n\r\n")
            assert fields.startswith(b"HTTP/1.1 200 "), fields
            self._reason = fields.partition(b"X-BOSH-Reason: ")[2].partition(b"\r\n")[0].decode() or self._reason
            length = int(fields.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
        except BaseException:
            writer.transport.abort()
            raise
        self._idle.append((reader, writer))
        return answer
