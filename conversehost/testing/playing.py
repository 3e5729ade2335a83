"""Dialogues, played with a server by `conversehost play`, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def play(dialogue: str, c2s: str, timeout: float) -> None:
    """`c2s`: the server's "host:port" for TCP. Raises AssertionError where it goes another way."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dialogue.txt")
        path.write_text(dialogue, encoding="utf-8")
        command = [sys.executable, "-m", "conversehost", "play", str(path), "--tcp", c2s]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise AssertionError(f"{done.stdout}{done.stderr}".replace(str(path), "dialogue").strip())
