"""From a command line to a running server: options, listening sockets, pid and log files, signals, the ready line.

twistd left alone answers a wrong option with a page and a taken port with a traceback. So all that can go wrong by the
operator's hand goes wrong here, before it forks: one line, exit 1.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import ipaddress
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application import service
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorFromThreads, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.logfile import LogFile
from zope.interface import implementer

from conversehost import __version__
from conversehost.console import LineObserver, Stream, banner, printable
from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.net import private
from conversehost.options import LOOPBACK, Settings, Sockets
from conversehost.options.needs import in_vain
from conversehost.usage import help_text, whole_help

if TYPE_CHECKING:
    from conversehost.service import Composition

BACKLOG = 1024
ATTEMPTS = 50
COLLECT = 5_000, 10, 10
"""When to look for cycles: Python's own 700 has the sessions that live now looked at for every few that begin."""
log = Logger()


class Options(usage.Options):
    """What twistd knows as the options of `conversehost`; parsing them also binds the ports."""

    command = "twistd conversehost"
    parent: Any
    settings: Settings
    sockets: Sockets

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read, check, listen, and give pid and log files names of their own. Raises SystemExit."""
        arguments = sys.argv[1:] if options is None else list(options)
        if "--help" in arguments or "-h" in arguments:
            print(help_text(self.command), end="")
            raise SystemExit(0)
        if "--help-all" in arguments:
            print(whole_help(self.command), end="")
            raise SystemExit(0)
        if "--version" in arguments:
            print(version())
            raise SystemExit(0)
        try:
            self.settings = load(arguments, os.environ)
        except ConfigError as error:
            fail(f"{error} (see {self.command} --help)")
        for sentence in in_vain(self.settings):
            warn(sentence)
        try:
            self._suits_a_daemon()
            self.sockets = listen(self.settings)
            self._name_files()
        except ConfigError as error:
            fail(str(error))

    @property
    def is_daemon(self) -> bool:
        """twistd is going to fork."""
        return not (self.parent["nodaemon"] or self.parent["debug"])

    @property
    def port(self) -> int:
        """Where the site is, once it listens."""
        number: int = self.sockets.http[0].getsockname()[1]
        return number

    def _suits_a_daemon(self) -> None:
        if self.is_daemon and self.settings.json:
            raise ConfigError("--json is for the foreground (twistd -n conversehost); a daemon takes --ready-file FILE")
        if self.is_daemon and self.settings.exit_with_stdin:
            raise ConfigError("--exit-with-stdin is for the foreground (twistd -n conversehost)")
        if self.settings.exit_with_stdin and sys.stdin is None:
            raise ConfigError("--exit-with-stdin: there is no standard input that could close")

    def _name_files(self) -> None:
        """twistd's own names are the same for every server that is started from one folder."""
        is_default = self.parent["pidfile"] == self.parent.defaults["pidfile"]
        if not self.is_daemon:
            if is_default:
                self.parent["pidfile"] = ""
            return
        if is_default:
            self.parent["pidfile"] = f"conversehost-{self.port}.pid"
        folder = Path(self.parent["pidfile"] or ".").absolute().parent
        if not os.access(folder, os.W_OK):
            raise ConfigError(f"{folder} can't be written: choose a pid file with twistd --pidfile FILE conversehost")
        if not self.parent["logfile"]:
            self.parent["logfile"] = f"conversehost-{self.port}.log"


def makeService(options: Options) -> service.MultiService:
    """All parts, put together but not started; tells the operator what there will be. Raises SystemExit."""
    gc.disable()  # until it runs: none of what is imported is garbage, and looking for it takes a tenth of that time
    from conversehost.service import compose

    try:
        composition = compose(options.settings, options.sockets)
        observer = log_observer(options)
    except ConfigError as error:
        fail(str(error))
    if not options.settings.json:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print(banner(composition.ready, notes(options), colour=colour), flush=True)
    return Server(composition, options.settings, observer)


def notes(options: Options) -> list[str]:
    """The last sentences of the banner."""
    settings = options.settings
    told: list[str] = []
    if settings.proxy:
        told.append(f"All but chat is passed on to {settings.proxy}; log in to chat at /_login.")
    told += who(settings)
    told.append("State lives in memory: it is gone when this stops.")
    if not options.is_daemon:
        told[-1] += " Stop with Ctrl+C."
        return told
    pidfile = Path(options.parent["pidfile"]).absolute()
    told.append(f"Stop with: kill $(cat {pidfile})")
    if not (options.parent["syslog"] or options.parent["logger"]):
        told.append(f"Log: {Path(options.parent['logfile']).absolute()}")
    return told


