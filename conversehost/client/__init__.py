"""For web applications: tokens by which their users log in to chat. And XMPP as a client speaks it, for dialogues."""

from conversehost.xmpp.token import sign_token, sign_totp_token

__all__ = ["sign_token", "sign_totp_token"]
