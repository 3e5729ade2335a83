"""XEP-0082."""

from __future__ import annotations

import pytest

from conversehost.xmpp.times import read, stamp


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-07-21T02:56:15Z", -14_159_025),
        ("1969-07-20T21:56:15-05:00", -14_159_025),
        ("2023-11-14T22:13:20.125Z", 1_700_000_000.125),
        ("2023-11-15T00:43:20.5+02:30", 1_700_000_000.5),
        (" 2023-11-14T22:13:20Z\n", 1_700_000_000),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("0001-01-01T00:00:00+23:00", -62_135_679_600),
    ],
)
def test_moments(text: str, at: float):
    assert read(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-11-14",
        "20231114T22:13:20",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20Z",
        "2023-13-14T22:13:20Z",
        "2023-11-14T24:13:20Z",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20.Z",
        "0000-01-01T00:00:00Z",
        "٢٠٢٣-11-14T22:13:20Z",
    ],
)
def test_what_is_no_moment(text: str):
    with pytest.raises(ValueError, match=r"moment|must be in|out of range"):
        read(text)


@pytest.mark.parametrize("milliseconds", [0, 1, 123, 999, 1_700_000_000_123])
def test_what_is_stamped_reads_the_same(milliseconds: int):
    assert read(stamp(milliseconds / 1_000)) == milliseconds / 1_000
