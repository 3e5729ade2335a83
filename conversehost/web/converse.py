"""Where Converse.js is, and of which version: its pages differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import conversehost
from conversehost.errors import ConfigError

FIRST_MODULE = 13
"""From this major version on it is an ES module (`<script type="module">`)."""

FIRST_JOINED = 12
"""From this major version on it puts a slash between `assets_path` and a file's name; before, it doesn't."""


@dataclass(frozen=True, slots=True)
class ConverseDist:
    """A built Converse.js: the folder with `converse.min.js`."""

    path: Path
    version: str

    @property
    def module(self) -> bool:
        """Whether its script is an ES module."""
        return self._major >= FIRST_MODULE

    @property
    def assets_path(self) -> str:
        """Its setting of that name, when its files are served at /dist/."""
        return "/dist" if self._major >= FIRST_JOINED else "/dist/"

    @property
    def _major(self) -> int:
        major = self.version.partition(".")[0]
        return int(major) if major.isdecimal() else FIRST_MODULE


def find(given: Path | None) -> ConverseDist | None:
    """What the operator gave, or else what npm installed nearby; None when there is none.

    Raises ConfigError when what was given is no Converse.js.
    """
    if given is not None:
        found = _at(given) or _at(given / "dist")
        if found is None:
            raise ConfigError(f"--converse {given}: there is no converse.min.js in it, nor in {given / 'dist'}")
        return found
    return next((found for folder in _nearby() if (found := _at(folder))), None)


def _nearby() -> Iterator[Path]:
    package = Path(conversehost.__file__).parent
    for folder in (Path.cwd(), Path.cwd() / "fixtures" / "converse", package / "fixtures" / "converse"):
        yield folder / "node_modules" / "converse.js" / "dist"


def _at(folder: Path) -> ConverseDist | None:
    if not (folder / "converse.min.js").is_file():
        return None
    return ConverseDist(folder.resolve(), _version(folder))


def _version(folder: Path) -> str:
    """From the package around it; else by its looks."""
    try:
        version = json.loads((folder.parent / "package.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, LookupError, TypeError):
        version = None
    if isinstance(version, str):
        return version
    looks = {"14": "libomemo.esm.min.js", "12": "emoji.json"}  # by a file that older ones don't have
    return next((version for version, name in looks.items() if (folder / name).exists()), "10")
