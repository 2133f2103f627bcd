"""``ptecheck replay``: its options."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("file", metavar="FILE", help="a .trace.json file written by check --save")
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the trace was made from")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.evidence import run_replay

    return run_replay(args.file, args.kernel)
