"""Results as plain data for the reports that CI reads: what was required, what came out, where, and step by step how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checker.cli.jobs import UNREAD, Job, NotModelled, Outcome, build_system, only
from checker.cli.main import UsageError
from checker.verdict import Result

if TYPE_CHECKING:
    from checker.cli.telling import ToldStep, ToldTrace
    from checker.system import Invariant
    from models.narrate import Call


@dataclass(frozen=True)
class Place:
    """Where something is: a helper's name, and file and line in the kernel tree where they are known (else "" and 0)."""

    helper: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Moment:
    """One step of a counterexample.

    Attributes:
        operation: its name.
        calls: the helper calls in it: the text with the changed bits, and where the helper is.
        entries: whose entry -> its bits in letters, where they changed.
        remarks: what is wrong after it, what was judged, what it breaks.
    """

    operation: str
    calls: tuple[tuple[str, Place], ...]
    entries: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One result as a report needs it.

    Attributes:
        config, title: which system: the configuration, and the world with its choices.
        world: the world alone.
        result: the verdict and its evidence.
        says, consequence, source: of the requirement; "" where the helpers could not be read.
        place: the helper that is to be looked at, if one is known.
        moments: the steps of a counterexample, the start first.
        text: a violation told in plain lines; else "".
        again: the command that asks the same question.
    """

    config: str
    title: str
    world: str
    result: Result
    says: str
    consequence: str
    source: str
    place: Place | None = None
    moments: tuple[Moment, ...] = ()
    text: str = ""
    again: str = ""

    @property
    def summary(self) -> str:
        """The verdict in words, as ``check`` prints it."""
        from checker.cli.report import verdict_words

        return verdict_words(self.result)


def findings(outcome: Outcome) -> tuple[Finding, ...]:
    """Everything that reports say of an outcome, worked out where its helpers are at hand."""
    try:
        known = {invariant.name: invariant for invariant in build_system(outcome.job).invariants}
    except (NotModelled, UsageError):
        known = {}
    return tuple(_finding(outcome.job, result, known.get(result.invariant)) for result in outcome.results)


def findings_of(outcomes: Iterable[Outcome], invariant: str | None) -> list[Finding]:
    """The findings of many outcomes; worked out here where the process that should have done it was stopped."""
    found: list[Finding] = []
    for outcome in outcomes:
        made = outcome.made.findings if outcome.made else ()
        found += made or findings(only(outcome, invariant))
    return found


_UNREAD_SAYS = "every helper that generic mm relies on can be read from the tree"


def _finding(job: Job, result: Result, invariant: Invariant | None) -> Finding:
    from checker.cli.forms.rows import command

    says = (invariant.says, invariant.consequence, invariant.source) if invariant else ("", "", "")
    if result.invariant == UNREAD:
        says = (_UNREAD_SAYS, "what the helpers do is not known", "")
    again = "" if result.invariant == UNREAD else command(job, result.invariant)
    if result.trace is None:
        return Finding(job.config, job.title, job.world, result, *says, place=_named_in(result.reason), again=again)
    from checker.cli.forms.mail import mail
    from checker.cli.telling import told

    run = told(job, result.trace)
    moments = tuple(_moment(run, step) for step in run.steps)
    return Finding(job.config, job.title, job.world, result, *says, _culprit(run), moments, mail(run), again)


def _named_in(reason: str) -> Place | None:
    """The first place in the tree that a reason names."""
    found = re.search(r"([\w+./-]+\.[chS]):(\d{1,7})\b", reason)
    return Place("", found[1], int(found[2])) if found else None


def place_of(run: ToldTrace, helper: str) -> Place:
    """A helper with its file and line, where it was read from a tree."""
    file, _, line = run.arch.places.get(helper, "").rpartition(":")
    return Place(helper, file, int(line)) if file and line.isdecimal() else Place(helper)


def _moment(run: ToldTrace, step: ToldStep) -> Moment:
    from checker.cli.forms.rows import ends_with, letters
    from models.narrate import describe

    rows = step.changed_rows
    return Moment(
        step.operation,
        tuple((describe(run.arch, call), place_of(run, call.helper)) for row in rows for call in row.calls),
        tuple((row.who or "entry", letters(run, row)) for row in rows if row.entry is not None),
        tuple([row.note for row in rows if row.note] + ends_with(run, step)),
    )


def _culprit(run: ToldTrace) -> Place | None:
    """Where to look first.

    That is the helper on entries in the table that the requirement names; else the last helper of the run, what is judged
    included, that changed an entry, one read from the tree before others; else the file that most helpers come from.
    """
    named = [h for h in re.findall(r"(\w+)\(\)", run.invariant.says) if h in run.arch.in_place]
    helpers = [call for call in reversed(list(_calls(run))) if call.helper in run.arch.helpers]
    changing = [call.helper for call in helpers if call.before != call.after] or [call.helper for call in helpers]
    candidates = [*named[:1], *changing]
    known = [helper for helper in candidates if helper in run.arch.places]
    if not known and run.arch.places:
        return Place("", _home(run))
    return place_of(run, (known or candidates)[0]) if candidates else None


def _home(run: ToldTrace) -> str:
    """The file below ``arch/`` that most helpers come from."""
    from collections import Counter

    files = [place.rpartition(":")[0] for place in run.arch.places.values()]
    return Counter(sorted(f for f in files if f.startswith("arch/")) or sorted(files)).most_common(1)[0][0]


def _calls(run: ToldTrace) -> Iterator[Call]:
    from models.narrate import calls_behind

    for step in run.steps:
        yield from (call for row in step.changed_rows for call in row.calls)
    yield from (call for value in run.judged for call in calls_behind(value))
