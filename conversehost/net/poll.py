"""All sockets of the server's clients, as the reactor sees them: one descriptor that is readable when any of them is.

The reactor's own way to a socket leads past a log context, made anew for each event, that nobody reads here; it costs a
message a tenth of what it costs altogether. What is done with an event is the same.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableDescriptor, IListeningPort, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from conversehost.turn import Turn

log = Logger()

AT_ONCE = 64
"""Events taken from the kernel in one go, which are one turn; then whoever else waits for the reactor has his."""
_USUAL: dict[Exception, Failure] = {each: Failure(each) for each in (CONNECTION_DONE, CONNECTION_LOST)}


def best(reactor: Any, turn: Turn) -> Any:
    """What listening sockets are given to: a `Poll` where the system has epoll, else the reactor itself."""
    return Poll(reactor, turn) if hasattr(select, "epoll") else reactor


@implementer(IReadDescriptor)
class Poll:
    """For a transport it is the reactor (IReactorFDSet, and so much of the rest as transports use); for the reactor it
    is one reader, as long as it has members.
    """

    def __init__(self, reactor: Any, turn: Turn) -> None:
        self._reactor = reactor
        self._turn = turn
        self._epoll = select.epoll()
        self._members: dict[int, Any] = {}
        self._wanted: dict[int, int] = {}  # events, by the same numbers

    # What transports see

    def adoptStreamPort(self, number: int, family: socket.AddressFamily, factory: Any) -> IListeningPort:
        """As IReactorSocket has it."""
        port: Any = tcp.Port._fromListeningDescriptor(self, number, family, factory)
        port.startListening()
        return port  # type: ignore[no-any-return]

    def callLater(self, delay: float, call: Callable[..., object], *arguments: object) -> IDelayedCall:
        """By the reactor."""
        later: IDelayedCall = self._reactor.callLater(delay, call, *arguments)
        return later

    def addReader(self, member: Any) -> None:
        self._want(member, select.EPOLLIN, 0)

    def addWriter(self, member: Any) -> None:
        self._want(member, select.EPOLLOUT, 0)

    def removeReader(self, member: Any) -> None:
        self._want(member, 0, select.EPOLLIN)

    def removeWriter(self, member: Any) -> None:
        self._want(member, 0, select.EPOLLOUT)

    # What the reactor sees

    def fileno(self) -> int:
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        return "-"

    def doRead(self) -> None:
        """Serve all members that something has happened to."""
        self._turn.begin()
        try:
            for number, events in self._epoll.poll(0, AT_ONCE):
                member = self._members.get(number)
                if member is not None:  # else it went because of another one's event
                    self._serve(member, number, events)
        finally:
            self._turn.finish()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops, and takes leave of all that it has."""
        for member in tuple(self._members.values()):
            self._leave(member)
            member.connectionLost(reason)

    def _want(self, member: Any, more: int, less: int) -> None:
        number = member.fileno()
        before = self._wanted.get(number, 0)
        wanted = (before | more) & ~less
        if wanted == before:
            return
        if not before:
            self._epoll.register(number, wanted)
            if not self._members:
                self._reactor.addReader(self)
            self._members[number] = member
        elif wanted:
            self._epoll.modify(number, wanted)
        else:
            self._epoll.unregister(number)
            del self._members[number], self._wanted[number]
            if not self._members:
                self._reactor.removeReader(self)
            return
        self._wanted[number] = wanted

    def _leave(self, member: Any) -> None:
        self._want(member, 0, select.EPOLLIN | select.EPOLLOUT)

    def _serve(self, member: Any, number: int, events: int) -> None:
        read = True
        try:
            if events & select.EPOLLIN:
                why = member.doRead()
            elif events & select.EPOLLOUT:
                why, read = None, False
            else:  # it hung up, and all that it said is read
                read = bool(self._wanted[number] & select.EPOLLIN)
                why = CONNECTION_DONE if read else CONNECTION_LOST
            if why is None and events & select.EPOLLOUT:
                why, read = member.doWrite(), False
        except Exception as error:
            log.failure("while serving a connection")
            why = error
        if why is not None:
            self._lost(member, why, read)

    def _lost(self, member: Any, why: Exception, read: bool) -> None:
        """`read`: while reading; the other direction may go on."""
        failure = _USUAL.get(why) or Failure(why)
        if read and isinstance(why, ConnectionDone) and IHalfCloseableDescriptor.providedBy(member):
            self.removeReader(member)
            member.readConnectionLost(failure)
        else:
            self._leave(member)
            member.connectionLost(failure)
