"""`conversehost play` as people call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conversehost.errors import ConfigError
from conversehost.play.command import HELP, main
from conversehost.testbed.dialogue import read

GOOD = """\
# All is well
[Client] Romeo
    jid: romeo@localhost/orchard
    password: secret
Romeo connects
"""
BAD = GOOD + "Romeo is disconnected\n"


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.txt").write_text(GOOD)
    return str(tmp_path / "good.txt")


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "bad.txt").write_text(BAD)
    return str(tmp_path / "bad.txt")


def test_one_that_goes_as_written(good, capsys):
    assert main([good]) == 0
    assert capsys.readouterr().out.startswith(f"ok      {good}  All is well  (")


def test_one_that_does_not(bad, capsys):
    assert main([bad]) == 1
    assert capsys.readouterr().out == f"failed  {bad}  All is well\n{bad}:6: Romeo isn't disconnected\n"


def test_a_folder_of_them(good, bad, tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["failed", f"{bad}:6:", "ok", "2"]
    assert lines[-1] == "2 dialogues, 1 failed"


def test_several_that_go_as_written(good, capsys):
    assert main([good, good]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 dialogues, none failed"


def test_with_a_running_server(good, testbed, capsys):
    assert main([good, "--tcp", testbed.c2s]) == 0
    assert main(["--bosh", testbed.bosh, "--patience", "20", good]) == 0
    assert main([good, "--websocket", testbed.websocket]) == 0
    assert capsys.readouterr().out.count("ok ") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "play wants a file with a dialogue, or a folder of them (see conversehost play --help)"),
        (["--loudly"], "option --loudly not recognized (see conversehost play --help)"),
        (["none.txt"], "none.txt: No such file or directory"),
        (["FOLDER"], "no *.txt in this folder"),
        (["GOOD", "--tcp", "localhost:1", "--patience", "long"], "--patience long: that is no number of seconds"),
        (["GOOD", "--tcp", "127.0.0.1:1"], "127.0.0.1:1: Connection refused"),
        (["GOOD", "--bosh", "http://127.0.0.1:1/http-bind"], "http://127.0.0.1:1/http-bind: Connection refused"),
        (["GOOD", "--websocket", "http://127.0.0.1/"], "http://127.0.0.1/ is not an address such as ws://localhost"),
    ],
)
def test_what_to_mend_is_told_in_a_line(arguments, message, good, tmp_path):
    (tmp_path / "empty").mkdir()
    names = {"GOOD": good, "FOLDER": str(tmp_path / "empty")}
    with pytest.raises(ConfigError) as refused:
        main([names.get(each, each) for each in arguments])
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_options_that_there_are_not(tmp_path):
    (tmp_path / "odd.txt").write_text("[Server]\n    colour: red\n" + GOOD)
    with pytest.raises(ConfigError, match=r"odd\.txt: .*--colour"):
        main([str(tmp_path / "odd.txt")])


def test_the_help_has_a_dialogue_that_can_be_played(capsys, tmp_path):
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == HELP
    text = "\n".join(line[2:] for line in HELP.partition("A dialogue\n")[2].splitlines())
    assert read(text).steps
    (tmp_path / "help.txt").write_text(text)
    assert main([str(tmp_path / "help.txt")]) == 0


def test_the_manual_begins_with_a_dialogue_that_can_be_played(tmp_path):
    manual = (Path(__file__).parents[2] / "docs" / "dialogues.md").read_text()
    lines = manual.partition("`conversehost play")[0].splitlines()
    (tmp_path / "manual.txt").write_text("\n".join(line[4:] for line in lines if line.startswith("    ")))
    assert main([str(tmp_path / "manual.txt")]) == 0


def test_the_command_itself(good, bad):
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "conversehost", "play", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stderr

    assert run(good) == (0, "")
    assert run(bad) == (1, "")
    assert run("none.txt") == (1, "conversehost: none.txt: No such file or directory\n")
