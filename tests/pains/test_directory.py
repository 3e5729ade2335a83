"""People in a directory: which of their names is the one for chat?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conversehost.client import RefusedError, prebind
from conversehost.testing import TestBed
from tests.pains.directory import BASE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def directory() -> Iterator[str]:
    """Its port."""
    command = [sys.executable, "-m", "tests.pains.directory"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            yield program.stdout.readline().strip()
        finally:
            program.kill()


@pytest.fixture(scope="module")
def running(directory: str) -> Iterator[TestBed]:
    """For two domains, of people whom one directory has."""
    with TestBed.start(
        *("--domain", "corp.example", "--domain", "partner.example", "--auth", "ldap", "--ldap-base", BASE),
        *("--ldap-server", f"ldap://127.0.0.1:{directory}", "--ldap-no-tls"),
        *("--ldap-uid", "sAMAccountName,mail=%u@%d,userPrincipalName=%u@%d"),
    ) as bed:
        yield bed


@pytest.mark.parametrize(
    "jid", ["anna@corp.example", "a.archer@corp.example", "anna.a@corp.example", "boris@partner.example"]
)
def test_somebody_logs_in_by_any_name_that_the_directory_has(bed: TestBed, jid: str):
    """uid, mail, or the UPN of Active Directory, whose domain needn't be the first one here."""
    assert prebind(bed.bosh, jid, password="secret").jid.startswith(f"{jid}/")
    with pytest.raises(RefusedError, match="not-authorized"):
        prebind(bed.bosh, jid, password="guess")


@pytest.mark.parametrize("jid", ["archer@corp.example", "*@corp.example", "a.archer@partner.example"])
def test_a_name_that_the_directory_does_not_have_is_nobodys(bed: TestBed, jid: str):
    """Half a name isn't one, nor is a pattern, nor another domain's."""
    with pytest.raises(RefusedError, match="not-authorized"):
        prebind(bed.bosh, jid, password="secret")
