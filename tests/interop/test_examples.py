"""The examples of docs/examples, as their readers run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conversehost.launch import bind, close
from tests.browser.conftest import CHROMIUM, VERSIONS, converse_folder

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
MODULES = Path(__file__).parent / "node" / "node_modules"
SOON = 600.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they are copied to, with a command `conversehost` on the path, and what npm would install."""
    commands = tmp_path / "bin"
    commands.mkdir()
    command = commands / "conversehost"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m conversehost "$@"\n')
    command.chmod(0o755)
    for name, value in {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "CI": "1"}.items():
        monkeypatch.setenv(name, value)
    return shutil.copytree(EXAMPLES, tmp_path / "examples")


def run(folder: Path, *command: str, **more: str) -> str:
    """What it says; it ends well."""
    pipe = subprocess.PIPE
    done = subprocess.run(
        command, cwd=folder, env=os.environ | more, stdout=pipe, stderr=subprocess.STDOUT, text=True, timeout=SOON
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_shell_script_with_curl(folder: Path):
    assert run(folder, "conversehost", "run", "--", "sh", "chat.sh").endswith("all is well\n")


def test_node_with_xmpp_client(folder: Path):
    (folder / "node" / "node_modules").symlink_to(MODULES)
    assert "# pass 2" in run(folder / "node", "npm", "test", "--silent")


def test_playwright_which_starts_the_server(folder: Path):
    here = folder / "playwright"
    modules = here / "node_modules"
    modules.mkdir()
    for name in (".bin", "@playwright", "playwright", "playwright-core"):
        (modules / name).symlink_to(MODULES / name)
    (modules / "converse.js").symlink_to(converse_folder(VERSIONS[0]))
    sockets = bind(("127.0.0.1", "::1"), 0)
    port = sockets[0].getsockname()[1]
    close(sockets)
    said = run(here, "npm", "test", "--silent", PORT=str(port), CHROMIUM=CHROMIUM)
    assert "2 passed" in said


def test_converse_comes_back_with_all_that_was_said(folder: Path):
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "converse.js").symlink_to(converse_folder(VERSIONS[0]))
    command = (sys.executable, "-m", "pytest", "-p", "conversehost.testing.pytest_plugin", "-p", "no:cacheprovider")
    said = run(folder, *command, "test_reconnection.py", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "4 passed" in said
