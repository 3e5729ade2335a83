"""What --help and --help-all say: all of it follows from the table of options."""

from __future__ import annotations

import textwrap

from conversehost.options import PREFIX, SPOKEN, Option

COLUMNS, INDENT = 80, 25
MOST_USED = ("port", "c2s-port", "interface", "tls", "domain", "user", "scenario", "auth", "proxy", "config")
"""What --help shows, in its order."""
HEAD = """\
Usage: {command} [options]

A web site, an XMPP server and Converse.js in one process, for development and
tests: log in to the site, and you are logged in to the chat. All state lives in
memory.
"""
EXAMPLES = """\
Examples
  {command}
  {command} --port 0 --c2s-port 0
  {command} --domain chat.example --user me:secret
  {command} --proxy http://localhost:8000

Commands, each with a --help of its own
  conversehost run -- COMMAND         a server for a command, such as npm test
  conversehost play FILE              plays a dialogue of clients
  conversehost proxy-config nginx     prints what nginx in front of it needs
  conversehost token --explain TOKEN  says why a token isn't taken
"""
ELSEWHERE = """\
Each option is also an environment variable ({prefix}PORT=8080; commas
between the values of a list) and a key of the TOML file (port = 8080). The
command line wins over the environment, the environment over the file. Punjab's
names are known too: see docs/coming-from-punjab.md.
"""


def help_text(command: str) -> str:
    """What most people need, on one page; `command` is what was typed to get here."""
    known = {option.name: option for option in SPOKEN}
    titles = [group.partition(" (")[0].partition(":")[0] for group in _groups()]
    groups = ", ".join(title[0].lower() + title[1:] for title in titles)
    lines = [
        HEAD.format(command=command),
        "The most used options",
        *(_option(known[name]) for name in MOST_USED),
        "",
        _line("--help-all", f"all {len(SPOKEN)} options: {groups}"),
        _line("--version", "print the version and exit"),
        "",
        EXAMPLES.format(command=command),
    ]
    return "\n".join(lines)


def whole_help(command: str) -> str:
    """Every option, by group."""
    lines = [HEAD.format(command=command)]
    for group in _groups():
        lines += [group, *(_option(option) for option in SPOKEN if option.group == group), ""]
    return "\n".join([*lines, ELSEWHERE.format(prefix=PREFIX)])


def _groups() -> dict[str, None]:
    """In their order."""
    return dict.fromkeys(option.group for option in SPOKEN)


def _option(option: Option) -> str:
    text = option.help
    if option.default not in (None, False, (), ""):
        default = option.default if isinstance(option.default, tuple) else [option.default]
        text += f" (default: {', '.join(map(str, default))})"
    return _line(f"--{option.name} {option.kind.metavar}".rstrip(), text)


def _line(left: str, text: str) -> str:
    """What is too long for its column has a line of its own."""
    first = f"  {left:<{INDENT - 2}}" if len(left) < INDENT - 3 else f"  {left}\n{'':<{INDENT}}"
    lines = textwrap.wrap(text, COLUMNS - INDENT, break_long_words=False, break_on_hyphens=False)
    return first + f"\n{'':<{INDENT}}".join(lines)
