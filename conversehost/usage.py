"""What --help says: all of it follows from the table of options."""

from __future__ import annotations

import textwrap

from conversehost.options import PREFIX, SPOKEN, Option

WIDTH = 29
HEAD = """\
Usage: {command} [options]

A web site, an XMPP server and Converse.js in one process, for development and tests:
log in to the site, and you are logged in to the chat. All state lives in memory.
"""
TAIL = """\
  --version                  print the version and exit
  --help                     print this and exit

Each option is also an environment variable ({prefix}PORT=8080; commas between the values of a
list) and a key of the TOML file (port = 8080). The command line wins over the environment, the
environment over the file. Punjab's names are known too: see docs/coming-from-punjab.md.

Examples
  {command}
  {command} --port 0 --c2s-port 0 --json
  {command} --domain chat.example --user me:secret --interface 0.0.0.0
  conversehost proxy-config nginx    (prints a configuration for nginx, apache or caddy in front)
  conversehost play FILE             (plays a dialogue of clients: see conversehost play --help)
  conversehost token --explain TOKEN (says why a token isn't taken: see conversehost token --help)
  conversehost run -- COMMAND        (a server for a command, such as npm test)
"""


def help_text(command: str) -> str:
    """All that --help says, at most 100 columns wide; `command` is what was typed to get here."""
    lines = [HEAD.format(command=command)]
    for group in dict.fromkeys(option.group for option in SPOKEN):
        lines.append(f"{group}")
        lines += [_help_line(option) for option in SPOKEN if option.group == group]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n" + TAIL.format(command=command, prefix=PREFIX)


def _help_line(option: Option) -> str:
    left = f"  --{option.name} {option.kind.metavar}".rstrip()
    text = option.help
    if option.default not in (None, False, (), ""):
        default = option.default if isinstance(option.default, tuple) else [option.default]
        text += f" (default: {', '.join(map(str, default))})"
    if len(left) > WIDTH - 2:
        return left + "\n" + textwrap.indent("\n".join(textwrap.wrap(text, 100 - WIDTH)), " " * WIDTH)
    return textwrap.fill(text, 100, initial_indent=f"{left:<{WIDTH}}", subsequent_indent=" " * WIDTH)
