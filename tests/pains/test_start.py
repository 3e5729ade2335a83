"""Getting any server up, with people on it, and a page that has Converse.js as this version of it wants to be had."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from conversehost.client import prebind
from conversehost.testing import TestBed
from tests.pains.pages import HTTPBIND, Page

XML = {"Content-Type": "text/xml; charset=utf-8"}


def test_a_server_says_where_everything_is_and_who_is_there(bed: TestBed):
    """ "Stuck in connecting": wrong ports, modules that aren't on, no accounts. Nothing was configured here."""
    for address in (bed.site, bed.bosh, bed.websocket, bed.c2s, bed.c2s_tls):
        place = str(address).partition("//")[2] or str(address)
        host, port = place.partition("/")[0].split(":")
        socket.create_connection((host, int(port)), 30).close()
    for jid, password in bed.accounts.items():
        assert prebind(bed.bosh, jid=jid, password=password).jid.startswith(f"{jid}/")


def test_the_port_of_the_web_server_is_not_part_of_a_domain(bed: TestBed):
    """A JID with a port in it, as in `alice@localhost:5280`: the answer says what is served."""
    opening = f"<body xmlns='{HTTPBIND}' rid='1000' to='localhost:5280' wait='1' hold='1' ver='1.6'/>"
    answer = Page(bed).http("POST", "/http-bind", opening, XML)
    assert re.search(b"host-unknown|improper-addressing", answer.read())
    assert "localhost" in answer.headers["x-bosh-reason"]


def test_a_disposable_server_for_one_command(bed: TestBed):
    """In CI: it is there before the command begins, and tells it by the environment where."""
    told = "import os; print(os.environ['CONVERSEHOST_HTTP_BIND'].endswith('/http-bind')); raise SystemExit(3)"
    command = [sys.executable, "-m", "conversehost", "run", "--", sys.executable, "-c", told]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("True\n")
    assert done.returncode == 3


class Parts(HTMLParser):
    """What a page loads, and its configuration of Converse.js."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[str, str]] = []
        self.loaded: list[str] = []
        self.config = ""
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        source = given.get("src") or (given.get("href", "") if tag == "link" else "")
        if source:
            self.loaded.append(source)
        if tag == "script" and "converse.min.js" in source:
            self.scripts.append((source, given.get("type", "")))
        self._within = given.get("id") == "converse-config"

    def handle_data(self, data: str) -> None:
        if self._within:
            self.config += data
            self._within = False


@pytest.fixture(scope="module", params=["14.0.0", "12.0.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def served(version: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBed]:
    """With a Converse.js of that version, as far as a server sees one."""
    folder: Path = tmp_path_factory.mktemp("converse")
    (folder / "package.json").write_text(json.dumps({"version": version}))
    (folder / "dist").mkdir()
    for name in ("converse.min.js", "converse.min.css"):
        (folder / "dist" / name).write_text("/**/")
    with TestBed.start("--converse", str(folder)) as bed:
        yield bed


def test_a_generated_page_has_converse_as_its_version_wants_it(served: TestBed, version: str):
    """Module scripts since 13, options that stand there twice, and files from a CDN that is gone."""
    page = Page(served)
    parts = Parts(page.http("GET", "/").read().decode())
    assert parts.scripts == [("/dist/converse.min.js", "module" if version == "14.0.0" else "")]
    assert all(each.startswith("/") and not each.startswith("//") for each in parts.loaded)
    names = [name for name, _ in json.loads(parts.config, object_pairs_hook=list)]
    assert len(names) == len(set(names)) > 10
    assert not any("http" in str(value) for value in json.loads(parts.config).values() if value != "/http-bind")
    script = page.http("GET", parts.scripts[0][0])
    assert (script.status, script.headers.get_content_type()) == (200, "text/javascript")
