"""Makes `twistd conversehost` known."""

from twisted.application.service import ServiceMaker

conversehost = ServiceMaker(
    name="conversehost",
    module="conversehost.launch",
    description="A site, an XMPP server and Converse.js in one process, with one login.",
    tapname="conversehost",
)
