"""slixmpp's XEP-0045, a client that nobody here wrote: every role's use cases."""

from __future__ import annotations

import asyncio

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError, PresenceError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from .test_slixmpp import SOON, Client, run

ROOM = "garden@conference.localhost"
USER = "http://jabber.org/protocol/muc#user"


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
        for plugin in ("xep_0004", "xep_0030", "xep_0077", "xep_0249", "xep_0313", "xep_0410", "xep_0425", "xep_0437"):
            self.register_plugin(plugin)

    async def enter(self, nick: str, **more: str) -> None:
        await self.muc.join_muc_wait(ROOM, nick, timeout=SOON, **more)

    def _gone(self, presence) -> None:
        if presence["type"] == "unavailable" and 110 in presence["muc"]["status_codes"]:
            self.left.put_nowait(presence)

    def speak(self, text: str, to: str = ROOM) -> None:
        self.send_message(mto=to, mbody=text, mtype="groupchat" if to == ROOM else "chat")

    def watch(self, event: str) -> asyncio.Queue:
        """What comes by an event from now on."""
        seen: asyncio.Queue = asyncio.Queue()
        self.add_event_handler(event, seen.put_nowait)
        return seen

    def watch_messages(self, path: str) -> asyncio.Queue:
        """The same for messages with that in them, such as slixmpp has no event for."""
        seen: asyncio.Queue = asyncio.Queue()
        self.register_handler(Callback(path, MatchXPath(f"{{jabber:client}}message/{path}"), seen.put_nowait))
        return seen

    async def configure(self, **settings: str) -> None:
        """Fields without their prefix."""
        form = self.form("http://jabber.org/protocol/muc#roomconfig")
        for name, value in settings.items():
            form.add_field(var=f"muc#roomconfig_{name}", value=value)
        await self.muc.set_room_config(ROOM, form)

    def form(self, form_type: str):
        """To be filled in."""
        form = self.plugin["xep_0004"].make_form(ftype="submit")
        form.add_field(var="FORM_TYPE", ftype="hidden", value=form_type)
        return form

    async def register_nick(self, nick: str) -> None:
        """With the room."""
        form = self.form("http://jabber.org/protocol/muc#register")
        form.add_field(var="muc#register_roomnick", value=nick)
        iq = self.make_iq_set(ito=ROOM)
        iq["register"].append(form)
        await iq.send()

    async def sees(self, nick: str, key: str, value: str) -> None:
        """Sooner or later, of somebody in the room."""
        while self.muc.get_jid_property(JID(ROOM), nick, key) != value:
            await asyncio.wait_for(self.wait_until("groupchat_presence"), SOON)

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


async def soon(queue: asyncio.Queue):
    return await asyncio.wait_for(queue.get(), SOON)


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
        await romeo.configure(roomname="The garden")
        assert (await romeo.muc.get_room_config(ROOM)).get_values()["muc#roomconfig_roomname"] == "The garden"
        await romeo.muc.destroy(ROOM, reason="dawn")
        await asyncio.wait_for(juliet.left.get(), SOON)
        await leave(romeo, juliet)

    run(conversation())


