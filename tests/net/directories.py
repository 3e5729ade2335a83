"""A directory in memory, by ldaptor."""

from __future__ import annotations

from typing import Any

from ldaptor.inmemory import ReadOnlyInMemoryLDAPEntry
from ldaptor.interfaces import IConnectedLDAPEntry
from ldaptor.protocols.ldap.ldapserver import LDAPServer
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.python.components import registerAdapter
from twisted.test.iosim import FakeTransport, connect

from conversehost.net.ldap_logins import Client

PEOPLE = {
    "romeo": {"cn": "Romeo Montague", "mail": "romeo@chat.example"},
    "juliet": {"cn": "Juliet Capulet", "mail": "jc@chat.example"},
    "a*(b)": {"cn": "Odd", "mail": "odd@chat.example"},
    "a,ou=x": {"cn": "Comma", "mail": "comma@chat.example"},
}


class Tree(Factory):
    """What servers look into."""

    protocol = LDAPServer

    def __init__(self) -> None:
        self.root = ReadOnlyInMemoryLDAPEntry("dc=example", {"objectClass": ["dcObject"]})
        self.people = self.add(self.root, "ou=people", {"objectClass": ["organizationalUnit"]})
        self.others = self.add(self.root, "ou=others", {"objectClass": ["organizationalUnit"]})
        self.add(self.root, "cn=reader", {"objectClass": ["person"], "userPassword": ["hunter2"]})
        for name, more in PEOPLE.items():
            escaped = name.replace(",", r"\,").replace("=", r"\=")
            self.person(self.people, escaped, {"uid": [name], **{key: [value] for key, value in more.items()}})

    def person(self, where: Any, name: str, attributes: dict[str, list[str]]) -> Any:
        """One more; everybody's password is "secret"."""
        return self.add(where, f"uid={name}", {"objectClass": ["person"], "userPassword": ["secret"], **attributes})

    def add(self, where: Any, name: str, attributes: dict[str, list[str]]) -> Any:
        return where.addChild(name, attributes)


registerAdapter(lambda tree: tree.root, Tree, IConnectedLDAPEntry)


class Line:
    """The way there: `connect` makes one more connection, and `pump` has bytes go both ways until there are none."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.pumps: list[Any] = []
        self.clients: list[Client] = []

    def connect(self) -> Deferred[Client]:
        server, client = self._tree.buildProtocol(None), Client()
        ends = FakeTransport(server, isServer=True), FakeTransport(client, isServer=False)
        self.pumps.append(connect(server, ends[0], client, ends[1]))
        self.clients.append(client)
        return succeed(client)

    def pump(self) -> None:
        for each in self.pumps:
            each.flush()
