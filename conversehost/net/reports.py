"""What the server says to its operator, in the log."""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.voice import Voice
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes

log = Logger()


def tell(text: str) -> None:
    """A line for the operator, who needn't do anything about it."""
    log.info("{text}", text=text)


def warn(text: str) -> None:
    """A line about something that the operator may have to do something about."""
    log.warn("{text}", text=text)


OPERATOR = Voice(tell, warn)


def report_link(error: Exception) -> None:
    """A client couldn't be told what was due; the others were."""
    log.failure("a link failed", Failure(error))


def report(error: BaseException, stanza: Stanza) -> None:
    """An unexpected exception: say so in the log, with the stanza that caused it."""
    log.failure("while handling {stanza}", Failure(error), stanza=to_bytes(stanza).decode())
