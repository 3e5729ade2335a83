"""However it is installed, twistd finds it from another directory, and the package carries its data.

Each environment is fresh and gets nothing but conversehost; what that depends on is lent by the tests' own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LENT = sysconfig.get_path("purelib")
TWISTD = Path(sysconfig.get_path("scripts")) / "twistd"
DATA = '''
from importlib.resources import files
import conversehost
package = files("conversehost")
NAMES = """py.typed fixtures/scenarios/demo.toml fixtures/converse/package-lock.json fixtures/proxies/nginx.conf
    fixtures/systemd/conversehost@.service web/pages web/recipes/Caddyfile"""
for name in NAMES.split():
    assert (package / name).is_file() or list((package / name).iterdir()), name
print(conversehost.__file__)
'''


def run(*command: str | Path) -> str:
    """Standard output; from /, with nothing of this checkout on the path."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: str | Path) -> None:
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As somebody would have cloned it: an installation leaves its traces there, and finds none of others."""
    copy = tmp_path_factory.mktemp("checkout") / "conversehost"
    traces = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "node_modules", "__pycache__", "dropin.cache")
    return Path(shutil.copytree(ROOT, copy, symlinks=True, ignore=traces))


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, checkout)
    return next(folder.glob("conversehost-*.whl"))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The interpreter of a fresh environment, which knows neither conversehost nor a plugin of it."""
    home = tmp_path / "env"
    venv.create(home, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    # A plain path: what the tests' own environment has installed as editable doesn't come along.
    (site / "lent.pth").write_text(LENT + "\n")
    return home / "bin" / "python"


@pytest.mark.parametrize("how", ["folder", "editable", "wheel"])
def test_twistd_knows_it_from_another_directory(python, checkout, wheel, how):
    what = {"folder": [checkout], "editable": ["--editable", checkout], "wheel": [wheel]}[how]
    pip("--python", python, "install", "--no-deps", "--ignore-installed", *what)
    assert "Usage: twistd conversehost [options]" in run(python, TWISTD, "conversehost", "--help")
    assert "Usage: conversehost [options]" in run(python.with_name("conversehost"), "--help")
    home = checkout if how == "editable" else python.parents[1]
    assert Path(run(python, "-c", DATA).strip()).is_relative_to(home)


def test_nothing_is_there_before_it_is_installed(python):
    with pytest.raises(AssertionError, match=re.escape("No module named 'conversehost'")):
        run(python, "-c", "import conversehost")


def test_the_wheel_holds_what_it_should_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "twisted/plugins/conversehost_plugin.py" in names
    assert "twisted/__init__.py" not in names
    assert "twisted/plugins/__init__.py" not in names
    assert not [name for name in names if "node_modules" in name or "tests" in name or name.endswith(".pyc")]
    assert {name.partition("/")[0] for name in names} - {"twisted", "conversehost"} == {
        f"conversehost-{wheel.name.split('-')[1]}.dist-info"
    }
