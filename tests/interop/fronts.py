"""Real web servers in front of a conversehost, each with the configuration that `proxy-config` makes for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conversehost.loading import load
from conversehost.testing import TestBed
from conversehost.web.recipes import recipe

from .tools import program

APACHE_MODULES = Path("/usr/lib/apache2/modules")
MODULES = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http", "proxy_wstunnel")

NGINX = """
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
APACHE = """
{modules}
ServerRoot {folder}
ServerName localhost
PidFile {folder}/pid
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}
Listen 127.0.0.1:{port}
Include {folder}/site.conf
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def run(*command: str) -> str:
    """All that it says; a command that fails fails the test."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout + done.stderr


def nginx(text: str, folder: Path, port: int) -> tuple[str, list[str], list[str]]:
    """What a check says; how to start it."""
    text = text.replace("    listen [::]:80;\n", "").replace("listen 80;", f"listen 127.0.0.1:{port};")
    (folder / "site.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    command = [program("nginx", "nginx"), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    return "test is successful", [*command, "-t"], command


def apache(text: str, folder: Path, port: int) -> tuple[str, list[str], list[str]]:
    """The same."""
    (folder / "site.conf").write_text(text.replace("*:80>", f"*:{port}>"))
    modules = "\n".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in MODULES)
    (folder / "apache.conf").write_text(APACHE.format(folder=folder, modules=modules, port=port))
    command = [program("apache2", "apache2"), "-f", str(folder / "apache.conf")]
    return "Syntax OK", [*command, "-t"], [*command, "-k", "start"]


def caddy(text: str, folder: Path, port: int) -> tuple[str, list[str], list[str]]:
    """The same."""
    text = text.replace("http://localhost", f"http://localhost:{port}")
    file = folder / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tstorage file_system {folder}\n}}\n{text}")
    command = [program("caddy", "caddy")]
    options = ["--adapter", "caddyfile", "--config", str(file)]
    return (
        "Valid configuration",
        [*command, "validate", *options],
        [*command, "start", *options, "--pidfile", str(folder / "pid")],
    )


SERVERS: dict[str, Callable[[str, Path, int], tuple[str, list[str], list[str]]]] = {
    "nginx": nginx,
    "apache": apache,
    "caddy": caddy,
}


def check(server: str, folder: Path, *arguments: str) -> None:
    """The server itself finds no fault, and nothing to warn of, in a configuration for these options."""
    good, command, _ = SERVERS[server](recipe(server, load(arguments, {})), folder, free_port())
    said = run(*command)
    assert good in said
    complaints = [line for line in said.splitlines() if "warn" in line.lower()]
    assert [each for each in complaints if "no automatic HTTPS" not in each] == []


@contextmanager
def in_front(server: str, bed: TestBed, folder: Path, *arguments: str) -> Iterator[str]:
    """A web server in front of `bed`, which runs with `arguments`; its URL. It listens when it has gone to its work."""
    port = free_port()
    text = recipe(server, load(["--port", str(urlsplit(bed.site).port), *arguments], {}))
    _, _, start = SERVERS[server](text, folder, port)
    subprocess.run(start, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    try:
        yield f"http://localhost:{port}/"
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
