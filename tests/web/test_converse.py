"""Where Converse.js is found, and what is known of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conversehost.errors import ConfigError
from conversehost.web import converse
from conversehost.web.converse import ConverseDist, find


def install(package: Path, version: str | None) -> Path:
    """A built Converse.js in a package folder; gives its dist folder."""
    dist = package / "dist"
    dist.mkdir(parents=True)
    (dist / "converse.min.js").touch()
    if version is not None:
        (package / "package.json").write_text(json.dumps({"version": version}))
    return dist


def test_a_package_folder_or_its_dist_may_be_given(tmp_path):
    dist = install(tmp_path / "package", "12.0.0")
    assert find(dist) == find(dist.parent) == ConverseDist(dist, "12.0.0")


@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_a_wrong_folder_is_one_clear_line(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as refused:
        find(tmp_path / name)
    assert str(refused.value).startswith(f"--converse {tmp_path / name}: ")
    assert "converse.min.js" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", ["node_modules/converse.js", "fixtures/converse/node_modules/converse.js"])
def test_what_npm_installed_nearby_is_found(tmp_path, monkeypatch, place):
    dist = install(tmp_path / place, "14.0.0")
    monkeypatch.chdir(tmp_path)
    assert find(None) == ConverseDist(dist, "14.0.0")


def test_what_is_beside_the_package_is_found_from_anywhere(tmp_path, monkeypatch):
    package, elsewhere = tmp_path / "lib" / "conversehost", tmp_path / "elsewhere"
    elsewhere.mkdir()
    dist = install(package / "fixtures/converse/node_modules/converse.js", "14.0.0")
    monkeypatch.setattr(converse.conversehost, "__file__", str(package / "__init__.py"))
    monkeypatch.chdir(elsewhere)
    assert find(None) == ConverseDist(dist, "14.0.0")
    nearer = install(elsewhere / "node_modules/converse.js", "12.0.0")
    assert find(None) == ConverseDist(nearer, "12.0.0")


def test_there_may_be_none(tmp_path, monkeypatch):
    monkeypatch.setattr(converse.conversehost, "__file__", str(tmp_path / "lib" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    assert find(None) is None


@pytest.mark.parametrize(
    ("version", "module"),
    [("6.0.1", False), ("7.0.6", False), ("10.1.2", False), ("12.0.0", False), ("13.0.0", True), ("14.0.0", True)],
)
def test_which_are_modules(version, module):
    assert ConverseDist(Path(), version).module is module


@pytest.mark.parametrize("package_json", [None, "not json", "[]", "{}", '{"version": null}'])
@pytest.mark.parametrize(
    ("file", "module", "assets_path"),
    [("libomemo.esm.min.js", True, "/dist"), ("emoji.json", False, "/dist"), ("emojis.js", False, "/dist/")],
)
def test_without_a_version_its_looks_decide(tmp_path, package_json, file, module, assets_path):
    dist = install(tmp_path / "package", None)
    if package_json is not None:
        (tmp_path / "package" / "package.json").write_text(package_json)
    (dist / file).touch()
    found = find(dist)
    assert (found.module, found.assets_path) == (module, assets_path)
