"""The options that say how much, how many and how long."""

from __future__ import annotations

import attrs

from conversehost.kinds import ENDPOINT, FLAG, one_of, whole_number
from conversehost.options.option import option, seconds


@attrs.frozen(kw_only=True, slots=False)
class Limits:
    """Times are whole seconds; whoever exceeds a limit is told."""

    bosh_wait: int = seconds(120, 1, 3600, "the longest that a request is held")
    bosh_hold: int = option(10, whole_number(1, 100, "N"), "the most requests held for a session")
    bosh_inactivity: int = seconds(60, 1, 86_400, "the longest that a session lives without a request")
    bosh_polling: int = seconds(5, 1, 600, "the shortest time between requests of a client that polls")
    bosh_maxpause: int = seconds(120, 1, 86_400, "the longest pause that a client may ask for")
    bosh_streams: int = option(
        8, whole_number(1, 100, "N"), "the most streams in a BOSH session; 1 hides that there can be several"
    )
    bosh_script: bool = option(False, FLAG, "take BOSH in GET requests too, for pages of old (XEP-0252, JSONP)")
    no_bosh_reason: bool = option(False, FLAG, "leave out X-BOSH-Reason, in which BOSH errors say why")
    websocket_ping_interval: int = seconds(60, 1, 86_400, "a silent WebSocket client is pinged after this")
    websocket_timeout: int = seconds(300, 1, 86_400, "and given up after this")
    websocket_queue: int = option(
        1_048_576, whole_number(10_000, 1 << 30, "BYTES"), "what may wait for a WebSocket client that is slow"
    )
    websocket_deflate: bool = option(False, FLAG, "compress WebSocket messages, where the client offers it")
    resource_conflict: str = option(
        "replace",
        one_of("replace", "refuse", "new"),
        "when a client wants a resource that another has: that one goes, it is refused, or gets a new one",
    )
    resume_time: int = option(
        300, whole_number(0, 86_400, "SECONDS"), "how long a session waits for a client whose connection broke"
    )
    resume_location: str = option(
        "", ENDPOINT, "and where it should come back to, if not to the same address (XEP-0198)"
    )
    login_timeout: int = seconds(120, 1, 86_400, "how long a client may take to log in")
    login_room: int = option(
        2_000, whole_number(1, 1_000_000, "N"), "the most clients at that, a tenth of them from one address"
    )
    login_failures: int = option(
        30,
        whole_number(1, 1_000_000, "N"),
        "failed logins a minute from one address; from this machine 100 times as many",
    )
    c2s_keep_alive: int = seconds(60, 1, 86_400, "a silent TCP client is sent a space after this")
    c2s_timeout: int = seconds(86_400, 1, 1_000_000, "and one that says nothing must go after this")
    connections: int = option(
        10_000, whole_number(1, 1_000_000, "N"), "the most connections in all; open files may allow fewer"
    )
    connections_per_address: int = option(
        1_000, whole_number(1, 1_000_000, "N"), "and from one address; this machine's own are exempt"
    )
    archive_limit: int = option(
        100_000, whole_number(1, 10_000_000, "N"), "messages kept in an account's archive; the oldest go first"
    )
    archive_default: str = option(
        "always",
        one_of("always", "roster", "never"),
        "whose messages are archived, unless an account says otherwise (XEP-0441)",
    )
    stanza_limit: int = option(262_144, whole_number(10_000, 1 << 26, "BYTES"), "the largest stanza that is taken")
    upload_limit: int = option(10_000_000, whole_number(1, 1 << 40, "BYTES"), "the largest file that is taken")
    upload_quota: int = option(100_000_000, whole_number(1, 1 << 50, "BYTES"), "all files of an account")
    upload_space: int = option(1_000_000_000, whole_number(1, 1 << 50, "BYTES"), "all files there are")
    upload_time: int = seconds(86_400, 1, 1_000_000_000, "how long a file is kept")
