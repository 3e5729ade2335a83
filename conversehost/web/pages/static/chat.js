// Starts Converse.js with the settings that the page carries; works as a module and as a classic script.
const carrier = document.getElementById("converse-config");
const settings = JSON.parse(carrier.textContent);
const account = carrier.dataset.account; // who is logged in to the site; "" on the page that doesn't ask

// Converse.js goes on with the session that this tab remembers, whoever it belongs to. It may be from before somebody
// else logged in, or from the page with the other way to log in.
if (sessionStorage.getItem("site-account") !== account) {
  sessionStorage.removeItem("strophe-bosh-session");
  sessionStorage.setItem("site-account", account);
}

if (account && matchMedia("(max-width: 768px)").matches) {
  settings.show_controlbox_by_default = false; // there it would cover the page
}

settings.whitelisted_plugins = ["site"];
converse.plugins.add("site", {
  initialize() {
    const { api } = this._converse;

    // Whoever logs out of the site is done with the chat: it must not ask for another session meanwhile.
    document.getElementById("logout")?.addEventListener("submit", () => api.settings.set("auto_reconnect", false));

    // Somebody else may have logged in from another tab, and prebind gives a session to whom the browser's cookie names.
    const stay = () => {
      if (account && api.user.jid().split("/")[0] !== account) location.reload();
    };
    api.listen.on("connected", stay);
    api.listen.on("reconnected", stay);
  },
});

converse.initialize(settings);
