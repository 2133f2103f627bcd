"""Options of the commands that take exactly one system: its configuration, world and choices."""

from __future__ import annotations

import argparse


def add_system_options(parser: argparse.ArgumentParser) -> None:
    """Declares what :func:`checker.cli.export.chosen_system` reads."""
    parser.add_argument("config", metavar="CONFIG", help="the configuration, as check takes it")
    parser.add_argument("--world", choices=("pte", "mm", "kernel", "helpers", "levels", "codes"), help="which world")
    parser.add_argument("--level", metavar="NAME", help="world helpers or codes: pte, pmd or pud; levels: pte+pmd")
    parser.add_argument("--split", metavar="NAME", help="the order of calls in the huge-page split")
    parser.add_argument("--mm", metavar="RELEASE", help="world kernel: generic mm of this release")
    parser.add_argument("--migration", metavar="NAME", help="world kernel: this order of calls when a migration ends")
    parser.add_argument("--with", dest="extras", metavar="NAME", action="append", default=[], help="as check has it")
    parser.add_argument(
        "--processes", type=int, choices=(1, 2, 3), default=2, metavar="N", help="world kernel: 1 to 3 (default: 2)"
    )
    parser.add_argument(
        "--invariant", dest="invariants", metavar="NAME", action="append", default=[], help="only this; may be repeated"
    )
    parser.add_argument("--kernel", metavar="DIR", help="take the helpers from the C of this kernel tree")
    parser.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")
