"""What is made of an outcome by the process that decided it: its evidence on disk, and what a report on many machines says.

That process has the machine's helpers at hand; the one that prints would have to read them from the tree once more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.cli.jobs import Job, Outcome, only
from checker.records import dataclass

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
        drawn: how many states each picture of the page of ``--report`` may have; 0 without one.
    """

    invariant: str | None
    save: str
    tell: bool
    find: bool = False
    drawn: int = 0

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
            _page(wanted, self.drawn) if self.drawn else None,
        )


@dataclass(frozen=True)
class Made:
    """What was made.

    Attributes:
        paths: where each piece of evidence is.
        told: what a report on many machines tells.
        findings: what reports for CI say.
        page: the evidence as the page of ``--report`` has it.
    """

    paths: dict[tuple[Job, str], str]
    told: Told | None
    findings: tuple[Finding, ...] = ()
    page: dict[str, Any] | None = None


def _saved(outcome: Outcome, folder: str) -> dict[tuple[Job, str], str]:
    from checker.cli.evidence import save

    return save([outcome], Path(folder))


def _told(outcome: Outcome) -> Told:
    from checker.cli.trees import tell

    return tell(outcome)


def _page(outcome: Outcome, drawn: int) -> dict[str, Any]:
    from checker.cli.report_html.parts import outcome_part

    return outcome_part(outcome, drawn)


def _found(outcome: Outcome) -> tuple[Finding, ...]:
    from checker.cli.forms.findings import findings

    return findings(outcome)
