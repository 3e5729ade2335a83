import { expect, test } from "@playwright/test";

const api = "_conversehost/api/v1";

test.beforeEach(async ({ page, request }) => {
  await request.post(`${api}/reset`);
  await page.goto("/");
  await page.locator("[name=username]").fill("alice");
  await page.locator("[name=password]").fill("secret");
  await page.locator("#login [type=submit]").click();
  await page.getByText("Bob", { exact: true }).first().click();
  await page.locator("textarea.chat-textarea").waitFor();
});

test("who is logged in to the site is in the chat", async ({ page, request }) => {
  await request.post(`${api}/messages`, { data: { from: "bob", to: "alice", body: "are you there?" } });
  await expect(page.locator(".chat-msg__text")).toHaveText(["are you there?"]);
  const { sessions } = await (await request.get(`${api}/sessions`)).json();
  expect(sessions.map(({ account }) => account)).toEqual(["alice@localhost"]);
});

test("a message gets through a network that loses answers", async ({ page, request }) => {
  await request.post(`${api}/faults`, { data: { fault: "lost-response", account: "alice", count: 1 } });
  await page.locator("textarea.chat-textarea").fill("hello");
  await page.locator("textarea.chat-textarea").press("Enter");
  const wait = { xpath: "message[body='hello']", account: "alice", direction: "in" };
  expect((await request.post(`${api}/traffic/wait`, { data: wait })).ok()).toBe(true);
  await expect(page.locator(".chat-msg__text")).toHaveText(["hello"]);
});
