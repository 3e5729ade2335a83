"""All data of the server: remember it, go back to it."""

from __future__ import annotations

from urllib.parse import quote

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import verb


class StateVerbs:
    """Snapshots, and the beginning."""

    @verb
    def snapshot(self, name: str | None = None) -> Steps[str]:
        """Remember all data as it is now; the name to give to `restore`."""
        taken: str = (yield Call("POST", "snapshots", {} if name is None else {"name": name}))["name"]
        return taken

    @verb
    def restore(self, name: str) -> Steps[None]:
        """All data as it was then. Sessions end, as if the server had been started anew."""
        yield Call("POST", f"snapshots/{quote(name, safe='')}")

    @verb
    def reset(self) -> Steps[None]:
        """Everything as right after the start: all sessions end, on the site too, and what was done is undone.

        Do it before a test rather than after: what a failed test has left behind can then still be looked at.
        """
        yield Call("POST", "reset")
