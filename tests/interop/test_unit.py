"""The systemd unit that we hand out: systemd finds no fault in it, and neither does conversehost."""

from __future__ import annotations

import configparser
import shlex
import subprocess
import sys
from pathlib import Path

from conversehost.loading import load
from conversehost.options import OPTIONS

from .tools import program

UNIT = Path(__file__).parents[2] / "fixtures" / "systemd" / "conversehost@.service"
PROGRAM = "/opt/conversehost/bin/conversehost"


def said() -> configparser.SectionProxy:
    """Of the service."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_finds_no_fault_in_it(tmp_path):
    command = program("systemd-analyze", "systemd")
    assert PROGRAM in UNIT.read_text()
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    done = subprocess.run(
        [command, "verify", "--man=no", str(tmp_path / "conversehost@5281.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "conversehost" in line]) == (0, [])


def test_it_may_do_little(tmp_path):
    """By systemd's own measure, in which 10 is everything."""
    command = [program("systemd-analyze", "systemd"), "--offline=true", "security", "--threshold=20", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_its_options_are_ours(tmp_path):
    config = tmp_path / "conversehost.toml"
    config.write_text("")
    line = said()["ExecStart"].replace("/etc/conversehost.toml", str(config)).replace("%i", "5281")
    first, *arguments = shlex.split(line)
    settings = load(arguments, {})
    assert first == PROGRAM
    assert (settings.port, settings.instance) == (5281, "5281")
    assert 0 < settings.drain < int(said()["TimeoutStopSec"])
    variable = said()["Environment"].partition("=")[0]
    assert variable in {option.variable for option in OPTIONS}