def warn(text: str) -> None:
    """One line for the operator, who may have meant something else."""
    print(f"conversehost: warning: {printable(text)}", file=sys.stderr, flush=True)


def who(settings: Settings) -> Iterator[str]:
    """Sentences about people who may log in, and aren't among the accounts here."""
    named = [f"{domain} ({place})" for domain, place in settings.upstreams if domain != "*"]
    for domain, place in settings.upstreams:
        if domain == "*":
            named.append(f"any {'other ' if named else ''}domain ({place})")
    if settings.only_upstream:
        yield f"Accounts are those of {', '.join(named)}; log in at {settings.prefix}form."
        return
    for domain, names in settings.auth:
        if names != ("accounts",):
            places = [_named(name, settings) for name in names]
            yield f"Who may log in{f' at {domain}' if domain else ''}: {', '.join(places)}."
    if named:
        yield f"BOSH and WebSocket are also for accounts of {', '.join(named)}."


def _named(back_end: str, settings: Settings) -> str:
    _, place = settings.places().get(back_end, ("", ""))
    where = place[0] if isinstance(place, tuple) else place  # a program's arguments may be secret
    return f"{back_end} ({where})" if where else "any, with any password" if back_end == "any" else back_end


def fail(text: str) -> NoReturn:
    """One line for the operator, and the end."""
    print(f"conversehost: {printable(text)}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def version() -> str:
    """What to write into a bug report."""
    import twisted

    return f"conversehost {__version__}, Twisted {twisted.__version__}, Python {sys.version.split()[0]}"


def log_observer(options: Options) -> LineObserver | None:
    """Where the log goes; None when the operator chose one of twistd's own loggers. Raises ConfigError."""
    parent, settings = options.parent, options.settings
    if parent["logger"] or parent["syslog"]:
        return None
    if parent["logfile"] and parent["logfile"] != "-":
        path = Path(parent["logfile"]).absolute()
        try:
            stream: Stream = LogFile(path.name, str(path.parent), maxRotatedFiles=9)
        except OSError as error:
            raise ConfigError(f"{path} can't be written ({error.strerror}): choose twistd --logfile FILE") from None
    elif options.is_daemon:
        raise ConfigError("a daemon has no standard output: give twistd --logfile a file, or start it with -n")
    else:
        stream = sys.stderr if settings.json else sys.stdout
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # a terminal that can't show a character still shows the line
    return LineObserver(stream, settings.log_level)


def listen(settings: Settings) -> Sockets:
    """Listen for HTTP, XMPP and perhaps HTTPS, and warn when others can reach it. Raises ConfigError."""
    sockets = Sockets(bind(settings.interfaces, settings.port, "--port"), [], [])
    direct = None if settings.only_upstream else settings.c2s_tls_port
    wanted = [
        (sockets.c2s, None if settings.only_upstream else settings.c2s_port, "--c2s-port"),
        (sockets.component, settings.component_port if settings.component_secrets else None, "--component-port"),
        (sockets.https, settings.https_port if settings.tls else None, "--https-port"),
        (sockets.c2s_tls, direct, "--c2s-tls-port"),
        (sockets.s2s, settings.s2s_port if settings.s2s else None, "--s2s-port"),
    ]
    try:
        for found, port, flag in wanted:
            if port is not None:
                found += bind(settings.interfaces, port, flag)
    except ConfigError:
        close(sockets.all)
        raise
    reachable = [each for each in settings.interfaces if not ipaddress.ip_address(each).is_loopback]
    if reachable:
        warn(f"other machines can reach {', '.join(reachable)}, and the demo passwords are no secret")
    return sockets


def bind(interfaces: Sequence[str], port: int, flag: str = "--port") -> list[socket.socket]:
    """Sockets that listen, one an address, all on the same port; 0 finds one that is free on all of them.

    A machine without IPv6 has no ::1: that is left out, if the addresses are the default ones. Raises ConfigError.
    """
    for _ in range(ATTEMPTS):
        sockets: list[socket.socket] = []
        for interface in interfaces:
            chosen = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                sockets.append(_listener(interface, chosen))
            except OSError as error:
                if error.errno in NOT_HERE and interface == "::1" and tuple(interfaces) == LOOPBACK:
                    continue
                close(sockets)
                if error.errno == errno.EADDRINUSE and chosen and not port:
                    break  # free on the first address, taken on another: try the next one
                raise ConfigError(_why(error, interface, port, flag)) from None
        else:
            return sockets
    raise ConfigError(f"{flag} 0: no port is free on all of {', '.join(interfaces)}: choose one")


NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


def _listener(interface: str, port: int) -> socket.socket:
    flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    family, kind, protocol, _, address = socket.getaddrinfo(interface, port, type=socket.SOCK_STREAM, flags=flags)[0]
    one = socket.socket(family, kind, protocol)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # :: and 0.0.0.0 go together
        one.bind(address)
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one


def _why(error: OSError, interface: str, port: int, flag: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {interface} is in use: choose another with {flag} ({flag} 0 picks a free one)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} on {interface} is not for this user: choose one above 1023 with {flag}"
    if error.errno in NOT_HERE or isinstance(error, socket.gaierror):
        return f"port {port} on {interface}: this machine has no such address, choose another with --interface"
    return f"port {port} on {interface}: {error.strerror}"


def close(sockets: Sequence[socket.socket]) -> None:
    """Give the ports back."""
    for one in sockets:
        one.close()


class Server(service.MultiService):
    """The composition under twistd: says when it is ready, stops by signal or with its parent process."""

    def __init__(self, composition: Composition, settings: Settings, observer: LineObserver | None) -> None:
        super().__init__()
        self._ready = composition.ready
        self._reload = composition.reload
        self._drain = composition.drain
        self._settings = settings
        self._observer = observer
        self._out = sys.stdout  # twistd is about to replace it by the log
        composition.service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """Becoming part of the application is the moment to bring the log along."""
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)
        super().setServiceParent(parent)

    def startService(self) -> None:
        """Start all parts; the rest once the reactor runs, which installs signal handlers of its own."""
        from twisted.internet import reactor

        super().startService()
        reactor.callWhenRunning(self._running)

    def stopService(self) -> Any:
        """Nobody shall find a ready file of a server that goes."""
        log.info("stopping")
        if path := self._settings.ready_file:
            path.unlink(missing_ok=True)
        return super().stopService()

    def _running(self) -> None:
        from twisted.internet import reactor

        stop_by_signal(self._drain, drains=self._settings.drain > 0)
        if self._reload is not None:
            reload_by_signal(self._reload)
        gc.freeze()  # what is there now lives as long as the process: looking at it again would slow it, and its end
        gc.set_threshold(*COLLECT)
        gc.enable()
        if self._settings.exit_with_stdin:
            reactor.addReader(StandardInput())
        line = json.dumps({**self._ready, "pid": os.getpid()}) + "\n"
        if path := self._settings.ready_file:
            private.write(path, line.encode())
        if self._settings.json:
            self._say(line)

    def _say(self, line: str) -> None:
        """On standard output; a parent that has closed it wants no server either."""
        from twisted.internet import reactor

        try:
            self._out.write(line)
            self._out.flush()
        except OSError as error:
            log.error("standard output takes no ready line ({error}): stopping", error=error)
            reactor.callLater(0, reactor.stop)


