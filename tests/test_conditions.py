"""By which conditions of RFC 6120 streams and logins end: what shows each, and that users are told when it comes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "stream-errors.md").read_text(encoding="utf-8")

STREAM_ERRORS = {
    "bad-format": "xmpp/test_stream_parser.py::test_text_between_stanzas_has_no_place",
    "bad-namespace-prefix": "net/test_tcp.py::test_headers_that_cannot_be",
    "conflict": "server/test_binding.py::test_a_resource_in_use_goes_to_the_newcomer",
    "connection-timeout": "net/test_tcp.py::test_a_client_that_says_nothing_for_too_long",
    "host-gone": "server/test_sasl.py::test_a_domain_that_was_served",
    "host-unknown": "server/test_sasl.py::test_a_domain_that_is_not_served",
    "improper-addressing": "server/test_sasl.py::test_no_domain_at_all",
    "internal-server-error": "net/test_tcp.py::test_a_server_that_fails",
    "invalid-from": "server/test_routing.py::test_who_claims_to_be_somebody_else_is_thrown_out",
    "invalid-namespace": "net/test_tcp.py::test_headers_that_cannot_be",
    "invalid-xml": "features/test_stream_management.py::test_a_count_must_be_one",
    "not-authorized": "server/test_routing.py::test_an_account_that_is_deleted",
    "not-well-formed": "net/test_tcp.py::test_what_a_stream_may_not_carry",
    "policy-violation": "net/test_tcp.py::test_what_a_stream_may_not_carry",
    "remote-connection-failed": "net/test_upstream.py::test_a_server_that_cannot_be_reached",
    "reset": "features/test_register.py::test_a_new_password_ends_the_other_sessions",
    "resource-constraint": "server/test_entrance.py::test_only_so_many_may_be_at_it",
    "restricted-xml": "net/test_tcp.py::test_what_a_stream_may_not_carry",
    "see-other-host": "net/test_tcp.py::test_clients_can_be_sent_elsewhere",
    "system-shutdown": "net/test_tcp.py::test_everybody_hears_of_the_end",
    "undefined-condition": (
        "features/test_stream_management.py::test_who_acknowledges_more_than_was_sent_is_told_how_much_that_was"
    ),
    "unsupported-encoding": "net/test_tcp.py::test_headers_that_cannot_be",
    "unsupported-feature": "net/test_federation.py::test_a_server_that_demands_what_we_cant_do_is_told_so",
    "unsupported-stanza-type": "server/test_routing.py::test_stanzas_of_another_vocabulary_end_the_stream",
    "unsupported-version": "net/test_tcp.py::test_headers_that_cannot_be",
}
"""All of section 4.9.3, by the test that sees it on the wire."""

FAILURES = {
    "aborted": "server/test_sasl.py::test_a_login_that_is_given_up",
    "account-disabled": "server/test_sasl.py::test_who_knows_the_password_hears_that_the_account_is_disabled",
    "credentials-expired": "features/test_sasl2.py::test_a_token_that_is_too_old",
    "encryption-required": "server/test_mechanisms.py::test_passwords_dont_cross_a_network_in_the_clear",
    "incorrect-encoding": "server/test_sasl.py::test_what_is_not_base_64",
    "invalid-authzid": "server/test_sasl.py::test_to_act_as_somebody_else_is_not",
    "invalid-mechanism": "server/test_sasl.py::test_a_mechanism_that_is_not_offered",
    "malformed-request": "server/test_sasl.py::test_a_message_that_makes_no_sense",
    "mechanism-too-weak": "server/test_mechanisms.py::test_what_is_weaker_than_all_that_the_operator_permits",
    "not-authorized": "server/test_sasl.py::test_every_other_attempt_gets_the_same_answer",
    "temporary-auth-failure": "server/test_slow_login.py::test_a_refusal_that_comes_later",
}
"""All of section 6.5."""


def source(test: str) -> str:
    """Of that test, with its decorators."""
    path, _, name = test.partition("::")
    found = re.search(
        rf"^(@pytest[^\n]*\n(?:(?!def |class )[^\n]*\n)*)?def {name}\(.*?(?=^\S|\Z)",
        (TESTS / path).read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert found, f"there is no {test}"
    return found[0]


@pytest.mark.parametrize(("condition", "test"), [*STREAM_ERRORS.items(), *FAILURES.items()])
def test_something_shows_it(condition: str, test: str):
    assert re.search(rf"[\"'<]{condition}[\"' />]", source(test)), f"{test} doesn't look for {condition}"


@pytest.mark.parametrize(
    ("section", "conditions"),
    [("## Stream errors (section 4.9.3)", STREAM_ERRORS), ("## Failures of a login (section 6.5)", FAILURES)],
)
def test_users_are_told_when(section: str, conditions: dict[str, str]):
    _, _, rest = PAGE.partition(section)
    told = re.findall(r"^\| `([a-z-]+)` \|", rest.partition("\n## ")[0], re.MULTILINE)
    assert told == sorted(conditions)