def test_an_occupant_is_called_otherwise_whispers_and_goes(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        gone = romeo.watch(f"muc::{ROOM}::got_offline")
        assert await juliet.muc.set_self_nick(JID(ROOM), "Jule") == "Jule"
        assert (await soon(gone))["muc"]["item_nick"] == "Jule"
        juliet.send_presence(pto=f"{ROOM}/Jule", pshow="away")
        await romeo.sees("Jule", "show", "away")
        juliet.speak("by and by", to=f"{ROOM}/Romeo")
        whispered = await soon(romeo.messages)
        assert (whispered["from"], whispered["body"], whispered["type"]) == (f"{ROOM}/Jule", "by and by", "chat")
        juliet.muc.leave_muc(JID(ROOM), "Jule")
        assert (await soon(gone))["from"] == f"{ROOM}/Jule"
        await leave(romeo, juliet)

    run(conversation())


def test_the_subject_is_a_moderators(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        refused, topics = juliet.watch("groupchat_message_error"), juliet.watch("groupchat_subject")
        juliet.muc.set_subject(ROOM, "Hers")
        assert (await soon(refused))["error"]["condition"] == "forbidden"
        romeo.muc.set_subject(ROOM, "His")
        assert (await soon(topics))["subject"] == "His"
        await leave(romeo, juliet)

    run(conversation())


def test_who_comes_later_hears_what_was_said(testbed):
    async def conversation():
        (romeo,) = await together(testbed.c2s, "romeo")
        for text in ("one", "two", "three"):
            romeo.speak(text)
            assert await romeo.hears() == text
        romeo.muc.set_subject(ROOM, "Numbers")
        juliet = Guest("juliet")
        assert await juliet.log_in(testbed.c2s)
        own, subject, there, history = await juliet.muc.join_muc_wait(JID(ROOM), "Juliet", maxstanzas=2, timeout=SOON)
        assert (own["from"], subject["subject"]) == (f"{ROOM}/Juliet", "Numbers")
        assert [each["from"].resource for each in there] == ["Romeo", "Juliet"]
        assert [each["body"] for each in history] == ["two", "three"]
        kept = await juliet.plugin["xep_0313"].retrieve(jid=JID(ROOM))
        told = [each["mam_result"]["forwarded"]["stanza"] for each in kept["mam"]["results"]]
        assert [each["body"] or each["subject"] for each in told] == ["one", "two", "three", "Numbers"]
        assert all(romeo.boundjid.bare not in str(each) for each in told)
        await leave(romeo, juliet)

    run(conversation())


def test_who_is_not_let_in(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        alice = Guest("alice")
        assert await alice.log_in(testbed.c2s)

        async def is_refused(nick: str = "Alice", **more: str) -> str:
            with pytest.raises(PresenceError) as refused:
                await alice.enter(nick, **more)
            return refused.value.condition

        assert await is_refused("Juliet") == "conflict"
        await romeo.configure(passwordprotectedroom="1", roomsecret="rose")
        assert await is_refused(password="thorn") == "not-authorized"
        await romeo.configure(maxusers="2")
        assert await is_refused(password="rose") == "service-unavailable"
        await romeo.configure(membersonly="1", maxusers="none")
        assert await is_refused(password="rose") == "registration-required"
        await romeo.muc.set_affiliation(ROOM, "outcast", jid="alice@localhost")
        assert await is_refused(password="rose") == "forbidden"
        await romeo.muc.set_affiliation(ROOM, "member", jid="alice@localhost")
        await alice.enter("Alice", password="rose")
        gone = await asyncio.wait_for(juliet.left.get(), SOON)
        assert 322 in gone["muc"]["status_codes"]
        await leave(romeo, juliet, alice)

    run(conversation())


def test_voice_is_asked_for_granted_and_taken(testbed):
    async def conversation():
        (romeo,) = await together(testbed.c2s, "romeo")
        await romeo.configure(moderatedroom="1")
        juliet = Guest("juliet")
        assert await juliet.log_in(testbed.c2s)
        await juliet.enter("Juliet")
        refused = juliet.watch("groupchat_message_error")
        juliet.speak("hello?")
        assert (await soon(refused))["error"]["condition"] == "forbidden"
        requests = romeo.watch("message_xform")
        juliet.muc.request_voice(ROOM, "participant")
        asked = await soon(requests)
        answer = romeo.form("http://jabber.org/protocol/muc#request")
        for var, value in (asked["form"].get_values() | {"muc#request_allow": True}).items():
            if var != "FORM_TYPE":
                answer.add_field(var=var, value="1" if value is True else value)
        granted = romeo.make_message(ROOM)
        granted.append(answer)
        granted.send()
        await juliet.sees("Juliet", "role", "participant")
        assert await romeo.muc.get_roles_list(ROOM, "participant") == ["Juliet"]
        juliet.speak("hello!")
        assert await romeo.hears() == "hello!"
        await romeo.muc.set_role(ROOM, "Juliet", "moderator")
        assert set(await romeo.muc.get_roles_list(ROOM, "moderator")) == {"Romeo", "Juliet"}
        with pytest.raises(IqError) as above:
            await juliet.muc.set_role(ROOM, "Romeo", "visitor")
        assert above.value.condition == "not-allowed"
        await romeo.muc.set_role(ROOM, "Juliet", "visitor")
        await juliet.sees("Juliet", "role", "visitor")
        with pytest.raises(IqError) as refusal:
            await juliet.muc.get_roles_list(ROOM, "participant")
        assert refusal.value.condition == "forbidden"
        await leave(romeo, juliet)

    run(conversation())


def test_lists_are_for_those_who_keep_them(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        changes = [("juliet@localhost", "admin"), ("alice@localhost", "member"), ("tybalt@localhost", "outcast")]
        await romeo.muc.send_affiliation_list(ROOM, changes)
        for jid, affiliation in changes:
            assert await romeo.muc.get_affiliation_list(ROOM, affiliation) == [jid]
        await juliet.sees("Juliet", "affiliation", "admin")
        assert await juliet.muc.get_affiliation_list(ROOM, "outcast") == ["tybalt@localhost"]
        for jid, affiliation in (("alice@localhost", "admin"), ("romeo@localhost", "member")):
            with pytest.raises(IqError) as refused:
                await juliet.muc.set_affiliation(ROOM, affiliation, jid=jid)
            assert refused.value.condition == "forbidden"
        with pytest.raises(IqError) as above:
            await juliet.muc.set_affiliation(ROOM, "outcast", jid="romeo@localhost")
        assert above.value.condition == "not-allowed"
        with pytest.raises(IqError) as last:
            await romeo.muc.set_affiliation(ROOM, "none", jid="romeo@localhost")
        assert last.value.condition == "conflict"
        await romeo.muc.set_affiliation(ROOM, "owner", jid="juliet@localhost")
        await juliet.muc.set_affiliation(ROOM, "none", jid="romeo@localhost")
        await romeo.sees("Romeo", "affiliation", "none")
        with pytest.raises(IqError):
            await romeo.muc.get_room_config(ROOM)
        await leave(romeo, juliet)

    run(conversation())


def test_who_is_invited_comes_or_says_why_not(testbed):
    """slixmpp itself doesn't tell its user of what was declined: it looks for the room where it keeps none."""

    async def conversation():
        (romeo,) = await together(testbed.c2s, "romeo")
        await romeo.configure(membersonly="1")
        juliet = Guest("juliet")
        assert await juliet.log_in(testbed.c2s)
        invited, directly = juliet.watch("groupchat_invite"), juliet.watch("groupchat_direct_invite")
        for each in (romeo, juliet):
            each.send_presence()
        romeo.muc.invite(ROOM, "juliet@localhost", "come")
        invitation = await soon(invited)
        assert (invitation["from"], invitation["muc"]["invite"]["reason"]) == (ROOM, "come")
        declines = romeo.watch_messages(f"{{{USER}}}x/{{{USER}}}decline")
        juliet.muc.decline(ROOM, str(invitation["muc"]["invite"]["from"]), "too late")
        declined = (await soon(declines))["muc"]["decline"]
        assert (declined["from"], declined["reason"]) == ("juliet@localhost", "too late")
        assert (await soon(directly))["groupchat_invite"]["jid"] == ROOM  # which the room sends beside
        romeo.plugin["xep_0249"].send_invitation(juliet.boundjid, JID(ROOM), reason="do")
        assert (await soon(directly))["groupchat_invite"]["reason"] == "do"
        await juliet.enter("Juliet")
        assert juliet.muc.get_jid_property(JID(ROOM), "Juliet", "affiliation") == "member"
        await leave(romeo, juliet)

    run(conversation())


def test_a_nick_is_registered(testbed):
    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        asked = await juliet.plugin["xep_0077"].get_registration(jid=ROOM)
        assert "muc#register_roomnick" in asked["register"]["form"].get_fields()
        await juliet.register_nick("Jule")
        await juliet.sees("Juliet", "affiliation", "member")
        kept = await juliet.plugin["xep_0030"].get_info(ROOM, node="x-roomuser-item")
        assert [each[3] for each in kept["disco_info"]["identities"]] == ["Jule"]
        alice = Guest("alice")
        assert await alice.log_in(testbed.c2s)
        with pytest.raises(IqError) as refused:
            await alice.register_nick("Jule")
        assert refused.value.condition == "conflict"
        await juliet.plugin["xep_0077"].cancel_registration(jid=ROOM)
        await juliet.sees("Juliet", "affiliation", "none")
        await leave(romeo, juliet, alice)

    run(conversation())


def test_a_moderator_takes_back_what_was_said(testbed):
    """XEP-0425; and XEP-0410: who still is there; and XEP-0437, for who isn't."""

    async def conversation():
        romeo, juliet = await together(testbed.c2s, "romeo", "juliet")
        await romeo.muc.set_affiliation(ROOM, "member", jid="alice@localhost")
        alice = Guest("alice")
        assert await alice.log_in(testbed.c2s)
        activity = alice.watch_messages("{urn:xmpp:rai:0}rai")  # in presence, slixmpp thinks, as once it was
        alice.plugin["xep_0437"].subscribe(JID("conference.localhost"))
        heard, moderated = romeo.watch("groupchat_message"), juliet.watch("moderated_message")
        juliet.speak("buy this")
        id = (await soon(heard))["stanza_id"]["id"]
        assert [each.text for each in (await soon(activity)).xml.iter("{urn:xmpp:rai:0}activity")] == [ROOM]
        with pytest.raises(IqError) as refused:
            await juliet.plugin["xep_0425"].moderate(JID(ROOM), id)
        assert refused.value.condition == "forbidden"
        await romeo.plugin["xep_0425"].moderate(JID(ROOM), id, "no trade here")
        told = (await soon(moderated))["retract"]
        assert (told["id"], told["reason"], told["moderated"]["by"]) == (id, "no trade here", f"{ROOM}/Romeo")
        await juliet.plugin["xep_0199"].ping(f"{ROOM}/Juliet")
        with pytest.raises(IqError) as gone:
            await alice.plugin["xep_0199"].send_ping(f"{ROOM}/Alice")
        assert gone.value.condition == "not-acceptable"
        await leave(romeo, juliet, alice)

    run(conversation())
