"""What is made of an outcome by the process that decided it: its evidence on disk, and what a report on many machines says.

That process has the machine's helpers at hand; the one that prints would have to read them from the tree once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checker.cli.jobs import Job, Outcome, only

if TYPE_CHECKING:
    from checker.cli.forms.findings import Finding
    from checker.cli.trees import Told


@dataclass(frozen=True)
class Making:
    """What to make of each outcome.

    Attributes:
        invariant: of the results on this one only; None for all.
        save: the folder below which evidence is written; "" for none.
        tell: what a report on many machines tells is worked out.
        find: what reports for CI say is worked out.
    """

    invariant: str | None
    save: str
    tell: bool
    find: bool = False

    def __call__(self, outcome: Outcome) -> Made:
        """Makes it.

        Raises:
            UsageError: a file cannot be written.
        """
        wanted = only(outcome, self.invariant)
        return Made(
            _saved(wanted, self.save) if self.save else {},
            _told(wanted) if self.tell else None,
            _found(wanted) if self.find else (),
        )


@dataclass(frozen=True)
class Made:
    """What was made: where each piece of evidence is, what is told, and what reports for CI say."""

    paths: dict[tuple[Job, str], str]
    told: Told | None
    findings: tuple[Finding, ...] = ()


def _saved(outcome: Outcome, folder: str) -> dict[tuple[Job, str], str]:
    from checker.cli.evidence import save

    return save([outcome], Path(folder))


def _told(outcome: Outcome) -> Told:
    from checker.cli.trees import tell

    return tell(outcome)


def _found(outcome: Outcome) -> tuple[Finding, ...]:
    from checker.cli.forms.findings import findings

    return findings(outcome)
