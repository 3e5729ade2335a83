"""aioxmpp's XEP-0045, a client of its own make that keeps account of who is in a room: every role's use cases.

It knows nothing of registration with a room, of its archive, of moderated retraction, hats and occupant ids, nor does
it decline invitations; slixmpp and Converse.js do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from .test_aioxmpp import JID, Client, aioxmpp, pytestmark
from .test_slixmpp import SOON, run

__all__ = ["pytestmark"]

ROOM = JID("garden@conference.localhost")
Heard = asyncio.Queue[dict]


class Guest(Client):
    """Knows rooms."""

    def __init__(self, c2s: str, name: str) -> None:
        super().__init__(c2s, f"{name}@localhost/x")
        self.nick = name.capitalize()
        self.rooms = self.summon(aioxmpp.MUCClient)
        self.invited = self.heard(self.rooms.on_muc_invitation)

    async def enter(self, *signals: str, nick: str = "", **more) -> list[Heard]:
        """Come in; what is heard by some of the room's signals from the first moment."""
        self.room, entered = self.rooms.join(ROOM, nick or self.nick, autorejoin=False, **more)
        heard = [self.watch(each) for each in signals]
        await soon(entered)
        return heard

    async def listed(self, **item: str) -> list:
        """Items of one of the room's lists."""
        query = aioxmpp.muc.xso.AdminQuery(items=[aioxmpp.muc.xso.AdminItem(**item)])
        return list((await soon(self.send(aioxmpp.IQ(type_=aioxmpp.IQType.GET, to=ROOM, payload=query)))).items)

    def watch(self, signal: str) -> Heard:
        """One of the room's."""
        return self.heard(getattr(self.room, signal))

    def heard(self, signal) -> Heard:
        """What comes by a signal: its arguments by name, and the others as `args`."""
        heard: Heard = asyncio.Queue()

        def tell(*args, **more) -> None:
            heard.put_nowait({"args": args, **more})

        signal.connect(tell)
        return heard

    def member(self, nick: str):
        (found,) = (each for each in self.room.members if each.nick == nick)
        return found

    async def configure(self, **settings) -> None:
        """Fill in the form by names of its fields; without any, take it as it is."""
        form = aioxmpp.muc.ConfigurationForm.from_xso(await soon(self.rooms.get_room_config(ROOM)))
        for name, value in settings.items():
            getattr(form, name).value = value
        await soon(self.rooms.set_room_config(ROOM, form.render_reply()))


async def soon(awaited):
    return await asyncio.wait_for(awaited, SOON)


@asynccontextmanager
async def together(c2s: str, *names: str, outside: tuple[str, ...] = ()) -> AsyncIterator[list[Guest]]:
    """They are in the room, which the first one makes as it is by default; those `outside` are only logged in."""
    async with AsyncExitStack() as stack:
        guests = [Guest(c2s, name) for name in (*names, *outside)]
        for each in guests:
            await stack.enter_async_context(each.connected())
            if each.nick.lower() not in outside:
                await each.enter()
            if each is guests[0]:
                await each.configure()
        yield guests


