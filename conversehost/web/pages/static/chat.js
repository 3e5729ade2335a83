// Starts Converse.js with the settings that the page carries; works as a module and as a classic script.
converse.initialize(JSON.parse(document.getElementById("converse-config").textContent));
