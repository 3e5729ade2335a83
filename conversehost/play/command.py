"""`conversehost play`: dialogues from files, a line for each, and why where one fails."""

from __future__ import annotations

import getopt
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from conversehost.client.wire import PATIENCE, Manners, UnreachableError
from conversehost.errors import ConfigError
from conversehost.play.network import Network
from conversehost.play.player import FailedError, Place, play
from conversehost.testbed.dialogue import Dialogue, load

HELP = """\
Usage: conversehost play FILE... [--tcp HOST:PORT] [--tls HOST:PORT] [--bosh URL] [--websocket URL]

Plays dialogues: texts that say who sends what and who receives what. Each is played with a
server of its own, in this process, in milliseconds; or, with an address, with the server there,
any XMPP server: the accounts must exist on it. A FILE may be a folder: all *.txt in it.
Exits with 0 when all went as written, with 1 when one didn't.

  --tcp HOST:PORT       XMPP over TCP, with STARTTLS where it is offered
  --tls HOST:PORT       XMPP over TLS from the start
  --bosh URL            BOSH, such as http://localhost:5280/http-bind
  --websocket URL       WebSocket, such as ws://localhost:5280/xmpp-websocket
                        (several: the first is for clients that say nothing of their transport)
  --ca FILE             the authority that the server's certificate is from (PEM)
  --patience SECONDS    how long to wait for something to come; 5

A dialogue
  [Client] Romeo
      jid: romeo@localhost
      password: secret

  [Client] Juliet
      jid: juliet@localhost
      password: secret

  Romeo and Juliet come online

  Romeo sends:
      <message to="${Juliet's full JID}" type="chat"><body>Hi</body></message>

  Juliet receives:
      <message from="${Romeo's full JID}" type="chat"><body>Hi</body></message>
"""
SEE = "(see conversehost play --help)"
TRANSPORTS = ("tcp", "tls", "bosh", "websocket")
_OPTIONS = [*(f"{name}=" for name in TRANSPORTS), "ca=", "patience=", "help"]


def main(arguments: Sequence[str]) -> int:
    """What comes after the word play. The exit code; raises ConfigError for what the operator should mend."""
    try:
        found, files = getopt.gnu_getopt(list(arguments), "h", _OPTIONS)
    except getopt.GetoptError as error:
        raise ConfigError(f"{error} {SEE}") from None
    options = {name.lstrip("-"): value for name, value in found}
    if "help" in options or "h" in options:
        print(HELP, end="")
        return 0
    if not files:
        raise ConfigError(f"play wants a file with a dialogue, or a folder of them {SEE}")
    place = _place(options)
    dialogues = [load(path) for name in files for path in _paths(Path(name))]
    failed = sum(not _played(dialogue, place) for dialogue in dialogues)
    if len(dialogues) > 1:
        print(f"{len(dialogues)} dialogues, {failed or 'none'} failed")
    return 1 if failed else 0


def _paths(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(path.glob("*.txt"))
    if not found:
        raise ConfigError(f"{path}: no *.txt in this folder")
    yield from found


def _place(options: dict[str, str]) -> Callable[[Dialogue], Place]:
    """Where each of them is played. Raises ConfigError."""
    addresses = {name: value for name, value in options.items() if name in TRANSPORTS}
    if not addresses:
        from conversehost.play.memory import InMemory  # and with it the whole server

        return InMemory
    try:
        patience = float(options.get("patience", PATIENCE))
    except ValueError:
        raise ConfigError(f"--patience {options['patience']}: that is no number of seconds {SEE}") from None
    network = Network(addresses, Manners(patience, options.get("ca")))
    return lambda dialogue: network


def _played(dialogue: Dialogue, place: Callable[[Dialogue], Place]) -> bool:
    """Prints how it went."""
    began = time.perf_counter()
    try:
        play(dialogue, place(dialogue))
    except FailedError as error:
        print(f"failed  {dialogue.path}  {dialogue.title}\n{error}", flush=True)
        return False
    except UnreachableError as error:
        raise ConfigError(str(error)) from None
    print(f"ok      {dialogue.path}  {dialogue.title}  ({(time.perf_counter() - began) * 1000:.0f} ms)", flush=True)
    return True
