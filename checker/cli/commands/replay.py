"""``ptecheck replay``: its options."""

from __future__ import annotations

import argparse

EPILOG = """\
exit status: 0 every step is as the file says, 2 it is not, or wrong use.

examples:
  ptecheck check loongarch/original --save out     keep some traces
  ptecheck replay out/loongarch_original/pte/write-protect-holds.trace.json
  ptecheck replay my.trace.json --kernel ~/linux   made from a kernel tree
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("file", metavar="FILE", help="a .trace.json file written by check --save")
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the trace was made from")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.evidence import run_replay
    from checker.cli.kernels import kernel_tree

    return run_replay(args.file, kernel_tree(args.kernel, None, [], False, args.machine))
