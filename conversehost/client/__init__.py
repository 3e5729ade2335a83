"""For web applications: chat sessions for their users at any XMPP server, and tokens by which they log in themselves.

Needs nothing of the server. `conversehost.client.deferred` has `prebind` for programs with a Twisted reactor. The other
modules are XMPP as a client speaks it, for dialogues.
"""

from conversehost.client.blocking import prebind
from conversehost.client.prebinding import Prebound
from conversehost.client.wire import ClientError, RefusedError, SilenceError, StreamEndedError, UnreachableError
from conversehost.xmpp.token import sign_token, sign_totp_token

__all__ = [
    "ClientError",
    "Prebound",
    "RefusedError",
    "SilenceError",
    "StreamEndedError",
    "UnreachableError",
    "prebind",
    "sign_token",
    "sign_totp_token",
]
