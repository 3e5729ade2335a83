"""`conversehost`, `python -m conversehost`: as `twistd -n conversehost`; and `proxy-config`, `play`, `token`, `run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from twisted.application import app
from twisted.application.service import ServiceMaker
from twisted.scripts.twistd import ServerOptions, runApp

from conversehost import launch
from conversehost.errors import ConfigError
from conversehost.loading import load

PROXY_CONFIG = """\
Usage: conversehost proxy-config nginx|apache|caddy [options]

Prints the configuration of a web server in front of conversehost: BOSH without buffering and
with time enough, WebSocket, and who asked. Give the options that conversehost runs with; what
it is told by environment and --config counts here too.

Examples
  conversehost proxy-config nginx > /etc/nginx/conf.d/conversehost.conf
  conversehost proxy-config caddy --port 8080 --domain chat.example --bosh-wait 60
"""


class Options(launch.Options):
    """Names the command as it was typed."""

    command = "conversehost"


class Alone(ServerOptions):
    """twistd that knows one plugin without looking for it: it starts sooner, and needs no plugin folder."""

    @property
    def subCommands(self) -> Iterator[tuple[str, None, type[Options], str]]:
        """As in twistd, which finds here what to call once the options are read."""
        maker = ServiceMaker("conversehost", "conversehost.launch", "", "conversehost")
        self.loadedPlugins = {maker.tapname: maker}
        yield maker.tapname, None, Options, maker.description


def main() -> None:
    """Run in the foreground until a signal comes; or print what was asked for."""
    if sys.argv[1:2] == ["proxy-config"]:
        proxy_config(sys.argv[2:])
        return
    if sys.argv[1:2] == ["play"]:
        raise SystemExit(play(sys.argv[2:]))
    if sys.argv[1:2] == ["token"]:
        raise SystemExit(token(sys.argv[2:]))
    if sys.argv[1:2] == ["run"]:
        raise SystemExit(run(sys.argv[2:]))
    sys.argv[1:1] = ["-n", "conversehost"]
    app.run(runApp, Alone)


def proxy_config(arguments: Sequence[str]) -> None:
    """On standard output. Raises SystemExit."""
    from conversehost.web.recipes import recipe

    if "--help" in arguments or "-h" in arguments:
        print(PROXY_CONFIG, end="")
        return
    try:
        if not arguments or arguments[0].startswith("-"):
            raise ConfigError("proxy-config wants the web server first: nginx, apache or caddy")
        print(recipe(arguments[0], load(arguments[1:], os.environ)), end="")
    except ConfigError as error:
        launch.fail(f"{error} (see conversehost proxy-config --help)")


def play(arguments: Sequence[str]) -> int:
    """Dialogues from files; the exit code. Raises SystemExit."""
    from conversehost.play.command import main as play_files

    try:
        return play_files(arguments)
    except ConfigError as error:
        launch.fail(str(error))


def token(arguments: Sequence[str]) -> int:
    """A token, or what is wrong with one, on standard output; the exit code. Raises SystemExit."""
    from conversehost.token_command import run

    try:
        text, well = run(arguments, os.environ)
    except ConfigError as error:
        launch.fail(str(error))
    print(text, end="")
    return 0 if well else 1


def run(arguments: Sequence[str]) -> int:
    """A server for a command; the exit code. Raises SystemExit."""
    from conversehost.testing import TestBedError, running

    try:
        options, _ = running.split(arguments)
        load(options, os.environ)  # whose mistakes are one line
        return running.main(arguments)
    except (ConfigError, TestBedError) as error:
        launch.fail(str(error))


if __name__ == "__main__":
    main()
