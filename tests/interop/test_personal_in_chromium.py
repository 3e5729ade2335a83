"""What people publish, in Converse.js: pictures, bookmarks, and the keys of OMEMO."""

from __future__ import annotations

import base64
import hashlib

from playwright.sync_api import expect

from conversehost.testing import Record

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_a_contact_sees_another_picture_at_once(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    bob.log_in()
    alice.log_in()
    row = alice.page.locator("converse-roster-contact, .roster-contacts li").filter(has_text="Bob").first
    expect(row.locator("img.avatar, image")).to_have_count(0)
    bob.page.locator("a.show-profile").first.click()
    form = bob.page.locator("#profile-tabpanel")
    picture = {"name": "bob.png", "mimeType": "image/png", "buffer": PICTURE}
    form.locator("input[name=avatar_image]").set_input_files(picture)
    form.locator("button.save-form").click()
    expect(row.locator("img, image").first).to_be_visible()


def test_a_picture_from_a_client_that_publishes_it(visitor, bed):
    """XEP-0084 there, XEP-0153 here."""
    alice = visitor("alice")
    alice.log_in()
    row = alice.page.locator("converse-roster-contact, .roster-contacts li").filter(has_text="Echo").first
    digest = hashlib.sha1(PICTURE).hexdigest()
    data = f"<data xmlns='urn:xmpp:avatar:data'>{base64.b64encode(PICTURE).decode()}</data>"
    info = f"<info id='{digest}' type='image/png' bytes='{len(PICTURE)}'/>"
    for node, payload in (
        ("urn:xmpp:avatar:data", data),
        ("urn:xmpp:avatar:metadata", f"<metadata xmlns='urn:xmpp:avatar:metadata'>{info}</metadata>"),
    ):
        publish = f"<publish node='{node}'><item id='{digest}'>{payload}</item></publish>"
        pubsub = f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{publish}</pubsub>"
        bed.stanza("echo", f"<iq type='set' id='{node}'>{pubsub}</iq>")
    expect(row.locator("img, image").first).to_be_visible()


def test_two_people_talk_so_that_the_server_cannot_listen(visitor, bed):
    alice, bob = visitor("alice"), visitor("bob")
    bob.log_in()
    alice.log_in()
    for each, other in ((alice, "Bob"), (bob, "Alice")):
        each.open_chat(other)
    lock = alice.page.locator("button.toggle-omemo").last
    expect(lock).to_have_attribute("data-disabled", "false")
    lock.click()
    expect(lock).to_have_attribute("title", "Messages are sent encrypted")
    alice.say("for you alone")
    bob.sees("for you alone")
    assert bed.traffic("message[body]", account="alice", direction="in")
    assert not bed.traffic(text="for you alone")


BOOKMARK = """<conference xmlns='storage:bookmarks' jid='verona@conference.localhost' name='Verona' autojoin='true'>
<nick>Allie</nick></conference>"""


def test_bookmarks_are_there_in_another_browser(visitor, bed):
    """Kept by an old client, in private storage (XEP-0049); read by a new one, in items (XEP-0402)."""
    storage = f"<storage xmlns='storage:bookmarks'>{BOOKMARK}</storage>"
    bed.stanza("alice", f"<iq type='set' id='b'><query xmlns='jabber:iq:private'>{storage}</query></iq>")
    came: Record | int = 0
    for _ in range(2):
        alice = visitor("alice")
        alice.log_in()
        expect(alice.page.locator("#chatrooms, converse-rooms-list").get_by_text("Verona").first).to_be_visible()
        enters = "presence[@to='verona@conference.localhost/Allie']"
        came = bed.wait_for(enters, direction="in", account="alice", after=came, timeout=30)
    alice.page.reload()
    expect(alice.page.locator("#chatrooms, converse-rooms-list").get_by_text("Verona").first).to_be_visible()
