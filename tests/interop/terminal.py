"""A terminal in which a program runs and a human looks at the screen: tmux, without anybody's settings."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from .tools import program

SOON = 30.0
"""Seconds to wait at most."""


class Terminal:
    """`type` and `press` as on a keyboard; `until` waits for what should show. Ends with its `with` block."""

    def __init__(self, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """`folder` is for tmux's own files, and is where the command runs."""
        self._base = [program("tmux", "tmux"), "-u", "-f", "/dev/null", "-S", str(folder / "tmux")]
        changes = folder / "changes"
        os.mkfifo(changes)
        self._changes = os.open(changes, os.O_RDWR | os.O_NONBLOCK)  # whatever the program writes, the moment it does
        with_environment = ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
        self._tmux("new-session", "-d", "-x", "120", "-y", "40", "-c", str(folder), *with_environment)
        self._tmux("pipe-pane", "-o", f"cat > '{changes}'")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")
        os.close(self._changes)

    @property
    def screen(self) -> str:
        """What a human sees."""
        return self._tmux("capture-pane", "-p")

    def type(self, text: str) -> None:
        """A line, and the return key."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def until(self, *texts: str) -> str:
        """The screen, once all of these show on it; they may come one by one."""
        deadline = time.monotonic() + SOON
        while not all(text in (screen := self.screen) for text in texts):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._changes], [], [], max(0.0, left))
            assert ready, f"{texts} didn't show within {SOON:.0f} seconds:\n{screen}"
            os.read(self._changes, 65_536)
        return screen

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run([*self._base, *arguments], check=True, capture_output=True, text=True).stdout
