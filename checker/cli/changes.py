"""``check --kernel TREE --patch FILE``: what a patch changes, requirement by requirement, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from checker.cli.jobs import Job, Outcome
from checker.cli.kernels import KernelTree, opened
from checker.cli.report import result_data
from checker.cli.trees import fill, place, short, told
from checker.records import dataclass
from checker.verdict import EXIT_HOLDS, EXIT_UNDECIDED, EXIT_VIOLATED, Result, Verdict

SCHEMA = "ptecheck.changes/1"

FIXED, BROKEN, OPENED, CLOSED, OTHER, SAME = (
    "fixed",
    "broken",
    "no longer decided",
    "now decided",
    "changed",
    "unchanged",
)
"""What can become of a requirement: mended, broken, or broken in another way, and so on."""


@dataclass(frozen=True)
class Change:
    """One requirement before and after.

    Attributes:
        job: what it is about, after the patches.
        before, after: the verdicts; None where there was no such requirement.
    """

    job: Job
    before: Result | None
    after: Result | None

    @property
    def kind(self) -> str:
        """What became of it."""
        was, now = _state(self.before), _state(self.after)
        if was == now:
            return OTHER if was == "broken" and _run(self.before) != _run(self.after) else SAME
        if now == "broken":
            return BROKEN
        if now == "open":
            return OPENED
        return FIXED if was == "broken" else CLOSED if was == "open" else SAME

    @property
    def name(self) -> str:
        """The requirement's name."""
        result = self.after or self.before
        assert result is not None
        return result.invariant


def _state(result: Result | None) -> str:
    if result is None or result.verdict is Verdict.PROVED or (result.verdict is Verdict.VIOLATED and not result.failed):
        return "fine"
    return "broken" if result.failed else "open"


def _run(result: Result | None) -> list[str]:
    return [step.operation for step in result.trace.steps] if result and result.trace else []


def changes(before: list[Outcome], after: list[Outcome]) -> list[Change]:
    """Every requirement before and after, in the order of the report."""
    old = {_key(o.job, r): r for o in before for r in o.results}
    new = {_key(o.job, r): (o.job, r) for o in after for r in o.results}
    found = [Change(job, old.get(key), result) for key, (job, result) in new.items()]
    return found + [Change(o.job, r, None) for o in before for r in o.results if _key(o.job, r) not in new]


def _key(job: Job, result: Result) -> tuple[str, ...]:
    return (job.config, job.world, job.level, job.split, job.generation, result.invariant)


def status_of(found: list[Change]) -> int:
    """1 if something is broken by the patches, 3 if something cannot be decided any more, else 0."""
    kinds = {change.kind for change in found}
    if BROKEN in kinds:
        return EXIT_VIOLATED
    return EXIT_UNDECIDED if OPENED in kinds else EXIT_HOLDS


def change_report(found: list[Change], kernel: KernelTree) -> str:
    """What changes, machine by machine."""
    text = fill(f"{_patches(kernel)}: what changes for the helpers of Linux {opened(kernel.unpatched).version()}", "")
    shown = [change for change in found if change.kind != SAME]
    for config in dict.fromkeys(change.job.config for change in shown):
        text += f"\n{short(config)}\n" + "".join(_machine([c for c in shown if c.job.config == config]))
    return text + "\n" + _counts(found)


def _patches(kernel: KernelTree) -> str:
    names = ", ".join(kernel.names)
    return f"{names}, taken back" if kernel.reverse else names


def _machine(found: list[Change]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in found:
        groups.setdefault((change.kind, change.name), []).append(change)
    for (kind, name), group in groups.items():
        where = ", ".join(dict.fromkeys(place(change.job) for change in group))
        yield fill(f"{kind}: {name} ({where})")
        result = group[0].after
        if kind in (BROKEN, OTHER) and result is not None and result.trace is not None:
            yield told(group[0].job, result)
        elif kind == OPENED and result is not None:
            yield fill(result.reason, "    ")


def _counts(found: list[Change]) -> str:
    counts = Counter(change.kind for change in found)
    words = [f"{counts[kind]} {kind}" for kind in (FIXED, BROKEN, OTHER, OPENED, CLOSED) if counts[kind]]
    still = sum(change.kind == SAME and _state(change.after) == "broken" for change in found)
    same = f"{counts[SAME]} unchanged" + (f", {still} of them broken before and after" if still else "")
    return fill("; ".join([*words, same]), "")


def change_data(found: list[Change], kernel: KernelTree) -> dict[str, Any]:
    """The same as JSON data."""
    return {
        "schema": SCHEMA,
        "patches": list(kernel.names),
        "reverse": kernel.reverse,
        "changes": [
            {
                "kind": change.kind,
                "before": change.before and result_data(change.job, change.before),
                "after": change.after and result_data(change.job, change.after),
            }
            for change in found
        ],
    }
