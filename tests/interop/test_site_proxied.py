"""Sites under development, by Flask and by Vite, behind `--proxy`: with chat on the same origin."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import Visitor, converse_folder
from tests.test_launch import SOON

from .fronts import free_port
from .tools import program

HERE = Path(__file__).parent
FLASK = """
from flask import Flask, redirect, request

app = Flask(__name__)

PAGE = '''<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dist/converse.min.css">
<script type="module" src="/dist/converse.min.js"></script>
<script type="module">
  converse.initialize({authentication: 'prebind', prebind_url: '/prebind', bosh_service_url: '/http-bind',
    auto_login: true, discover_connection_methods: false, xmpp_providers_url: '', autocomplete_providers_url: '',
    assets_path: '/dist', view_mode: 'overlayed', show_controlbox_by_default: true,
    blacklisted_plugins: ['converse-omemo']});
</script>
<form method="post" action="/login" enctype="multipart/form-data"><input type="file" name="upload">
<button>Send</button></form>
<p id="size">{size}</p>'''


@app.get("/")
def page():
    return PAGE.replace("{size}", request.cookies.get("size", "nothing yet"))


@app.post("/login")
def upload():
    answer = redirect("/")
    answer.set_cookie("size", str(len(request.files["upload"].read())))
    return answer
"""


@contextmanager
def started(command: list[str], folder: Path, sign: str) -> Iterator[None]:
    """A development server, from when it says that it serves."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},  # else the sign may have colours in it
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        limit = threading.Timer(SOON, process.kill)
        limit.start()
        for line in process.stdout:
            said += line
            if sign in line:
                break
        else:
            pytest.fail(f"{command[0]} didn't start: {said}", pytrace=False)
        limit.cancel()
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def in_front_of(url: str) -> Iterator[TestBed]:
    with TestBed.start("--proxy", url, "--converse", str(converse_folder("14.0.0"))) as bed:
        yield bed


@pytest.fixture
def bed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestBed]:
    """A conversehost in front of the site that the test names by its parameter."""
    port = free_port()
    if request.param == "flask":
        (tmp_path / "pages.py").write_text(FLASK)
        command = [sys.executable, "-m", "flask", "--app", "pages.py", "run", "--port", str(port)]
        folder, sign = tmp_path, "Running on"
    else:
        for name in ("index.html", "main.js", "said.js"):
            shutil.copy(HERE / "site" / name, tmp_path)
        vite = HERE / "site" / "node_modules" / "vite" / "bin" / "vite.js"
        command = [program("node", "nodejs"), str(vite), "--port", str(port), "--strictPort", "--clearScreen", "false"]
        folder, sign = tmp_path, "Local:"
    with started(command, folder, sign), in_front_of(f"http://localhost:{port}") as bed:
        yield bed


@pytest.fixture
def alice(visitor: Callable[[str], Visitor], bed: TestBed) -> Visitor:
    return visitor("alice")


def log_in(alice: Visitor) -> None:
    """By our form, which goes on to the site's page."""
    alice.page.goto(f"{alice.site}_login")
    alice.page.fill("input[name=username]", alice.name)
    alice.page.fill("input[name=password]", "secret")
    with alice.becomes_available():
        alice.page.click("button[type=submit]")
    alice.is_in_chat()


def chats(alice: Visitor) -> None:
    alice.open_chat("Echo")
    alice.say("is anybody there?")
    expect(alice.page.locator(".chat-msg__text", has_text="is anybody there?")).to_have_count(2)


@pytest.mark.parametrize("bed", ["flask"], indirect=True)
def test_a_site_by_flask(alice, tmp_path):
    log_in(alice)
    chats(alice)
    large = tmp_path / "large"
    large.write_bytes(bytes(3_000_000))
    alice.page.set_input_files("input[name=upload]", large)
    alice.page.click("form button")
    expect(alice.page.locator("#size")).to_have_text("3000000")
    alice.is_in_chat()
    assert alice.prebinds() == 1


@pytest.mark.parametrize("bed", ["vite"], indirect=True)
def test_a_site_by_vite(alice, tmp_path):
    """What is changed in the editor is seen at once: Vite's own WebSocket comes through."""
    log_in(alice)
    expect(alice.page.locator("#said")).to_have_text("first")
    chats(alice)
    with alice.page.expect_console_message(lambda message: "hot updated" in message.text):
        (tmp_path / "said.js").write_text("export const said = 'second';")
    expect(alice.page.locator("#said")).to_have_text("second")
    assert alice.prebinds() == 1


@pytest.mark.parametrize("bed", ["vite"], indirect=True)
def test_a_site_by_vite_and_chat_over_websocket(alice):
    with alice.page.expect_websocket(lambda websocket: websocket.url.endswith("/xmpp-websocket")):
        alice.page.goto(f"{alice.site}?websocket")
    alice.is_in_chat()
    chats(alice)
    assert not [url for url in alice.requests if re.search("/http-bind|/prebind", url)]
