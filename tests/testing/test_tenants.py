"""Tenants and state, from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversehost.testing import AsyncTestBed, TestBed, TestBedError
from tests.aside import run
from tests.clients.bosh import BoshClient


def test_a_bed_of_ones_own(bed: TestBed):
    with bed.tenant() as mine, bed.tenant("other", empty=True) as other:
        assert (mine.domain, other.domain) == ("t1.localhost", "other.localhost")
        assert mine.page == bed.page.replace("localhost", "t1.localhost")
        assert mine.site == bed.site == bed.page
        client = BoshClient(mine.bosh, mine.domain)
        client.log_in("bob", "secret")
        client.send("<presence xmlns='jabber:client'/>")
        mine.message("alice", "bob", "hi")
        mine.wait_for("message[body='hi']", account="bob", direction="out")
        assert [each.account for each in mine.sessions()] == ["bob@t1.localhost"]
        assert bed.sessions() == [] == other.sessions()
        assert bed.traffic("message") == []
        assert other.add_user("zoe").jid == "zoe@other.localhost"
        with mine.fault("drop", kind="message") as fault:
            mine.message("alice", "bob", "lost")
            assert fault.strikes == 1
        with pytest.raises(TestBedError, match="the clock is everybody's"):
            mine.advance(1)
        mine.reset()
        assert mine.sessions() == []
    assert not bed.accounts.keys() & {"zoe@other.localhost"}
    with pytest.raises(TestBedError) as gone:
        mine.reset()
    assert gone.value.code == "not-found"


def test_a_copy_of_what_there_is(bed: TestBed):
    bed.add_user("zoe", "pw")
    copy = bed.tenant(fork=bed.domain)
    assert copy.accounts["zoe@t1.localhost"] == "pw"
    copy.close()


def test_a_whole_server_is_not_closed(bed: TestBed):
    with pytest.raises(TestBedError, match="no tenant"):
        bed.close()


def test_in_asyncio_too(bed: TestBed):
    async def main() -> None:
        async with AsyncTestBed.of(bed).tenant() as mine:
            assert "alice@t1.localhost" in await mine.accounts

    run(main())
    with pytest.raises(TestBedError):
        bed.call("GET", "tenants/t1")


def test_state_as_a_file(bed: TestBed, tmp_path: Path):
    bed.add_user("zoe", "pw")
    saved = bed.state()
    file = tmp_path / "saved.toml"
    file.write_text(saved)
    bed.load({"account": [{"name": "ann", "password": "x"}]})
    assert bed.accounts == {"ann@localhost": "x"}
    bed.load(file)
    assert bed.accounts["zoe@localhost"] == "pw"
    bed.load(saved)
    assert bed.state() == saved