def test_they_talk_and_one_changes_the_subject_and_her_nick(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet") as (romeo, juliet):
            said, topics, renamed = (
                romeo.watch(each) for each in ("on_message", "on_topic_changed", "on_nick_changed")
            )
            message = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
            message.body[None] = "good night"
            await soon(juliet.room.send_message(message))
            got, member, _ = (await soon(said.get()))["args"]
            assert (got.body.any(), member.nick) == ("good night", "Juliet")
            await juliet.room.set_nick("Jule")
            assert (await soon(renamed.get()))["args"][1:] == ("Juliet", "Jule")
            await romeo.room.set_topic({None: "Parting"})
            assert (await soon(topics.get()))["args"][1].any() == "Parting"

    run(conversation())


def test_a_private_message_is_for_one(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet", "alice") as (romeo, juliet, alice):
            said = alice.watch("on_message")
            message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT, to=ROOM.replace(resource="Romeo"))
            message.body[None] = "by and by"
            await juliet.send(message)
            assert await romeo.next_body() == "by and by"
            message = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
            message.body[None] = "good night"
            await soon(juliet.room.send_message(message))
            assert (await soon(said.get()))["args"][0].body.any() == "good night"  # and nothing before that

    run(conversation())


def test_a_moderator_kicks_and_nobody_else_does(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet") as (romeo, juliet):
            with pytest.raises(aioxmpp.XMPPAuthError) as refused:
                await soon(juliet.room.kick(juliet.member("Romeo")))
            assert refused.value.condition == aioxmpp.ErrorCondition.FORBIDDEN
            left = juliet.watch("on_exit")
            await soon(romeo.room.kick(romeo.member("Juliet"), reason="late"))
            gone = await soon(left.get())
            assert (gone["muc_leave_mode"], gone["muc_reason"]) == (aioxmpp.muc.LeaveMode.KICKED, "late")

    run(conversation())


def test_voice_is_asked_for_and_granted(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet") as (romeo, juliet):
            changed, asked = juliet.watch("on_muc_role_changed"), romeo.watch("on_muc_role_request")
            await soon(romeo.room.muc_set_role("Juliet", "visitor"))
            await soon(changed.get())
            assert juliet.room.me.role == "visitor"
            await juliet.room.muc_request_voice()
            form, answer = (await soon(asked.get()))["args"]
            assert form.roomnick.value == "Juliet"
            form.request_allow.value = True
            answer.set_result(form.render_reply())
            await soon(changed.get())
            assert juliet.room.me.role == "participant"

    run(conversation())


def test_an_admin_keeps_the_lists(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet") as (romeo, juliet):
            for affiliation in ("member", "admin", "owner"):
                changed = juliet.watch("on_muc_affiliation_changed")
                await soon(romeo.room.muc_set_affiliation(JID("juliet@localhost"), affiliation))
                await soon(changed.get())
                assert juliet.room.me.affiliation == affiliation
                assert JID("juliet@localhost") in await soon(romeo.rooms.get_affiliated(ROOM, affiliation))
            await soon(romeo.room.muc_set_affiliation(JID("juliet@localhost"), "none"))
            with pytest.raises(aioxmpp.XMPPAuthError):
                await soon(juliet.rooms.get_affiliated(ROOM, "outcast"))
            left = juliet.watch("on_exit")
            await soon(romeo.room.ban(romeo.member("Juliet"), reason="a feud"))
            gone = await soon(left.get())
            assert (gone["muc_leave_mode"], gone["muc_reason"]) == (aioxmpp.muc.LeaveMode.BANNED, "a feud")
            assert await soon(romeo.rooms.get_affiliated(ROOM, "outcast")) == [JID("juliet@localhost")]
            with pytest.raises(aioxmpp.XMPPAuthError):
                await juliet.enter()

    run(conversation())


def test_an_owner_sets_a_password_which_who_enters_must_know(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", outside=("juliet",)) as (romeo, juliet):
            await romeo.configure(passwordprotectedroom=True, roomsecret="rose", roomname="The garden")
            form = aioxmpp.muc.ConfigurationForm.from_xso(await soon(romeo.rooms.get_room_config(ROOM)))
            assert form.roomname.value == "The garden"
            with pytest.raises(aioxmpp.XMPPAuthError) as refused:
                await juliet.enter()
            assert refused.value.condition == aioxmpp.ErrorCondition.NOT_AUTHORIZED
            await juliet.enter(password="rose")
            with pytest.raises(aioxmpp.XMPPAuthError):
                await soon(juliet.rooms.get_room_config(ROOM))

    run(conversation())


@pytest.mark.parametrize("mode", aioxmpp.im.InviteMode)
def test_who_is_invited_comes_in(testbed, mode):
    """A mediated invitation makes her a member; of a direct one the room knows nothing."""

    async def conversation():
        async with together(testbed.c2s, "romeo", outside=("juliet",)) as (romeo, juliet):
            await romeo.configure(membersonly=True)
            with pytest.raises(aioxmpp.XMPPAuthError) as refused:
                await juliet.enter()
            assert refused.value.condition == aioxmpp.ErrorCondition.REGISTRATION_REQUIRED
            await romeo.room.invite(JID("juliet@localhost"), "come", mode=mode)
            invitation = await soon(juliet.invited.get())
            _, where, _, how = invitation["args"]
            assert (where, how, invitation["reason"]) == (ROOM, mode, "come")
            if mode == aioxmpp.im.InviteMode.DIRECT:
                await soon(romeo.room.muc_set_affiliation(JID("juliet@localhost"), "member"))
            await juliet.enter()
            assert juliet.room.me.affiliation == "member"

    run(conversation())


def test_an_owner_ends_the_room(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet") as (romeo, juliet):

            async def destroy(guest: Guest) -> None:
                end = aioxmpp.muc.xso.OwnerQuery(destroy=aioxmpp.muc.xso.DestroyRequest())
                await soon(guest.send(aioxmpp.IQ(type_=aioxmpp.IQType.SET, to=ROOM, payload=end)))

            left = juliet.watch("on_exit")
            with pytest.raises(aioxmpp.XMPPAuthError):
                await destroy(juliet)
            await destroy(romeo)
            await soon(left.get())
            with pytest.raises(aioxmpp.XMPPCancelError) as gone:
                await soon(romeo.rooms.get_room_config(ROOM))
            assert gone.value.condition == aioxmpp.ErrorCondition.ITEM_NOT_FOUND

    run(conversation())


def test_who_comes_later_hears_what_was_said_and_goes(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", outside=("juliet",)) as (romeo, juliet):
            for text in ("one", "two", "three"):
                message = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
                message.body[None] = text
                await soon(romeo.room.send_message(message))
            await romeo.room.set_topic({None: "Numbers"})
            latest = aioxmpp.muc.xso.History(maxstanzas=2)
            said, topics = await juliet.enter("on_message", "on_topic_changed", history=latest)
            assert [(await soon(said.get()))["args"][0].body.any() for _ in range(2)] == ["two", "three"]
            assert (await soon(topics.get()))["args"][1].any() == "Numbers"
            left = romeo.watch("on_leave")
            await soon(juliet.room.leave())
            assert (await soon(left.get()))["args"][0].nick == "Juliet"

    run(conversation())


def test_a_nick_is_one_persons(testbed):
    async def conversation():
        async with together(testbed.c2s, "romeo", outside=("juliet",)) as (romeo, juliet):
            with pytest.raises(aioxmpp.XMPPCancelError) as taken:
                await juliet.enter(nick="Romeo")
            assert taken.value.condition == aioxmpp.ErrorCondition.CONFLICT
            item = aioxmpp.muc.xso.AdminItem(jid=JID("juliet@localhost"), affiliation="member", nick="Jule")
            query = aioxmpp.muc.xso.AdminQuery(items=[item])
            await soon(romeo.send(aioxmpp.IQ(type_=aioxmpp.IQType.SET, to=ROOM, payload=query)))
            disco = juliet.summon(aioxmpp.DiscoClient)
            kept = await soon(disco.query_info(ROOM, node="x-roomuser-item"))
            assert [each.name for each in kept.identities] == ["Jule"]
            await juliet.enter(nick="Jule")
            (known,) = await romeo.listed(affiliation="member")
            assert (known.jid, known.nick) == (JID("juliet@localhost"), "Jule")

    run(conversation())


def test_moderators_are_made_by_who_is_above_them(testbed):
    """And do to those below them what they may, and to nobody else."""

    async def conversation():
        async with together(testbed.c2s, "romeo", "juliet", "alice") as (romeo, juliet, alice):
            changed, hers = juliet.watch("on_muc_role_changed"), alice.watch("on_muc_role_changed")
            with pytest.raises(aioxmpp.XMPPAuthError):
                await soon(juliet.room.muc_set_role("Juliet", "moderator"))
            await soon(romeo.room.muc_set_role("Juliet", "moderator"))
            await soon(changed.get())
            assert {each.nick for each in await romeo.listed(role="moderator")} == {"Romeo", "Juliet"}
            await soon(juliet.room.muc_set_role("Alice", "visitor", reason="hush"))
            while alice.room.me.role != "visitor":
                await soon(hers.get())
            assert [each.nick for each in await juliet.listed(role="visitor")] == ["Alice"]
            with pytest.raises(aioxmpp.XMPPAuthError) as refused:
                await alice.listed(role="visitor")
            assert refused.value.condition == aioxmpp.ErrorCondition.FORBIDDEN
            for role in ("visitor", "none"):
                with pytest.raises(aioxmpp.XMPPCancelError) as above:
                    await soon(juliet.room.muc_set_role("Romeo", role))
                assert above.value.condition == aioxmpp.ErrorCondition.NOT_ALLOWED
            await soon(romeo.room.muc_set_role("Juliet", "participant"))
            while juliet.room.me.role != "participant":
                await soon(changed.get())

    run(conversation())
