"""From the command line to a running server and back: what a person sees, what a parent process sees, what is left."""

from __future__ import annotations

import errno
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conversehost import launch
from conversehost.__main__ import Alone
from conversehost.errors import ConfigError

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
TWISTD = str(Path(sys.executable).with_name("twistd"))
FREE = ["--port", "0", "--c2s-port", "0"]
SOON = 30.0


@pytest.fixture
def closing() -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    yield sockets
    launch.close(sockets)


def port_of(one: socket.socket) -> int:
    return one.getsockname()[1]


def test_port_0_is_one_port_on_all_addresses(closing):
    closing += launch.bind(["127.0.0.1", "127.0.0.2", "127.0.0.3"], 0)
    assert len({port_of(one) for one in closing}) == 1
    assert [one.getsockname()[0] for one in closing] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert not any(one.getblocking() for one in closing)


def test_both_families_share_the_port_where_there_are_both(closing):
    closing += launch.bind(launch.LOOPBACK, 0)
    closing += launch.bind(["0.0.0.0", "::"] if len(closing) == 2 else ["0.0.0.0"], 0)
    assert len({port_of(one) for one in closing}) == 2


def test_a_port_that_is_taken_on_the_second_address_is_given_up(closing, monkeypatch):
    tried = []

    def listener(interface: str, port: int, real=launch._listener) -> socket.socket:
        one = real(interface, port)
        if not tried:
            closing.append(real("127.0.0.2", port_of(one)))
        tried.append((interface, port))
        return one

    monkeypatch.setattr(launch, "_listener", listener)
    closing += launch.bind(["127.0.0.1", "127.0.0.2"], 0)
    assert port_of(closing[0]) != port_of(closing[1]) == port_of(closing[2])


def without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(family: int, *rest: Any, real=socket.socket, **named: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *rest, **named)

    monkeypatch.setattr(launch.socket, "socket", make)


def test_a_machine_without_ipv6_does_with_ipv4(closing, monkeypatch):
    without_ipv6(monkeypatch)
    closing += launch.bind(launch.LOOPBACK, 0)
    assert [one.getsockname()[0] for one in closing] == ["127.0.0.1"]


def test_an_address_that_was_asked_for_is_never_left_out(monkeypatch):
    without_ipv6(monkeypatch)
    with pytest.raises(ConfigError, match="port 0 on ::1: this machine has no such address, choose another with"):
        launch.bind(["::1"], 0)


def test_a_port_in_use_is_named_with_the_way_out(closing):
    closing += launch.bind(["127.0.0.1"], 0)
    port = port_of(closing[0])
    with pytest.raises(ConfigError) as caught:
        launch.bind(["127.0.0.1"], port, "--c2s-port")
    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 is in use: choose another with --c2s-port (--c2s-port 0 picks a free one)"
    )


def test_an_address_of_another_machine():
    with pytest.raises(ConfigError, match=r"port 0 on 192\.0\.2\.1: this machine has no such address"):
        launch.bind(["192.0.2.1"], 0)


