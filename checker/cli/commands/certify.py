"""``ptecheck certify``: its options."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("dir", metavar="DIR", help="a folder written by check --save, or one certificate's folder")
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the certificates were made from")
    parser.add_argument("--solver", choices=("z3", "cvc5", "bitwuzla"), default="z3", help="who answers (default: z3)")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.evidence import run_certify

    return run_certify(args.dir, args.kernel, args.solver)
