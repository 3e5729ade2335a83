// Starts Converse.js with the settings that the page carries; works as a module and as a classic script.
const settings = JSON.parse(document.getElementById("converse-config").textContent);
if (matchMedia("(max-width: 768px)").matches) {
  settings.show_controlbox_by_default = false; // there it would cover the page
}
converse.initialize(settings);
