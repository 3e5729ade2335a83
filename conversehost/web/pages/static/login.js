// Whoever sees this form isn't logged in to the site: a chat session that this tab may remember is over.
sessionStorage.removeItem("strophe-bosh-session");

for (const chip of document.querySelectorAll(".site-chip")) {
  chip.addEventListener("click", () => {
    const form = document.getElementById("login");
    form.username.value = chip.dataset.name;
    form.password.value = chip.dataset.password;
    form.requestSubmit();
  });
}
