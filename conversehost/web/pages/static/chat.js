// Starts Converse.js with the settings that the page carries; works as a module and as a classic script.
const settings = JSON.parse(document.getElementById("converse-config").textContent);
if (settings.authentication === "prebind" && matchMedia("(max-width: 768px)").matches) {
  settings.show_controlbox_by_default = false; // there it would cover the page
}

// Whoever logs out of the site is done with the chat: it must not ask for another session meanwhile.
settings.whitelisted_plugins = ["site"];
converse.plugins.add("site", {
  initialize() {
    const { api } = this._converse;
    document.getElementById("logout")?.addEventListener("submit", () => api.settings.set("auto_reconnect", false));
  },
});

converse.initialize(settings);
