"""The reports for CI that ``check`` writes: ``--junit`` and ``--sarif``."""

from __future__ import annotations

import argparse

from checker.cli.forms.findings import findings_of
from checker.cli.jobs import Outcome
from checker.cli.output import write_text


def write_reports(outcomes: list[Outcome], args: argparse.Namespace) -> None:
    """Writes the reports that were asked for.

    Raises:
        UsageError: a file cannot be written.
    """
    found = findings_of(outcomes, args.invariant)
    if args.junit:
        from checker.cli.forms.junit import junit

        write_text(junit(found, bounded=args.depth is not None), args.junit, "--junit")
    if args.sarif:
        from checker.cli.forms.sarif import sarif

        write_text(sarif(found), args.sarif, "--sarif")
