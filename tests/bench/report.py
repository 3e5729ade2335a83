"""What came out: judged by the budgets, as text, as JSON, and as `docs/performance.md`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .figures import FIGURES, Figure

OURS = "conversehost"
NAMES = {OURS: "conversehost", "prosody": "Prosody", "ejabberd": "ejabberd", "twistd": "bare twistd"}

Values = Mapping[str, Mapping[str, Sequence[float]]]
"""By figure, then by server: one value a round."""


@dataclass(frozen=True)
class Verdict:
    """One budget, and how it went."""

    figure: Figure
    budget: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        value, limit, unit = number(self.value), number(self.limit), self.figure.unit
        relation = "is within" if self.met else "MISSES"
        return f"{self.figure.title}: {value} {unit} {relation} {limit} {unit} ({self.budget})"


def verdicts(values: Values) -> Iterator[Verdict]:
    """On each budget that this run can judge: medians against limits, or against medians of the same run."""
    for figure in FIGURES:
        measured = values.get(figure.key, {})
        if OURS not in measured:
            continue
        ours = statistics.median(measured[OURS])
        if figure.at_most is not None:
            yield Verdict(figure, f"at most {number(figure.at_most)} {figure.unit}", ours, figure.at_most)
        for peer, part in figure.part_of.items():
            if peer in measured:
                yield Verdict(figure, f"{fraction(part)} {NAMES[peer]}", ours, statistics.median(measured[peer]) * part)


def unjudged(values: Values) -> Iterator[str]:
    """Budgets that this run says nothing about: what they are measured by, or against, isn't there."""
    for figure in FIGURES:
        measured = values.get(figure.key, {})
        if figure.at_most is not None and OURS not in measured:
            yield f"{figure.title}: it wasn't measured"
        for peer in figure.part_of:
            if not {OURS, peer} <= set(measured):
                yield f"{figure.title}: no comparison with {NAMES[peer]}"


def outcome(figure: Figure, judged: Sequence[Verdict]) -> str:
    """Met is what was judged by every budget that there is."""
    if not all(each.met for each in judged):
        return "**missed**"
    budgets = (figure.at_most is not None) + len(figure.part_of)
    if not budgets:
        return ""
    return "met" if len(judged) == budgets else "not judged" if not judged else "met in part"


def fraction(part: float) -> str:
    """In words: "1/8 of", or "1.3 times"."""
    return f"1/{1 / part:.3g} of" if part < 1 else f"{part:.3g} times"


def number(value: float) -> str:
    """With as many digits as mean something."""
    return f"{value:.1f}" if value < 20 else f"{value:,.0f}"


def summary(values: Sequence[float]) -> str:
    """The median, and the range where there is one."""
    text = number(statistics.median(values))
    return f"{text} ({number(min(values))}-{number(max(values))})" if len(values) > 1 else text


def rows(values: Values) -> Iterator[list[str]]:
    """A header, then a row a figure: ours, the others with how many times ours, the budget."""
    servers = [name for name in NAMES if any(name in measured for measured in values.values())]
    yield ["", *(NAMES[name] for name in servers), "budget", ""]
    judged = list(verdicts(values))
    for figure in FIGURES:
        measured = values.get(figure.key)
        if not measured:
            continue
        mine = [each for each in judged if each.figure is figure]
        cells = [_cell(measured, name) for name in servers]
        budgets = ", ".join(each.budget for each in mine)
        yield [f"{figure.title} ({figure.unit})", *cells, budgets, outcome(figure, mine)]


def _cell(measured: Mapping[str, Sequence[float]], name: str) -> str:
    if name not in measured:
        return ""
    text = summary(measured[name])
    ours = statistics.median(measured.get(OURS, (0,)))
    if name == OURS or ours <= 0:
        return text
    return f"{text}, x{statistics.median(measured[name]) / ours:.1f}"


