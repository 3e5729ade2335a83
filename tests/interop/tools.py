"""Programs that the tests drive and the package doesn't bring."""

from __future__ import annotations

import os
import shutil
import sysconfig

import pytest

_PATH = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def program(name: str, package: str) -> str:
    """Its path. Where it is missing the test fails, with one line that says what to install."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install {package} (make interop does)", pytrace=False)
    return found
