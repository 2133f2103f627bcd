"""The reports for CI that ``check`` writes: ``--junit`` and ``--sarif``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from checker.cli.main import UsageError
from checker.cli.output import write_text

if TYPE_CHECKING:
    from checker.cli.jobs import Outcome


def require_reports(args: argparse.Namespace) -> None:
    """Raises UsageError if a report that is asked for cannot be made or written."""
    from checker.cli.check import require_writable_file

    for option, target in (("--junit", args.junit), ("--sarif", args.sarif)):
        if target and args.patch:
            raise UsageError(f"{option} is about one tree, not about what a patch changes: leave out --patch")
        if target:
            require_writable_file(target, option)


def write_reports(outcomes: list[Outcome], args: argparse.Namespace) -> None:
    """Writes the reports that were asked for, if any.

    Raises:
        UsageError: a file cannot be written.
    """
    if not args.junit and not args.sarif:
        return
    from checker.cli.forms.findings import findings_of

    found = findings_of(outcomes, args.invariant)
    if args.junit:
        from checker.cli.forms.junit import junit

        write_text(junit(found, bounded=args.depth is not None), args.junit, "--junit")
    if args.sarif:
        from checker.cli.forms.sarif import sarif

        write_text(sarif(found), args.sarif, "--sarif")
