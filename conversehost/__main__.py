"""`python -m conversehost` and the command `conversehost`: the same as `twistd -n conversehost`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from twisted.application import app
from twisted.application.service import ServiceMaker
from twisted.scripts.twistd import ServerOptions, runApp

from conversehost import launch


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
    """Run in the foreground until a signal comes."""
    sys.argv[1:1] = ["-n", "conversehost"]
    app.run(runApp, Alone)


if __name__ == "__main__":
    main()
