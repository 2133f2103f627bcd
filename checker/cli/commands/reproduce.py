"""``ptecheck reproduce``: its options."""

from __future__ import annotations

import argparse

FORMS = ("kunit", "debug-vm-pgtable", "selftest")

EPILOG = """\
A trace about entries (worlds pte, helpers, levels) becomes a test that calls
the kernel's own helpers: a KUnit suite, or a function for
mm/debug_vm_pgtable.c. With --against the KUnit suite is a program of its own,
with that configuration's helpers printed as C. A trace about processes (worlds
mm and kernel) becomes a program of system calls that reports as kselftest does.

exit status: 0 written, 2 wrong use, or a trace that C cannot show, with the
reason.

examples:
  ptecheck check loongarch/original --world pte --save out
  ptecheck reproduce out/loongarch_original/pte/write-protect-holds.trace.json
  ptecheck reproduce TRACE --against loongarch/huacai -o test.c
  cc -o test test.c && ./test
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("file", metavar="TRACE", help="a .trace.json file written by check --save")
    parser.add_argument("--form", choices=FORMS, help="default: kunit for entries, selftest for processes")
    parser.add_argument(
        "--against",
        metavar="CONFIG",
        help="a program of its own, with the helpers of this configuration of the machine",
    )
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the trace was made from, and of ARCH/tree")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write here instead of to standard output")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.reproduce import run_reproduce

    return run_reproduce(args)
