"""The options that make one login do for site and chat."""

from __future__ import annotations

from pathlib import Path

import attrs

from conversehost.kinds import ASK, FILE, FLAG, HEADER, SHARED_SECRET
from conversehost.options.option import option


@attrs.frozen(kw_only=True, slots=False)
class SingleSessions:
    """How the site says who is logged in."""

    prebind_trust_header: str = option(
        "", HEADER, "a --trusted-proxy says in this field who is logged in, such as X-Remote-User"
    )
    prebind_ask: str = option(
        "", ASK, "ask this page of your site whose the browser's cookies are: 200 and a name, or 401"
    )
    prebind_secret: str = option("", SHARED_SECRET, "your back end may POST /prebind for anybody, with this secret")
    prebind_secret_file: Path | None = option(None, FILE, "that secret, from a file")
    prebind_create: bool = option(
        False,
        FLAG,
        "make accounts for those who are named so and have none",
        needs="prebind_trust_header prebind_ask prebind_secret prebind_secret_file token_keys token_key_file"
        " token_secret jwt_keys jwt_keys_url",
    )
    prebind_anonymous: bool = option(False, FLAG, "prebind gives guests a session: whoever isn't logged in")
    external_cookie: bool = option(
        False,
        FLAG,
        "who is logged in to the site comes in by SASL EXTERNAL; pages elsewhere need --allow-origin then, with a name",
    )
    prebind_presence: bool = option(False, FLAG, "sessions made by prebind are present at once")
