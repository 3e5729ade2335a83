"""`--auth ldap` with Debian's slapd, over StartTLS and ldaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_twisted
import trustme
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from conversehost.auth import Attempt
from conversehost.auth.guarded import Answer, Trouble
from conversehost.auth.ldap import Directory
from conversehost.client import RefusedError, prebind
from conversehost.net.clock import ReactorClock
from conversehost.net.ldap_logins import LdapSource, connecting
from conversehost.options.naming import read_namings
from conversehost.testing import TestBed
from conversehost.turn import Turn
from conversehost.xmpp.jid import parse

from .slapd import BASE, GROUPS, PARTNERS, PEOPLE, READER, Running, slapd

SEARCHING = ("--ldap-base", PEOPLE, "--ldap-base", PARTNERS, "--ldap-rootdn", READER)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture(scope="module")
def bed(directory: Running) -> Iterator[TestBed]:
    """Over StartTLS, with a search, and with groups."""
    with TestBed.start(
        *("--domain", "corp.example", "--auth", "ldap", "--auth-ca", str(directory.ca)),
        *("--ldap-server", directory.starttls, *SEARCHING, "--ldap-password", "reader-secret"),
        *("--ldap-base", GROUPS, "--ldap-groups", "(objectClass=groupOfNames)"),
        *("--ldap-uid", "uid,mail=%u@%d,userPrincipalName=%u@%d,sAMAccountName"),
    ) as bed:
        yield bed


@pytest.fixture(scope="module")
def direct(directory: Running) -> Iterator[TestBed]:
    """Over ldaps, and without a search."""
    with TestBed.start(
        *("--domain", "corp.example", "--auth", "ldap", "--auth-ca", str(directory.ca)),
        *("--ldap-server", directory.ldaps, "--ldap-user-dn", f"cn=%u,{PEOPLE}"),
    ) as bed:
        yield bed


def log_in(bed: TestBed, name: str, password: str) -> str:
    """The condition of the refusal, or whose session it is."""
    try:
        return prebind(bed.bosh, f"{name}@corp.example", password=password).jid.partition("/")[0]
    except RefusedError as refusal:
        return refusal.condition


@pytest.mark.parametrize(
    ("name", "password"),
    [("anna", "anna-secret"), ("boris", "boris-secret"), ("clara", "clara-secret"), ("dirk", "dirk-secret")],
)
def test_people_by_any_of_their_names(bed: TestBed, name: str, password: str):
    assert log_in(bed, name, password) == f"{name}@corp.example"
    assert log_in(bed, name, "guess") == "not-authorized"


def test_people_without_a_search(direct: TestBed):
    assert log_in(direct, "anna", "anna-secret") == "anna@corp.example"
    assert log_in(direct, "anna", "guess") == "not-authorized"
    assert log_in(direct, "clara", "clara-secret") == "not-authorized"


@pytest.mark.parametrize(
    "name", ["*", "a*", "anna)(uid=*", "*)(|(cn=*", r"an\6ea", "anna,cn=x", "+", "anna)(userPassword=*", "#"]
)
def test_names_that_try_something(bed: TestBed, direct: TestBed, name: str):
    for each in (bed, direct):
        assert log_in(each, name, "anna-secret") == "not-authorized"


@pytest.mark.parametrize("password", ["*", "anna-secret*", ")(cn=*", r"\61nna-secret"])
def test_passwords_that_try_something(bed: TestBed, direct: TestBed, password: str):
    for each in (bed, direct):
        assert log_in(each, "anna", password) == "not-authorized"


def test_groups_are_in_the_rosters_of_their_members(bed: TestBed):
    log_in(bed, "anna", "anna-secret")
    log_in(bed, "boris", "boris-secret")
    rosters = {
        name: {
            (each.jid, each.name, each.groups, each.subscription)
            for each in bed.roster(f"{name}@corp.example")
            if each.groups == ("Chat",)
        }
        for name in ("anna", "boris")
    }
    anna, boris, clara = (
        (f"{name}@corp.example", called, ("Chat",), "both")
        for name, called in (("anna", "Anna A."), ("boris", "Boris"), ("clara", "Clara C."))
    )
    assert rosters == {"anna": {boris, clara}, "boris": {anna, clara}}


@dataclass
class Asked:
    """What came of it, in this process."""

    answer: Answer

    @property
    def trouble(self) -> str:
        assert isinstance(self.answer, Trouble)
        return self.answer.reason


def ask(url: str, ca: Path, directory: Directory, *, tls: bool = True) -> Deferred[Asked]:
    clock = ReactorClock(reactor, Turn())
    answer: Deferred[Answer] = Deferred()
    source = LdapSource(directory, connecting(url, reactor, ca=ca, tls=tls), clock=clock)
    source.check(Attempt(parse("anna@corp.example"), "anna-secret"), answer.callback)
    return answer.addTimeout(20, reactor).addCallback(Asked)


FOUND = Directory((PEOPLE,), namings=read_namings("userPrincipalName=%u@%d"), root=(READER, "reader-secret"))


@pytest_twisted.ensureDeferred
async def test_mistakes_that_the_log_tells(directory: Running):
    assert (await ask(directory.ldaps, directory.ca, FOUND)).answer is True
    wrong = replace(FOUND, root=(READER, "wrong"))
    assert (await ask(directory.ldaps, directory.ca, wrong)).trouble == (
        "the directory doesn't let --ldap-rootdn in (its result is 49)"
    )
    nowhere = replace(FOUND, bases=(f"ou=nowhere,{BASE}",))
    assert (await ask(directory.ldaps, directory.ca, nowhere)).trouble.startswith("there is no ou=nowhere,")
    unseen = replace(FOUND, root=None)
    assert (await ask(directory.ldaps, directory.ca, unseen)).trouble.startswith(f"there is no {PEOPLE}")
    assert (await ask(directory.starttls, directory.ca, FOUND, tls=False)).trouble == (
        "the directory doesn't let --ldap-rootdn in (its result is 13)"
    )


@pytest.mark.parametrize("way", ["starttls", "ldaps"])
@pytest.mark.parametrize("mistake", ["authority", "name"])
@pytest_twisted.ensureDeferred
async def test_a_certificate_that_is_none_of_its(directory: Running, tmp_path: Path, way: str, mistake: str):
    """No password goes there."""
    url, ca = getattr(directory, way), directory.ca
    if mistake == "name":
        url = url.replace("localhost", "127.0.0.1")
    else:
        ca = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(ca))
    assert (await ask(url, ca, FOUND)).trouble.startswith("its certificate isn't one for that name")
