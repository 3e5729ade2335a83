"""Of a session that has ended no feature keeps anything."""

from __future__ import annotations

import gc

from conversehost.server.session import Session
from conversehost.xmpp import ns
from tests.stage import Stage


def sessions_of(name: str) -> list[str]:
    gc.collect()
    return [each.full for each in gc.get_objects() if isinstance(each, Session) and each.jid.local == name]


def test_nothing_refers_to_a_session_that_has_ended(stage: Stage):
    stage.befriend("juliet", "forgotten")
    juliet, client = stage.login("juliet", "balcony"), stage.login("forgotten", "here")
    assert sessions_of("forgotten") == [client.jid]
    client.ask("set", f"<enable xmlns='{ns.CARBONS}'/>")
    client.ask("get", f"<blocklist xmlns='{ns.BLOCKING}'/>")
    client.available(to=juliet.jid)
    client.say("juliet@localhost")
    juliet.say("forgotten@localhost")
    client.write(f"<inactive xmlns='{ns.CSI}'/>")
    client.write(f"<enable xmlns='{ns.SM}'/>")
    juliet.available()
    client.drop()
    del client
    assert sessions_of("forgotten") == []
