"""What people who put chat on a web site struggle with, one line each, and the tests that show it: here, or
with a browser in `tests/interop`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHROMIUM = "../interop/test_pains_in_chromium.py"

PAINS: Mapping[str, Mapping[str, str]] = {
    "after a reload the session looks attached, but presence and roster are dead": {
        "test_bosh_sessions.py": "test_a_page_that_was_reloaded_is_attached_and_alive",
        "../browser/test_demo_site.py": "test_a_reload_keeps_the_session",
    },
    "rid off by one: prebind must hand out the next one": {
        "test_bosh_sessions.py": "test_prebind_gives_the_rid_that_comes_next "
        "test_a_rid_that_is_off_ends_the_session_and_the_answer_says_why",
    },
    "sessions die quietly: wait, inactivity, a proxy's time-outs": {
        "test_bosh_sessions.py": "test_a_session_that_nobody_asks_for_dies_after_its_inactivity "
        "test_a_session_that_the_server_ends_says_why",
        "test_history.py": "test_sessions_die_when_a_test_wants_them_to",
    },
    "a request that is repeated, or was aborted, is taken for an error": {
        "test_bosh_sessions.py": "test_the_same_request_again_gets_the_same_answer",
    },
    "policy-violation after a few reloads": {
        "test_bosh_sessions.py": "test_a_client_that_asks_too_often_is_told_so",
    },
    "many tabs: one resource for all, sessions that can't be shared": {
        "test_bosh_sessions.py": "test_every_tab_has_a_session_and_a_resource_of_its_own "
        "test_a_forgotten_tab_makes_room_for_a_new_one",
        "../browser/test_demo_site.py": "test_a_second_tab_has_a_session_of_its_own",
    },
    "a tab was closed, and its ghost is online for a minute": {
        "test_bosh_sessions.py": "test_a_closed_tab_is_gone_at_once_where_the_page_says_so "
        "test_a_tab_that_crashed_is_a_ghost_for_as_long_as_its_inactivity",
    },
    "WebSocket: a login with each page; sessions of discarded tabs pile up": {
        "test_websocket.py": "test_a_page_that_was_reloaded_has_its_session_again "
        "test_tabs_that_were_discarded_do_not_pile_up_for_ever "
        "test_what_was_sent_to_a_tab_that_never_came_back_is_not_lost",
        "../browser/test_websocket.py": "test_a_reload_resumes_the_session",
    },
    "after a reconnection messages are missing or doubled, and rooms aren't entered again": {
        "test_history.py": "test_nothing_is_missing_or_doubled_over_a_bad_network "
        "test_what_was_said_while_the_page_was_away_is_there_when_it_is_back",
        "test_rooms.py": "test_a_page_is_in_its_rooms_again_after_its_session_died",
        "../interop/test_examples.py": "test_converse_comes_back_with_all_that_was_said",
    },
    "an idle WebSocket is cut by a proxy, or half open": {
        "test_websocket.py": "test_a_proxy_that_closes_what_is_idle_costs_nothing "
        "test_a_connection_that_is_half_open_looks_alive",
    },
    "CORS: preflights, the header twice, the origin null": {
        "test_web.py": "test_a_page_of_another_origin_may_use_bosh test_a_page_from_a_file_has_the_origin_null",
        "test_in_between.py": "test_it_is_the_proxy_that_says_it_twice",
        "../browser/test_cross_origin.py": "test_a_page_that_is_not_named_is_refused_and_the_log_says_what_to_do",
    },
    "recipes for reverse proxies: a slash, no Upgrade, buffers, Host": {
        "test_web.py": "test_the_final_slash_makes_no_difference test_a_proxy_that_breaks_shows_its_own_page",
        "../interop/test_proxies.py": "test_a_login_to_the_site_is_a_login_to_chat test_a_held_request_isnt_cut",
    },
    "PLAIN isn't offered behind a proxy that ends TLS": {
        "test_web.py": "test_a_password_login_works_without_tls_on_ones_own_machine",
    },
    "which JSON does credentials_url want?": {
        "test_logins.py": "test_what_credentials_url_wants",
    },
    "prebind libraries that fail over mechanisms": {
        "test_logins.py": "test_a_library_that_knows_one_mechanism",
    },
    "single sign-on without keeping the password": {
        "test_logins.py": "test_the_site_needs_no_password_to_have_somebody_logged_in_to_chat "
        "test_a_back_end_that_fails_is_no_wrong_password",
        "../interop/test_single_session.py": "test_chat_is_on_every_page_and_stays",
    },
    "directories: uid, mail or UPN, several domains": {
        "test_directory.py": "test_somebody_logs_in_by_any_name_that_the_directory_has "
        "test_a_name_that_the_directory_does_not_have_is_nobodys",
    },
    "guests: another JID with each page, the old nickname still in the room": {
        "test_web.py": "test_a_guest_gets_another_address_with_each_visit",
        "test_rooms.py": "test_ones_own_ghost_does_not_have_ones_nickname "
        "test_a_guests_ghost_has_the_nickname_until_it_is_gone",
    },
    "host-meta is missing, wrong, or overrides what the page was told": {
        "test_web.py": "test_clients_find_bosh_and_websocket_by_the_domain",
        "test_in_between.py": "test_a_page_that_was_told_where_the_chat_is_needs_no_host_meta "
        "test_the_first_of_two_ways_that_a_domain_names_is_broken",
        CHROMIUM: "test_a_page_that_knows_the_domain_alone_finds_its_chat "
        "test_what_a_domain_says_overrides_what_the_page_was_told",
    },
    "mixed content, certificates of one's own": {
        "test_logins.py": "test_a_certificate_of_ones_own_is_trusted_by_its_file",
        "test_in_between.py": "test_behind_a_proxy_that_ends_tls_a_domain_names_addresses_that_pages_may_use",
        CHROMIUM: "test_a_certificate_that_nobody_trusts_and_a_socket_without_one",
    },
    "getting any server up": {
        "test_start.py": "test_a_server_says_where_everything_is_and_who_is_there "
        "test_the_port_of_the_web_server_is_not_part_of_a_domain",
    },
    "generated pages: a CDN, options twice, module scripts since Converse.js 13": {
        "test_start.py": "test_a_generated_page_has_converse_as_its_version_wants_it",
        "../interop/test_converse_versions.py": "test_people_talk_in_a_room",
    },
    "a disposable server with known people, in CI": {
        "test_start.py": "test_a_disposable_server_for_one_command",
    },
    "tests that disturb one another, or need a machine, DNS and a certificate": {
        "test_history.py": "test_a_test_leaves_nothing_behind_for_the_next test_tests_run_in_parallel_on_one_server",
        "../interop/test_examples.py": "test_converse_comes_back_with_all_that_was_said",
    },
    "seeing XML, saying XML, and no passwords in what is shown to others": {
        "test_history.py": "test_any_stanza_can_be_said_and_all_that_is_said_can_be_seen",
        "test_web.py": "test_a_wrong_password_says_so_and_is_not_in_what_was_recorded",
    },
    "BOSH of other servers: a restart without features, an end without one, a pause that is too long": {
        "test_bosh_sessions.py": "test_a_stream_that_restarts_is_told_what_there_is_now "
        "test_the_end_that_a_page_asks_for_is_an_end test_a_pause_is_no_longer_than_was_agreed_on",
    },
    "a flood of requests after prebind": {
        "test_bosh_sessions.py": "test_requests_that_a_page_repeats_for_ever_are_seen",
        CHROMIUM: "test_a_page_whose_session_dies_asks_for_another_once",
    },
    "uploads: CORS, header fields of the slot that aren't sent, errors of a service that is full": {
        "test_web.py": "test_an_upload_without_the_headers_of_its_slot_is_refused_and_says_so "
        "test_what_a_page_makes_of_a_quota_can_be_tried test_what_a_page_makes_of_a_full_disk_can_be_tried",
    },
    "OMEMO at its start: precondition-not-met": {
        "test_history.py": "test_keys_are_published_only_where_the_node_is_as_it_must_be",
    },
    "history from the archive and from the room: twice, or with gaps": {
        "test_history.py": "test_the_archive_has_it_once_though_it_was_delivered_late",
        "test_rooms.py": "test_history_and_archive_say_the_same_of_a_message",
        "../interop/test_archive_in_chromium.py": "test_scrolling_back_shows_a_thousand_messages_once",
    },
    "the web server's name isn't the chat's domain": {
        "test_web.py": "test_the_name_of_the_web_server_is_not_the_domain_of_the_chat "
        "test_a_domain_that_is_not_served_is_named",
    },
}


def found_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


@pytest.mark.parametrize("pain", PAINS)
def test_a_pain_has_its_tests(pain: str):
    for file, names in PAINS[pain].items():
        assert set(names.split()) <= found_in(HERE / file)


def test_a_test_of_a_pain_is_named():
    named = {name for files in PAINS.values() for names in files.values() for name in names.split()}
    others = (each for each in HERE.glob("test_*.py") if each != Path(__file__))
    for path in (*others, HERE / CHROMIUM):
        assert found_in(path) <= named
