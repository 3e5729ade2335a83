"""slixmpp's XEP-0045, a client that nobody here wrote: every role's use cases."""

from __future__ import annotations

import asyncio

import pytest
from slixmpp.exceptions import IqError

from .test_slixmpp import SOON, Client, run

ROOM = "garden@conference.localhost"


class Guest(Client):
    """Knows rooms."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}@localhost", "secret")
        self.register_plugin("xep_0045")
        self.muc = self.plugin["xep_0045"]
        self.said: asyncio.Queue = asyncio.Queue()
        self.left: asyncio.Queue = asyncio.Queue()
        self.add_event_handler("groupchat_message", lambda message: self.said.put_nowait(message["body"]))
        self.add_event_handler("groupchat_presence", self._gone)

    async def enter(self, nick: str, **more: str) -> None:
        await self.muc.join_muc_wait(ROOM, nick, timeout=SOON, **more)

    def _gone(self, presence) -> None:
        if presence["type"] == "unavailable" and 110 in presence["muc"]["status_codes"]:
            self.left.put_nowait(presence)

    def speak(self, text: str) -> None:
        self.send_message(mto=ROOM, mbody=text, mtype="groupchat")

    async def hears(self) -> str:
        return await asyncio.wait_for(self.said.get(), SOON)


async def together(c2s: str, *names: str) -> list[Guest]:
    """The first one makes the room, as it is by default."""
    guests = [Guest(name) for name in names]
    for each in guests:
        assert await each.log_in(c2s)
        await each.enter(each.boundjid.user.capitalize())
        if each is guests[0]:
            await each.muc.set_room_config(ROOM, each.plugin["xep_0004"].make_form(ftype="submit"))
    return guests


async def leave(*guests: Guest) -> None:
    for each in guests:
        await each.leave()


def test_they_talk(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        juliet.speak("good night")
        assert [await romeo.hears(), await juliet.hears()] == ["good night"] * 2
        assert set(juliet.muc.get_roster(ROOM)) == {"Romeo", "Juliet"}
        await leave(romeo, juliet)

    run(conversation())


def test_a_moderator_kicks(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        with pytest.raises(IqError) as refused:
            await juliet.muc.set_role(ROOM, "Romeo", "none")
        assert refused.value.condition == "forbidden"
        await romeo.muc.set_role(ROOM, "Juliet", "none", reason="late")
        gone = await asyncio.wait_for(juliet.left.get(), SOON)
        assert 307 in gone["muc"]["status_codes"]
        await leave(romeo, juliet)

    run(conversation())


def test_an_admin_keeps_the_lists(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        await romeo.muc.set_affiliation(ROOM, "member", jid="juliet@localhost", nick="Jule")
        assert await romeo.muc.get_affiliation_list(ROOM, "member") == ["juliet@localhost"]
        assert await romeo.muc.get_roles_list(ROOM, "participant") == ["Juliet"]
        await romeo.muc.set_affiliation(ROOM, "outcast", jid="juliet@localhost")
        gone = await asyncio.wait_for(juliet.left.get(), SOON)
        assert 301 in gone["muc"]["status_codes"]
        await leave(romeo, juliet)

    run(conversation())


def test_an_owner_sets_it_up_and_ends_it(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        form = await romeo.muc.get_room_config(ROOM)
        form["type"] = "submit"
        values = form.get_values()
        assert values["muc#roomconfig_roomowners"] == ["romeo@localhost"]
        answer = romeo.plugin["xep_0004"].make_form(ftype="submit")
        answer.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/muc#roomconfig")
        answer.add_field(var="muc#roomconfig_roomname", value="The garden")
        await romeo.muc.set_room_config(ROOM, answer)
        assert (await romeo.muc.get_room_config(ROOM)).get_values()["muc#roomconfig_roomname"] == "The garden"
        await romeo.muc.destroy(ROOM, reason="dawn")
        await asyncio.wait_for(juliet.left.get(), SOON)
        await leave(romeo, juliet)

    run(conversation())
