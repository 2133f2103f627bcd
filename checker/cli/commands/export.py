"""``ptecheck export``: its options."""

from __future__ import annotations

import argparse

from checker.cli.commands.one_system import add_system_options
from checker.cli.export_formats import FORMATS


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    add_system_options(parser)
    parser.add_argument("--format", required=True, choices=tuple(FORMATS), help="the language")
    parser.add_argument(
        "-o", dest="output", metavar="FILE", help="write here instead of to standard output; AIGER packed if .aig"
    )


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.export import run_export

    return run_export(args)
