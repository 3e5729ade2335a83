"""A directory in memory, as a program of its own: people as an Active Directory has them. It prints its port, and
goes on.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from ldaptor.inmemory import fromLDIFFile
from ldaptor.interfaces import IConnectedLDAPEntry
from ldaptor.protocols.ldap.ldapserver import LDAPServer
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.python.components import registerAdapter

BASE = "dc=corp,dc=example"
PEOPLE = b"""\
dn: dc=corp,dc=example
objectClass: domain
dc: corp

dn: cn=Anna A.,dc=corp,dc=example
objectClass: user
cn: Anna A.
sAMAccountName: anna
userPrincipalName: anna.a@corp.example
mail: a.archer@corp.example
userPassword: secret

dn: cn=Boris,dc=corp,dc=example
objectClass: user
cn: Boris
sAMAccountName: boris
userPrincipalName: boris@partner.example
userPassword: secret

"""


class Directory(Factory):
    """Serves one tree."""

    protocol = LDAPServer

    def __init__(self, tree: Any) -> None:
        self.tree = tree


def serve(tree: Any) -> None:
    registerAdapter(lambda directory: directory.tree, Directory, IConnectedLDAPEntry)
    port = reactor.listenTCP(0, Directory(tree), interface="127.0.0.1")
    print(port.getHost().port, flush=True)


if __name__ == "__main__":
    fromLDIFFile(BytesIO(PEOPLE)).addCallback(serve)
    reactor.run()
