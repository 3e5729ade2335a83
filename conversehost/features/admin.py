"""XEP-0133: Service Administration, by ad-hoc commands: accounts, sessions, figures, announcements."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from conversehost.features.xep import Xep
from conversehost.server.commands import Command, Done, Run
from conversehost.server.host import Host
from conversehost.server.motd import MessageOfTheDay
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, child, clean

XEP = Xep(
    133,
    "Service Administration",
    "1.3.1",
    "sections 4.1 to 4.10, 4.13 to 4.26; lists of whom to block, the welcome (`--welcome`), "
    "administrators (`--admin`), restart and shutdown are missing",
)
NS = "http://jabber.org/protocol/admin"
ACCOUNT = Field("accountjid", "jid-single", "Account", required=True)
ACCOUNTS = Field("accountjids", "jid-multi", "Accounts", required=True)
PASSWORD = (
    Field("password", "text-private", "Password", required=True),
    Field("password-verify", "text-private", "The password again"),
)
MANY = ("25", "50", "75", "100", "150", "200", "none")
MAX_ITEMS = Field("max_items", "list-single", "At most", options=tuple((each, each) for each in MANY))
MOTD = "Message of the day"
ANNOUNCEMENT = (
    Field("subject", label="Subject"),
    Field("announcement", "text-multi", "Announcement", required=True),
)


def install(host: Host) -> None:
    feature = AdminFeature(host)
    host.hooks.session_closed.append(feature.note_login)
    host.hooks.account_deleted.extend((feature.forget, feature.motd.forget))
    host.hooks.became_available.append(feature.motd.tell)

    def command(node: str, name: str, run: Callable[[Run], Done], *fields: Field) -> None:
        form = Form(fields, NS, name)
        stages = (lambda run: form,) if fields else ()
        add(node, name, run, *stages)

    def add(node: str, name: str, run: Callable[[Run], Done], *stages: Callable[[Run], Form]) -> None:
        host.on_command(Command(f"{NS}#{node}", name, feature.is_admin, run, stages))

    command("add-user", "Add a user", feature.add, ACCOUNT, *PASSWORD)
    command("delete-user", "Delete users", feature.delete, ACCOUNTS)
    command("disable-user", "Disable users", feature.disable, ACCOUNTS)
    command("reenable-user", "Enable users again", feature.enable, ACCOUNTS)
    command("end-user-session", "End sessions of users", feature.end_sessions, ACCOUNTS)
    command("change-user-password", "Change a user's password", feature.change_password, ACCOUNT, PASSWORD[0])
    command("get-user-roster", "Show a user's roster", feature.roster, ACCOUNTS)
    command("get-user-lastlogin", "Show when a user logged in last", feature.last_login, ACCOUNTS)
    command("user-stats", "Show figures of a user", feature.figures, ACCOUNT)
    for kind, (words, of) in feature.kinds.items():
        command(f"get-{kind}-users-num", f"Number of {words}", feature.number(kind, words, of))
        listed = f"get-{kind}-users" + ("" if kind in ("active", "idle") else "-list")
        command(listed, f"List of {words}", feature.list(kind, words, of), MAX_ITEMS)
    command("announce", "Announce something to all who are online", feature.announce, *ANNOUNCEMENT)
    command(
        "set-motd", "Set the message of the day", feature.set_motd, Field("motd", "text-multi", MOTD, required=True)
    )
    add("edit-motd", "Edit the message of the day", feature.edit_motd, feature.motd_form)
    command("delete-motd", "Delete the message of the day", feature.delete_motd)


class AdminFeature:
    """What those may do whom the operator named."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.motd = MessageOfTheDay(host)
        self.kinds: dict[str, tuple[str, Callable[[], Iterable[JID]]]] = {
            "registered": ("registered users", self._registered),
            "disabled": ("disabled users", self._disabled),
            "online": ("users online", self._online),
            "active": ("active users", lambda: self._at_hand(active=True)),
            "idle": ("idle users", lambda: self._at_hand(active=False)),
        }

    def is_admin(self, jid: JID) -> bool:
        return jid.to_bare() in self._host.policy.admins

    def note_login(self, session: Session) -> None:
        """Of those who are here, their sessions know."""
        before: float = self._host.store.get("login", session.bare, "") or 0.0
        self._host.store.put("login", session.bare, "", max(before, session.since))

    def forget(self, account: JID) -> None:
        self._host.store.clear("login", account.bare)

    # Accounts (sections 4.1 to 4.7)

    def add(self, run: Run) -> Done:
        account = self._named(run)
        password = run.answers[0].text("password")
        if run.answers[0].text("password-verify") not in ("", password):
            raise StanzaError("not-acceptable", "the two passwords are not the same")
        if self._host.accounts.exists(account):
            raise StanzaError("conflict", f"there is an account {account} already")
        self._host.create_account(account, password)
        return Done(f"{account} was added.")

    def delete(self, run: Run) -> Done:
        accounts = self._existing(run)
        for account in accounts:
            self._host.delete_account(account)
        return Done(f"Deleted: {listed(accounts)}.")

    def disable(self, run: Run) -> Done:
        """Their sessions end, too."""
        accounts = self._existing(run)
        for account in accounts:
            self._host.disable_account(account)
        return Done(f"Disabled: {listed(accounts)}.")

    def enable(self, run: Run) -> Done:
        accounts = self._existing(run)
        for account in accounts:
            self._host.accounts.enable(account)
        return Done(f"Enabled: {listed(accounts)}.")

    def end_sessions(self, run: Run) -> Done:
        """All of an account, or the one at a full JID."""
        error = StreamError("policy-violation", "an administrator ended this session")
        ended = sum(self._host.end_sessions(self._ours(jid), error) for jid in run.answers[0].jids("accountjids"))
        return Done(f"Sessions ended: {ended}.")

    def change_password(self, run: Run) -> Done:
        """Sessions end that began by the old one, save that of who asks."""
        account = self._named(run)
        self._check_exists(account)
        self._host.change_password(account, run.answers[0].text("password"), spared=run.sender)
        return Done(f"{account} has a new password.")

    # What is known of them (sections 4.8 to 4.10)

    def roster(self, run: Run) -> Done:
        """Each roster stands in the form, as the specification has it."""
        accounts = self._existing(run)
        made = result(Field("accountjids", values=tuple(map(str, accounts))))
        for account in accounts:
            query = child(made, ns.ROSTER, "query")
            for item in self._host.rosters.of(account):
                if item.listed:
                    query.append(item.to_element())
        return Done(payload=made)

    def last_login(self, run: Run) -> Done:
        accounts = self._existing(run)
        return Done(
            payload=result(
                Field("accountjids", values=tuple(map(str, accounts))),
                Field("lastlogin", label="Last login", values=tuple(map(self._login_of, accounts))),
            )
        )

    def figures(self, run: Run) -> Done:
        account = self._named(run)
        self._check_exists(account)
        sessions = self._host.sessions(account.local)
        size = sum(each.listed for each in self._host.rosters.of(account))
        addresses = tuple(dict.fromkeys(each.opened.address for each in sessions if each.opened.address))
        return Done(
            payload=result(
                Field("ipaddresses", label="Addresses", values=addresses),
                Field("rostersize", label="Contacts", values=(str(size),)),
                Field("onlineresources", label="Resources", values=tuple(each.jid.resource for each in sessions)),
            )
        )

    # How many, and who (sections 4.13 to 4.22)

    def number(self, kind: str, words: str, of: Callable[[], Iterable[JID]]) -> Callable[[Run], Done]:
        def run(run: Run) -> Done:
            number = str(sum(1 for _ in of()))
            return Done(payload=result(Field(f"{kind}usersnum", label=f"Number of {words}", values=(number,))))

        return run

    def list(self, kind: str, words: str, of: Callable[[], Iterable[JID]]) -> Callable[[Run], Done]:
        def run(run: Run) -> Done:
            most = run.answers[0].text("max_items")
            found = tuple(map(str, of()))[: int(most) if most.isdecimal() else None]
            return Done(payload=result(Field(f"{kind}userjids", label=f"List of {words}", values=found)))

        return run

    def announce(self, run: Run) -> Done:
        """Section 4.23: to each session that is available, once."""
        answers = run.answers[0]
        told = [each for each in self._host.all_sessions() if each.presence is not None]
        for session in told:
            message = stanza("message", {"type": "headline", "from": self._host.domain, "to": session.full})
            for name, text in (("subject", answers.text("subject")), ("body", answers.text("announcement"))):
                if text:
                    child(message, ns.CLIENT, name).text = clean(text)
            self._host.router.send(message)
        return Done(f"Told: {len(told)}.")

    # The message of the day (sections 4.24 to 4.26)

    def set_motd(self, run: Run) -> Done:
        """Who is online is told now, others when they are."""
        self.motd.set(run.answers[0].text("motd"))
        return Done("Everybody will be told once.")

    def motd_form(self, run: Run) -> Form:
        """With the current one."""
        lines = tuple(self.motd.text.splitlines())
        return Form(
            (Field("motd", "text-multi", MOTD, required=True, values=lines),), NS, "Edit the message of the day"
        )

    def edit_motd(self, run: Run) -> Done:
        """Who has been told already isn't again."""
        self.motd.edit(run.answers[0].text("motd"))
        return Done("It was changed.")

    def delete_motd(self, run: Run) -> Done:
        self.motd.delete()
        return Done("It was deleted.")

    def _registered(self) -> Iterable[JID]:
        return (jid for jid, _ in self._host.accounts.of(self._host.domain))

    def _disabled(self) -> Iterable[JID]:
        return (jid for jid in self._registered() if self._host.accounts.is_disabled(jid))

    def _online(self) -> Iterable[JID]:
        return dict.fromkeys(each.account for each in self._host.all_sessions())

    def _at_hand(self, *, active: bool) -> Iterable[JID]:
        """Whoever says that they are away, with all clients, is idle."""
        return (jid for jid in self._online() if active == any(map(is_active, self._host.sessions(jid.local))))

    def _login_of(self, account: JID) -> str:
        """ "" for somebody who hasn't been here."""
        times: list[float] = [each.since for each in self._host.sessions(account.local)]
        stored: float | None = self._host.store.get("login", account.bare, "")
        return stamp(max([*times, stored or 0])) if times or stored else ""

    def _named(self, run: Run) -> JID:
        """The account in the form. Raises StanzaError."""
        jid = run.answers[0].jid("accountjid")
        assert jid is not None  # a required field
        return self._ours(jid).to_bare()

    def _existing(self, run: Run) -> tuple[JID, ...]:
        """The accounts in the form. Raises StanzaError when one of them isn't there: all are done, or none."""
        accounts = tuple(dict.fromkeys(self._ours(each).to_bare() for each in run.answers[0].jids("accountjids")))
        for each in accounts:
            self._check_exists(each)
        return accounts

    def _ours(self, jid: JID) -> JID:
        if jid.domain != self._host.domain or not jid.local:
            raise StanzaError("not-acceptable", f"{jid} is no account of {self._host.domain}")
        return jid

    def _check_exists(self, account: JID) -> None:
        if not self._host.accounts.exists(account):
            raise StanzaError("item-not-found", f"there is no account {account}")


def result(*fields: Field) -> Element:
    """What a command shows."""
    return Form(fields, NS).result()


def listed(accounts: Iterable[JID]) -> str:
    return ", ".join(map(str, accounts))


def is_active(session: Session) -> bool:
    """Available, and not away."""
    return session.presence is not None and session.presence.text_of("show") not in ("away", "xa")