def stop_by_signal(drain: Callable[[Callable[[], None]], None] | None = None, *, drains: bool = False) -> None:
    """SIGTERM and SIGINT stop in order, with exit code 0, where twistd would die of the signal; a second one kills.

    SIGUSR1 drains before that, and so does SIGTERM where it `drains`: then another SIGTERM stops.
    """
    from twisted.internet import reactor

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)
        IReactorFromThreads(reactor).callFromThread(stop_reactor)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    if drain is None:
        return
    begin = drain

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, stop)
        IReactorFromThreads(reactor).callFromThread(begin, stop_reactor)

    signal.signal(signal.SIGUSR1, leave)
    if drains:
        signal.signal(signal.SIGTERM, leave)


def reload_by_signal(reload: Callable[[], None]) -> None:
    """SIGHUP reads files anew. When it comes because the terminal went, it stops, as it does to other programs."""
    from twisted.internet import reactor

    began_in_terminal = os.isatty(0)

    def hang_up(number: int, frame: FrameType | None) -> None:
        gone = began_in_terminal and not os.isatty(0)
        IReactorFromThreads(reactor).callFromThread(stop_reactor if gone else reload)

    signal.signal(signal.SIGHUP, hang_up)


def stop_reactor() -> None:
    """Stop, unless that is under way."""
    from twisted.internet import reactor

    with contextlib.suppress(ReactorNotRunning):
        reactor.stop()


@implementer(IReadDescriptor)
class StandardInput:
    """Reads and forgets; its end is ours. Unlike twisted.internet.stdio it leaves the descriptor's mode as it is."""

    def fileno(self) -> int:
        return 0

    def logPrefix(self) -> str:
        return "stdin"

    def doRead(self) -> Any:
        """What is there; the end of file or an error closes."""
        with contextlib.suppress(OSError):
            if os.read(0, 65536):
                return None
        return CONNECTION_DONE

    def connectionLost(self, reason: object) -> None:
        """Also called when the reactor stops for another reason."""
        stop_reactor()