def table(values: Values) -> str:
    """In columns, for a terminal."""
    lines = [[cell.replace("*", "") for cell in row] for row in rows(values)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def page(values: Values, versions: Mapping[str, str], rounds: int) -> str:
    """`docs/performance.md`."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows(values))
    missed = [str(each) for each in verdicts(values) if not each.met]
    missed += [f"{each}, so that budget isn't judged" for each in unjudged(values)]
    return PAGE.format(
        rounds=rounds,
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
        table="\n".join([head, "|---" * (head.count("|") - 1) + "|", *body]),
        spread=f"{100 * spread(values):.0f}",
        outcome="\n".join(f"- {each}" for each in missed) or "Every budget is met.",
        headline="## Budgets that this run missed, or can't judge\n" if missed else "## Budgets\n",
    )


def spread(values: Values) -> float:
    """By how much the rounds of a figure differ: half the range as a part of the median, the median of all figures."""
    spreads = [
        (max(each) - min(each)) / 2 / statistics.median(each)
        for measured in values.values()
        for each in measured.values()
        if statistics.median(each) > 0
    ]
    return statistics.median(spreads)


PAGE = """\
# What things cost

This page is written by `make bench`, which starts Prosody and ejabberd itself where they are installed
(`apt-get install prosody ejabberd`), with the same accounts and the same features as ours, and asks the same of each.

A cost is CPU time of the server's processes per operation, as the kernel counts it, not time on a clock. The server has
one core, the load another; the servers run side by side and are measured in turn. Each figure is the median of {rounds}
rounds, with the range in brackets, and how many times ours it is.

{versions}.

{table}

Take them as ratios: on this machine, whose two cores others use as well, the rounds of one figure differ by {spread} %
to either side of its median (itself a median over the figures), and a run on another day by more.

{headline}
{outcome}

## What is measured

- Message: 25 pairs, one message of 300 bytes under way in each. Over BOSH that is two requests: the one that brings it,
  and the one that takes the place of the reader's, which was held and carried it away.
- Log-in: connect, authenticate by PLAIN, restart, bind; log-out: end it. Ten at a time, each on a new connection.
- Rooms: one of 50 or 200 occupants says 300 bytes, and the next once all have heard that; a cost is that of each who
  hears it. Coming in: the last one leaves and comes back, and all presence that anybody sees of that is counted.
- Presence storm: 101 people who are all subscribed to one another are logged in over TCP, and each time all of them
  become available, see all the others, and become unavailable.
- Messages among 1,000 sessions, in 500 pairs, are measured right after those among 100, by adding the others to them.
  Each account has two sessions. In all comparisons of ours with itself the best of several measurements counts on
  either side: what disturbs them only adds.
- Recording: what is said is kept for tests to look at, unless the server runs with `--no-traffic`. Two that have just
  started, one that does so and one that doesn't, are loaded in turn for a tenth of a second each, again and again; the
  cheapest quarter of those counts on either side. Faults that aren't set cost one look at an empty list.
- Archives: all other figures are of a server with `--disable archive`, as Prosody and ejabberd keep none unless they
  are told to. By default ours keeps them, and this is what that adds, measured in the same way.
- Prebind: `GET /prebind` by somebody who is logged in to the site. Once an account has its ten sessions, the one that
  is idle for longest ends for each new one, and that is part of the cost.
- Static file: random bytes over a connection that is kept, four at a time, not compressed.
- Idle session: how much the server's memory grows (RSS) from twenty to 5,020 bound sessions, each with a request held
  on a connection that is open. Memory of the others is measured in one round, as 5,000 log-ins take them long.
- Cold start: from the command to the answer to a first bind over BOSH, beside a bare `twistd web` to its first page.
  Both have their bytecode from a start before, as installed programs have it.
- In a test: start and stop of the server of `conversehost_reactor`, once its code is imported, and `TestBed.reset`
  after a message, over HTTP. Time on a clock, the median of nineteen.

`make bench ARGS="--help"` says how to measure less. `build/bench.json` has every value. Exit status 1: a budget is
missed. To see where the time goes: `py-spy record --pid PID --native -o flames.svg` while
`make bench ARGS="--only conversehost"` runs.
"""
