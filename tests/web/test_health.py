"""Whether it lives, and whether it serves."""

from __future__ import annotations

import pytest


def test_it_lives(browser):
    answer = browser.get("/health")
    assert (answer.code, answer.text) == (200, "ok\n")


def test_it_serves(browser):
    answer = browser.get("/ready")
    assert (answer.code, answer.text) == (200, "ready\n")
    assert "retry-after" not in answer.fields


def test_it_stops(build):
    browser = build(is_ready=lambda: False)
    answer = browser.get("/ready")
    assert (answer.code, answer.text) == (503, "stopping\n")
    assert int(answer.fields["retry-after"]) > 0
    assert browser.get("/health").code == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_nobody_keeps_the_answer_and_head_works(browser, path):
    answer = browser.get(path, host="10.0.0.1:5280")  # a probe calls by address
    assert answer.code == 200
    assert answer.fields["content-type"] == "text/plain; charset=utf-8"
    assert answer.fields["cache-control"] == "no-store"
    assert browser.head(path).body == b""
    assert browser.head(path).fields["content-length"] == str(len(answer.body))
    assert browser.get(path, "POST").code == 405
