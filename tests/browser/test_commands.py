"""Ad-hoc commands, as the administrator finds them in Converse.js."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.test_demo_site import fill_form


def test_the_administrator_adds_a_user(visitor, bed):
    admin = visitor("admin")
    admin.page.goto(f"{bed.site}form")
    fill_form(admin, "admin")
    admin.is_in_chat()
    admin.page.locator(".show-client-info").first.click()
    admin.page.locator("#commands-tab").click()
    panel = admin.page.locator("#commands-tabpanel")
    panel.locator("input[name=jid]").fill("localhost")
    panel.locator("input[type=submit], button[type=submit]").first.click()
    panel.get_by_text("Add a user").click()
    for name, value in (("accountjid", "zoe@localhost"), ("password", "p&<w>"), ("password-verify", "p&<w>")):
        panel.locator(f"input[name={name}]").fill(value)
    panel.locator("form").last.locator("input[type=submit], input[type=button], button[type=submit]").first.click()
    expect(panel.get_by_text("zoe@localhost was added.")).to_be_visible()
    assert bed.accounts["zoe@localhost"] == "p&<w>"
