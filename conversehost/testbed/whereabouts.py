"""Whether those are logged in whom a test waits for: most of what never comes had nobody to go to."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from conversehost.options import did_you_mean
from conversehost.server.host import Host
from conversehost.testbed.traffic import Filter
from conversehost.testbed.world import World
from conversehost.xmpp.jid import JID, JIDError, parse

SHOWN = 3
"""Names in a sentence, at most."""


def absences(world: World, wanted: Filter) -> Iterator[str]:
    """A sentence for each address of the filter at which nobody can hear anything, with who is near.

    Nothing of one in `to` where only what clients say is wanted, nor of addresses that aren't accounts of this server.
    """
    for text in dict.fromkeys((wanted.account, wanted.session, "" if wanted.direction == "in" else wanted.to)):
        try:
            jid = parse(text)
        except JIDError:
            continue
        host = world.hosts.get(jid.domain)
        sentence = _absence(world, host, jid) if host is not None and jid.local else ""
        if sentence:
            yield sentence


def _absence(world: World, host: Host, jid: JID) -> str:
    """ "" for one that is there."""
    sessions = host.sessions(jid.local)
    if not sessions:
        return _nobody(world, host, jid)
    if jid.resource:
        there = [each.jid.full for each in sessions]
        return "" if jid.full in there else f"{jid} isn't logged in, but {_listed(there)}"
    if all(each.presence is None or each.priority < 0 for each in sessions):
        return f"{jid} is logged in, but not available: messages to the account wait until a client sends presence"
    return ""


def _nobody(world: World, host: Host, jid: JID) -> str:
    if not host.accounts.exists(jid):
        names = [each.local for each, _ in host.accounts.of(host.domain)]
        return f"there is no account {jid.bare}" + did_you_mean(jid.local, names)
    online = {each.jid.local: each.jid.bare for each in host.all_sessions() if not world.is_bot(each.jid.to_bare())}
    near = difflib.get_close_matches(jid.local, online, n=len(online) or 1, cutoff=0)
    others = _listed([online[local] for local in near]) if near else "nobody is but bots"
    return f"{jid.bare} isn't logged in; {others}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more + (" is" if len(names) == 1 else " are")
