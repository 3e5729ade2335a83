"""The options that say how it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from conversehost.kinds import FEATURE, FILE, FLAG, FOLDER, NEW_FILE, PATH, SERVER, SERVICE, one_of, whole_number
from conversehost.options.option import option

if TYPE_CHECKING:
    from conversehost.xmpp.services import ExternalService


@attrs.frozen(kw_only=True, slots=False)
class Running:
    """What belongs to the process, and to what is around it."""

    external_services: tuple[ExternalService, ...] = option(
        (),
        SERVICE,
        "a STUN or TURN server that clients are told of, such as stun:HOST or turn:HOST:3478?secret=SECRET; repeatable",
        name="external-service",
    )
    disabled: tuple[str, ...] = option(
        (),
        FEATURE,
        "leave out a part of the server, such as vcard; repeatable; a wrong name has all of them listed",
        name="disable",
    )
    upload_url: str = option(
        "", SERVER, "how clients reach this server by HTTP, for the URLs of files, where that can't be seen"
    )
    converse: Path | None = option(None, FOLDER, "a Converse.js of your own: its package or its dist folder")
    site: Path | None = option(
        None, FOLDER, "a site of your own: this folder's files at /, beside login, prebind and BOSH"
    )
    proxy: str = option(
        "", SERVER, "pass all but chat on to the site at this URL, such as http://localhost:8000; not with --site"
    )
    log_level: str = option("info", one_of("debug", "info", "warn", "error"), "what is worth a line in the log")
    see_other: str = option("", SERVER, "send BOSH and WebSocket clients to the server at another URL instead")
    state_dir: Path | None = option(
        None,
        PATH,
        "where authority and tokens are kept; without it $XDG_STATE_HOME/conversehost or ~/.local/state/conversehost",
    )
    api_token_file: Path | None = option(
        None,
        FILE,
        "the control API's token for other machines is in this file; without it a new one in the state folder",
    )
    no_traffic: bool = option(
        False, FLAG, "don't keep what clients and the server say, which tests may ask for: a little faster"
    )
    json: bool = option(False, FLAG, "print one line of JSON when ready, and nothing else; log to standard error")
    ready_file: Path | None = option(None, NEW_FILE, "write that line to a file, which is removed at the end")
    save_on_exit: Path | None = option(None, NEW_FILE, "write all data to a file when it stops, which --scenario reads")
    drain: int = option(
        0,
        whole_number(0, 86_400, "SECONDS"),
        "on SIGTERM take no new sessions, and stop when the last one has gone, or after this",
    )
    exit_with_stdin: bool = option(False, FLAG, "stop when standard input closes, as when a parent process ends")
