"""Debian's slapd, with people in it as in an Active Directory."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from .fronts import free_port, run
from .tools import program

BASE = "dc=corp,dc=example"
PEOPLE, PARTNERS, READER = f"cn=Users,{BASE}", f"ou=Partners,{BASE}", f"cn=reader,{BASE}"
GROUPS = f"ou=Groups,{BASE}"
CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL
    MAY ( sAMAccountName $ userPrincipalName ) )
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/own.pem
TLSCertificateKeyFile {folder}/own.pem
modulepath /usr/lib/ldap
moduleload back_mdb
security simple_bind={security}
database mdb
directory {folder}/data
suffix {base}
access to attrs=userPassword by anonymous auth
access to * by dn.exact="{reader}" read
"""


@dataclass(frozen=True)
class Person:
    """One: the name of an entry, and where. Everybody's password is the name and -secret."""

    cn: str
    where: str
    attributes: tuple[str, ...]

    @property
    def dn(self) -> str:
        return f"cn={self.cn},{self.where}"

    def ldif(self) -> str:
        lines = [f"dn: {self.dn}", "objectClass: user", f"sn: {self.cn}", *self.attributes]
        return "\n".join([*lines, f"userPassword: {self.cn.lower()}-secret", "", ""])


CAST = (
    Person("Anna", PEOPLE, ("sAMAccountName: anna", "userPrincipalName: anna@corp.example", "displayName: Anna A.")),
    Person("Boris", PEOPLE, ("sAMAccountName: BORIS", "mail: boris@corp.example")),
    Person("Clara", PARTNERS, ("sAMAccountName: x123", "mail: clara@corp.example", "displayName: Clara C.")),
    Person("Dirk", PARTNERS, ("uid: dirk", "mail: dirk@elsewhere.example")),
)


def ldif() -> str:
    """The whole tree."""
    tops = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp\n\n",
        f"dn: {PEOPLE}\nobjectClass: applicationProcess\ncn: Users\n\n",
        f"dn: {PARTNERS}\nobjectClass: organizationalUnit\nou: Partners\n\n",
        f"dn: {READER}\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: reader-secret\n\n",
    ]
    groups = [
        f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: Groups\n\n",
        f"dn: cn=Chat,{GROUPS}\nobjectClass: groupOfNames\ncn: Chat\n"
        + "".join(f"member: {each.dn}\n" for each in CAST if each.cn != "Dirk"),
    ]
    return "".join([*tops, *(each.ldif() for each in CAST), *groups])


@dataclass(frozen=True)
class Running:
    """Where it is, and whose certificates it has."""

    starttls: str
    ldaps: str
    ca: Path


@contextmanager
def slapd(folder: Path) -> Iterator[Running]:
    """It listens when it has gone to its work. Nobody logs in without TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "own.pem"))
    (folder / "data").mkdir()
    (folder / "slapd.conf").write_text(CONFIG.format(folder=folder, base=BASE, reader=READER, security=128))
    (folder / "people.ldif").write_text(ldif())
    run(program("slapadd", "slapd"), "-f", str(folder / "slapd.conf"), "-l", str(folder / "people.ldif"))
    plain, direct = free_port(), free_port()
    urls = f"ldap://localhost:{plain}/ ldaps://localhost:{direct}/"
    nothing = subprocess.DEVNULL
    command = [program("slapd", "slapd"), "-f", str(folder / "slapd.conf"), "-h", urls]
    subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, check=True)
    try:
        yield Running(f"ldap://localhost:{plain}", f"ldaps://localhost:{direct}", folder / "ca.pem")
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
