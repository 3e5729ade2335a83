"""The bench itself: its budgets judge, its page says so, and its load does what it claims."""

from __future__ import annotations

import json
import subprocess
import sys

from . import report
from .__main__ import JSON, ROOT

OWN = ("bosh_growth", "tcp_growth", "recording")
BOTH = {"bosh_message": {"conversehost": [90.0, 100.0, 300.0], "ejabberd": [201.0], "prosody": [790.0]}}


def test_a_budget_is_a_limit_or_a_part_of_what_a_peer_needs_in_the_same_run() -> None:
    judged = {each.budget: each.met for each in report.verdicts(BOTH)}
    assert judged == {"at most 200 us": True, "1/2 of ejabberd": True, "1/8 of Prosody": False}


def test_a_peer_that_is_not_there_judges_nothing() -> None:
    (only,) = report.verdicts({"bosh_message": {"conversehost": [201.0]}})
    assert not only.met


def test_the_page_tells_of_every_budget_that_is_missed() -> None:
    page = report.page(BOTH, {"ejabberd": "1"}, 3)
    row = "100 (90-300) | 790, x7.9 | 201, x2.0 | at most 200 us, 1/2 of ejabberd, 1/8 of Prosody | **missed** |"
    assert row in page
    assert "100 us MISSES 99 us (1/8 of Prosody)" in page


def test_it_runs_against_ours_and_its_exit_status_tells_whether_all_is_within_budget() -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "conversehost", "--rounds", "1", "--seconds", "0.2"]
    wanted = [
        "--figures",
        "bosh_message",
        "room_websocket_50",
        "bosh_login",
        "tcp_message",
        "tcp_login",
        "storm",
        "file",
        "prebind",
        "stop",
        "inside_start",
        "inside_stop",
        "reset",
    ]
    (ROOT / JSON).unlink(missing_ok=True)
    ran = subprocess.run([*command, *wanted], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (ROOT / JSON).exists(), ran.stderr
    outcome = json.loads((ROOT / JSON).read_text(encoding="utf-8"))
    assert set(outcome["values"]) == set(wanted[1:]), ran.stderr
    assert ran.returncode == (0 if all(each["met"] for each in outcome["budgets"]) else 1)


def test_a_figure_counts_as_met_only_when_all_its_budgets_were_judged() -> None:
    alone = {"bosh_message": {"conversehost": [90.0]}}
    (_, row) = report.rows(alone)
    assert row[-1] == "met in part"
    page = report.page(alone, {}, 3)
    assert "Every budget is met." not in page
    assert "- BOSH message: two requests: no comparison with ejabberd, so that budget isn't judged" in page
    assert "- SIGTERM to exit: it wasn't measured, so that budget isn't judged" in page


def test_what_more_users_and_recording_add_is_judged() -> None:
    judged = {each.figure.key: each.met for each in report.verdicts({key: {"conversehost": [120.0]} for key in OWN})}
    assert judged == dict.fromkeys(OWN, False)


def test_a_figure_without_a_budget_is_only_told() -> None:
    (_, row) = report.rows({"archiving": {"conversehost": [170.0]}})
    assert row[-2:] == ["", ""]
