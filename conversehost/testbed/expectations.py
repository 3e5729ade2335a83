"""What a test expects to be said, set before it is: how often, in which order, how soon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from conversehost.clock import Clock
from conversehost.testbed.traffic import Filter, Record, Traffic, near_misses

SHOWN = 400
"""Characters of a near miss in a sentence."""
MET, UNMET, VIOLATED = "met", "unmet", "violated"


@dataclass(slots=True, eq=False)
class Expectation:
    """Something that is said at least `least` and at most `most` times (None: as often as it likes).

    What one client says to another counts once, though it is seen twice, coming `in` and going `out`: the direction
    that it was seen more often in counts. `group`: those of one group are met one after the other. `within`: seconds
    in which it has to come; what comes later doesn't count. Raises FilterError.
    """

    name: str
    wanted: Filter
    least: int = 1
    most: int | None = None
    group: str = ""
    within: float | None = None
    after: int = 0
    """The number of the record before it was set."""
    due: float | None = None
    """Until when, by the server's clock."""
    wrong: str = ""
    """Why it can't be met any more."""
    _came: Counter[str] = field(default_factory=Counter)
    _tests: tuple[Callable[[Record], bool], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._tests = tuple(self.wanted.tests().values())

    @property
    def count(self) -> int:
        """How often it came."""
        return max(self._came.values(), default=0)

    @property
    def is_satisfied(self) -> bool:
        """It came often enough."""
        return self.count >= self.least

    def fits(self, record: Record, now: float) -> bool:
        """It is one of those, and in time."""
        in_time = self.due is None or now <= self.due
        return in_time and all(test(record) for test in self._tests)

    def pairs(self, record: Record) -> bool:
        """Such a one was seen going the other way, so this one needn't be another."""
        return self._came[record.direction] < self.count

    def take(self, record: Record) -> None:
        """It came once more."""
        self._came[record.direction] += 1
        if self.most is not None and self.count > self.most:
            self.wrong = self.wrong or f"it came {times(self.count)}"

    def state(self, now: float) -> str:
        """`met`, `unmet` so far, or `violated`: whatever comes, it can't be met any more."""
        if self.wrong:
            return VIOLATED
        over = self.due is not None and now > self.due
        if self.is_satisfied:
            return MET if over or self.due is None or self.least else UNMET  # never: until the time is over
        return VIOLATED if over else UNMET

    def asked(self) -> str:
        """What was expected, in words."""
        if self.most == 0:
            often = "never"
        elif self.most == self.least:
            often = times(self.least)
        elif self.least == 0:
            often = f"at most {times(self.most or 0)}"
        else:
            often = f"at least {times(self.least)}" + (f", at most {times(self.most)}" if self.most else "")
        soon = f" within {self.within:g} seconds" if self.within is not None else ""
        return f"{self.wanted.told()} {often}{soon}"


class Expectations:
    """All of them, in the order in which they were set. They listen to the traffic while there are any."""

    def __init__(self, traffic: Traffic, clock: Clock) -> None:
        """`clock`: what `within` is measured by."""
        self._traffic = traffic
        self._clock = clock
        self.by_name: dict[str, Expectation] = {}

    def add(self, expectation: Expectation) -> None:
        """From now on."""
        expectation.after = self._traffic.last
        if expectation.within is not None:
            expectation.due = self._clock.now() + expectation.within
        self.by_name[expectation.name] = expectation
        self._listen()

    def remove(self, name: str) -> None:
        """It isn't expected any more."""
        del self.by_name[name]
        self._listen()

    def clear(self) -> None:
        """Nothing is."""
        self.by_name.clear()
        self._listen()

    def state(self, expectation: Expectation) -> str:
        """At this moment."""
        return expectation.state(self._clock.now())

    def nearest(self, expectation: Expectation) -> list[tuple[Record, list[str]]]:
        """What came nearest since it was set, and what differs."""
        if expectation.is_satisfied:
            return []
        return near_misses(expectation.wanted, self._traffic.since(expectation.after))

    def why(self, expectation: Expectation) -> str:
        """A sentence about one that isn't met; "" for one that is."""
        if self.state(expectation) == MET:
            return ""
        if expectation.wrong:
            return expectation.wrong
        if expectation.is_satisfied:
            return "its time isn't over yet"
        told = f"it came {times(expectation.count)}" if expectation.count else "it didn't come"
        nearest = self.nearest(expectation)
        near = "; ".join(f"{each.xml[:SHOWN]} ({' and '.join(failed)} differs)" for each, failed in nearest)
        came = sum(1 for _ in self._traffic.since(expectation.after))
        if came and not expectation.count:
            told += f"; of {came} that did, " + (f"the nearest: {near}" if near else "none was near")
        return told

    def explain(self, expectation: Expectation) -> str:
        """What was expected, and why it isn't so."""
        return f"expected {expectation.asked()}: {self.why(expectation)}"

    def _listen(self) -> None:
        listening = self._take in self._traffic.listeners
        if self.by_name and not listening:
            self._traffic.listeners.append(self._take)
        elif listening and not self.by_name:
            self._traffic.listeners.remove(self._take)

    def _take(self, record: Record) -> None:
        now = self._clock.now()
        before = {each: each.state(now) for each in self.by_name.values()}
        groups: dict[str, list[Expectation]] = {}
        for each in self.by_name.values():
            if each.group:
                groups.setdefault(each.group, []).append(each)
            elif each.fits(record, now):
                each.take(record)
        for members in groups.values():
            take_in_order(members, record, now)
        for each, state in before.items():
            if each.state(now) != state:
                self._traffic.mark(f"expectation-{each.state(now)}", name=each.name)


def take_in_order(group: list[Expectation], record: Record, now: float) -> None:
    """Of one group a single one takes it: whoever saw it go the other way, else the first that still waits for it."""
    fitting = [each for each in group if each.fits(record, now)]
    if not fitting:
        return
    pair = next((each for each in fitting if each.pairs(record)), None)
    taker = pair or next((each for each in fitting if not each.is_satisfied), fitting[0])
    before = next((each for each in group[: group.index(taker)] if not each.is_satisfied), None)
    if before is not None:
        taker.wrong = taker.wrong or f"it came before {before.wanted.told()}"
    taker.take(record)


def times(count: int) -> str:
    """In words."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
