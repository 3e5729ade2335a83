"""The options that let tokens take the place of passwords."""

from __future__ import annotations

from pathlib import Path

import attrs

from conversehost.kinds import FILE, KEYS_URL, SEED, TEXT, TOKEN_KEY, whole_number
from conversehost.options.option import option


@attrs.frozen(kw_only=True, slots=False)
class Tokens:
    """Whose tokens are taken, and what must be in them."""

    token_keys: tuple[tuple[str, str], ...] = option(
        (), TOKEN_KEY, "a key for signed tokens, and its name; repeatable, the first signs", name="token-key"
    )
    token_key_file: Path | None = option(None, FILE, "such keys, one KID:KEY a line, before those above")
    token_audience: str = option("xmpp", TEXT, "whom signed tokens must be for")
    token_lifetime: int = option(
        3_600, whole_number(1, 31_536_000, "SECONDS"), "the longest that a signed token may live"
    )
    token_secret: str = option("", TEXT, "take tokens as Prosody's mod_auth_token does: its token_secret")
    otp_seed: str = option("", SEED, "and its otp_seed")
    jwt_keys: tuple[Path, ...] = option(
        (), FILE, "take JWTs: a JWK set, a public key in PEM or a secret; repeatable", name="jwt-key"
    )
    jwt_keys_url: str = option("", KEYS_URL, "or a JWK set from there, fetched anew each hour")
    jwt_audience: str = option(
        "", TEXT, "whom JWTs must be for; without it, nobody in particular", needs="jwt_keys jwt_keys_url"
    )
    jwt_issuer: str = option(
        "", TEXT, "who must have made them; without it, whoever has the keys", needs="jwt_keys jwt_keys_url"
    )
    jwt_claim: str = option(
        "jid", TEXT, "the claim that names the account, or its address", needs="jwt_keys jwt_keys_url"
    )