def test_a_port_for_root_alone(monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(launch, "_listener", refuse)
    with pytest.raises(ConfigError, match=r"port 80 on 127\.0\.0\.1 is not for this user: choose one above 1023"):
        launch.bind(["127.0.0.1"], 80)


@pytest.fixture
def parsed(closing, tmp_path, monkeypatch):
    """What twistd knows after reading its command line."""
    monkeypatch.chdir(tmp_path)

    def parse(*arguments: str) -> Alone:
        config = Alone()
        config.parseOptions(list(arguments))
        closing.extend(config.subOptions.sockets.http + config.subOptions.sockets.c2s)
        return config

    return parse


def test_in_the_foreground_there_is_no_pid_file(parsed):
    config = parsed("-n", "conversehost", *FREE)
    assert (config["pidfile"], config["logfile"]) == ("", None)


def test_a_daemon_has_files_named_by_its_port(parsed, tmp_path):
    config = parsed("conversehost", *FREE)
    port = config.subOptions.port
    assert config["pidfile"] == str(tmp_path / f"conversehost-{port}.pid")
    assert config["logfile"] == f"conversehost-{port}.log"


def test_files_that_twistd_was_told_stay(parsed, tmp_path):
    config = parsed("--pidfile", "my.pid", "--logfile", "my.log", "conversehost", *FREE)
    assert (config["pidfile"], config["logfile"]) == (str(tmp_path / "my.pid"), "my.log")
    assert parsed("-n", "--pidfile", "my.pid", "conversehost", *FREE)["pidfile"] == str(tmp_path / "my.pid")


@pytest.mark.parametrize("chosen", [["--syslog"], ["--logger", "twisted.logger.STDLibLogObserver"]])
def test_a_logger_that_twistd_was_told_stays(parsed, chosen):
    assert launch.log_observer(parsed("-n", *chosen, "conversehost", *FREE).subOptions) is None


def test_a_number_that_does_nothing_is_one_line_of_warning(parsed, capsys):
    parsed("-n", "conversehost", *FREE, "--https-port", "8443")
    assert capsys.readouterr().err == "conversehost: warning: --https-port has no effect without --tls or --tls-cert\n"


def test_other_machines_can_reach_it_is_one_line_of_warning(parsed, capsys):
    parsed("-n", "conversehost", *FREE, "--interface", "0.0.0.0")
    assert capsys.readouterr().err == (
        "conversehost: warning: other machines can reach 0.0.0.0, and the demo passwords are no secret\n"
    )
    parsed("-n", "conversehost", *FREE, "--interface", "127.0.0.2")
    assert capsys.readouterr().err == ""


# From here on with processes: nothing is known of them but what they print, write and answer.


class Program:
    """A server as a person or a parent process starts it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CONVERSEHOST_")}
        self.environment["PYTHONPATH"] = str(ROOT)
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.started.append(process)
        return process

    def finish(self, *command: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        return result(self.start(*command))

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()
        for pidfile in self.folder.glob("*.pid"):
            os.kill(int(pidfile.read_text()), signal.SIGKILL)


def result(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SOON)
    return process.returncode, out.decode(), err.decode()


def until(process: subprocess.Popen[bytes], words: str) -> str:
    """Standard output up to the line with some words in it."""
    assert process.stdout is not None
    text = ""
    while words not in text:
        assert select.select([process.stdout], [], [], SOON)[0], f"waited in vain for {words!r} after {text!r}"
        line = process.stdout.readline().decode()
        assert line, (text, result(process))
        text += line
    return text


def ready_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    return json.loads(until(process, '"pid"'))


def answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=SOON) as response:
        return response.status == 200


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.end()


ENTRY_POINTS = {"twistd": [TWISTD, "-n", "conversehost"], "module": [PYTHON, "-m", "conversehost"]}


@pytest.mark.parametrize("command", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_the_ready_line_is_all_of_standard_output_and_true(program, command):
    process = program.start(*command, "--json", *FREE, "--user", "me:secret", "--domain", "a.example")
    ready = ready_line(process)
    assert list(ready) == [
        *("site", "bosh", "websocket", "prebind", "credentials", "api", "api_token_file"),
        *("https", "ca", "c2s", "c2s_tls", "component", "s2s", "domain", "accounts", "pid"),
    ]
    assert ready["pid"] == process.pid
    assert ready["domain"] == "a.example"
    assert ready["accounts"]["me@a.example"] == "secret"
    assert answers(ready["site"])
    host, _, port = ready["c2s"].rpartition(":")
    socket.create_connection((host, int(port)), SOON).close()
    process.send_signal(signal.SIGTERM)
    code, out, err = result(process)
    assert (code, out) == (0, "")
    assert re.search(r"^\d\d:\d\d:\d\d info  stopping$", err, re.MULTILINE)
    assert list(program.folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_banner_tells_how_to_get_in_and_a_signal_stops(program, number):
    process = program.start(*ENTRY_POINTS["module"], *FREE, "--ready-file", "ready.json", "--user", "zoe:secret")
    text = until(process, "Stop with Ctrl+C")
    site = re.search(r"^ +site +(http://\S+)$", text, re.MULTILINE)
    assert site
    assert answers(site[1])
    ready = json.loads((program.folder / "ready.json").read_text())
    for name, value in (("BOSH", ready["bosh"]), ("prebind", ready["prebind"]), ("XMPP", ready["c2s"])):
        assert re.search(rf"^ +{name} +{re.escape(value)}$", text, re.MULTILINE)
    assert "State lives in memory" in text
    assert "\x1b" not in text
    process.send_signal(number)
    assert result(process)[0] == 0
    assert not (program.folder / "ready.json").exists()


def test_a_parent_that_has_closed_standard_output_wants_no_server(program):
    process = program.start(*ENTRY_POINTS["module"], "--json", *FREE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    complaint = process.stderr.read().decode()
    assert "standard output takes no ready line" in complaint
    assert "Traceback" not in complaint
    assert process.wait(SOON) == 0


def test_it_stops_when_standard_input_closes(program):
    process = program.start(*ENTRY_POINTS["module"], "--json", "--exit-with-stdin", *FREE)
    ready_line(process)
    assert process.stdin is not None
    process.stdin.write(b"anything\n")
    process.stdin.close()
    process.stdin = None
    assert result(process)[:2] == (0, "")


def daemon(program: Program, *options: str) -> dict[str, Any]:
    code, out, err = program.finish(TWISTD, *options, "conversehost", *FREE, "--ready-file", "ready.json")
    assert (code, err) == (0, "")
    site = re.search(r"site +(http://\S+)", out)
    assert site
    assert answers(site[1])  # the ready file is written before the first request can be read
    ready = program.folder / "ready.json"
    assert ready.stat().st_mode & 0o777 == 0o600
    return {**json.loads(ready.read_text()), "banner": out}


def stop(pid: int) -> None:
    watch = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    assert select.select([watch], [], [], SOON)[0], "still there"
    os.close(watch)


def test_two_daemons_from_one_folder(program):
    one, two = daemon(program), daemon(program)
    for ready in (one, two):
        name = "conversehost-" + ready["site"].rstrip("/").rpartition(":")[2]
        pidfile = program.folder / f"{name}.pid"
        assert int(pidfile.read_text()) == ready["pid"]
        assert f"kill $(cat {pidfile})" in ready["banner"]
        assert f"Log: {program.folder / name}.log" in ready["banner"]
        assert answers(ready["site"])
    for ready in (one, two):
        stop(ready["pid"])
    left = sorted(path.name for path in program.folder.iterdir())
    assert len(left) == 2
    assert all(re.fullmatch(r"conversehost-\d+\.log", name) for name in left)
    assert "info  stopping" in (program.folder / left[0]).read_text()


def test_a_daemon_logs_where_twistd_was_told(program):
    ready = daemon(program, "--logfile", "my.log")
    stop(ready["pid"])
    assert "info  stopping" in (program.folder / "my.log").read_text()


def refused(program: Program, *command: str) -> str:
    """The one line."""
    code, out, err = program.finish(*command)
    assert (code, out) == (1, "")
    assert err.startswith("conversehost: ")
    assert err.count("\n") == 1
    assert list(program.folder.glob("*.pid")) == []
    return err.removeprefix("conversehost: ").rstrip()


def test_a_wrong_option_is_one_line(program):
    wrong = "unknown option --prot: did you mean --port? (see {} --help)"
    assert refused(program, TWISTD, "-n", "conversehost", "--prot", "1") == wrong.format("twistd conversehost")
    assert refused(program, PYTHON, "-m", "conversehost", "--prot", "1") == wrong.format("conversehost")


def test_a_port_in_use_is_one_line_and_the_other_port_is_free_again(program, closing):
    closing += launch.bind(["127.0.0.1"], 0)
    taken = str(port_of(closing[0]))
    for command in ([TWISTD, "conversehost"], ENTRY_POINTS["twistd"]):
        text = refused(program, *command, "--port", taken, "--c2s-port", "0")
        assert text == f"port {taken} on 127.0.0.1 is in use: choose another with --port (--port 0 picks a free one)"


@pytest.mark.parametrize("command", [[TWISTD, "conversehost"], ENTRY_POINTS["twistd"]], ids=["daemon", "foreground"])
def test_a_bad_scenario_is_one_line(program, command):
    (program.folder / "cast.toml").write_text("this is no TOML")
    assert "cast.toml" in refused(program, *command, *FREE, "--scenario", "cast.toml")


def test_what_is_not_for_a_daemon(program):
    assert "--ready-file" in refused(program, TWISTD, "conversehost", "--json", *FREE)
    assert "foreground" in refused(program, TWISTD, "conversehost", "--exit-with-stdin", *FREE)
    assert "no standard output" in refused(program, TWISTD, "--logfile", "-", "conversehost", *FREE)


@pytest.mark.parametrize("command", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_help_and_version(program, command):
    code, out, err = program.finish(*command, "--help")
    assert program.finish(*command, "-h") == (code, out, err)
    name = "conversehost" if "-m" in command else "twistd conversehost"
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: {name} [options]\n")
    assert "--bosh-wait" not in out
    code, out, err = program.finish(*command, "--help-all")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: {name} [options]\n")
    assert "--bosh-wait" in out
    code, out, err = program.finish(*command, "--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"conversehost \S.*, Twisted \d\S+, Python 3\S+\n", out)


HANGS = """
from twisted.internet import defer, reactor
from conversehost.launch import stop_by_signal

reactor.callWhenRunning(stop_by_signal)
reactor.callWhenRunning(print, "running", flush=True)
reactor.addSystemEventTrigger("before", "shutdown", print, "stopping", flush=True)
reactor.addSystemEventTrigger("before", "shutdown", defer.Deferred)
reactor.run()
"""


def test_a_second_signal_ends_what_does_not_stop(program):
    process = program.start(PYTHON, "-c", HANGS)
    until(process, "running")
    process.send_signal(signal.SIGINT)
    until(process, "stopping")
    process.send_signal(signal.SIGTERM)
    assert result(process)[0] == -signal.SIGTERM


CLOCK = """
import time
from conversehost.loading import load
from conversehost.options import Sockets
from conversehost.service import compose
from twisted.internet import reactor

class Listening:
    def getsockname(self):
        return ("127.0.0.1", 1)

compose(load([], {}), Sockets([Listening()], [Listening()], []))
print(abs(reactor.seconds() - time.monotonic()) < 1)
"""


def test_deadlines_are_measured_on_a_clock_that_does_not_jump(program):
    """Twisted's own is the wall clock."""
    assert program.finish(PYTHON, "-c", CLOCK) == (0, "True\n", "")


LATE = (
    "conversehost.testbed.control conversehost.testbed.noun conversehost.testbed.fields conversehost.testbed.xep0227 "
    "jinja2 prometheus_client wokkel ldap3 ldaptor scramp wsproto"
)


def test_what_a_start_does_not_need_is_loaded_when_somebody_asks_for_it():
    code = f"import sys, conversehost.service; print([each for each in {LATE.split()!r} if each in sys.modules])"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True, timeout=SOON)
    assert done.stdout == "[]\n"
