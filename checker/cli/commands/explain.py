"""``ptecheck explain``: its options."""

from __future__ import annotations

import argparse

from checker.cli.option_types import seconds

EPILOG = """\
A trace gets its cause: the smallest set of assignments (a helper, a bit) that,
left out, removes the violation, and the step at which the entry goes wrong. A
proof gets its clauses, each with the operations and helpers that break it when
another clause is left out, and the assignments that the proof rests on. What
the words mean: docs/explain.md

exit status: 0 all is explained, 2 wrong use or bad input, 3 a limit was reached
before all was looked at

examples:
  ptecheck check loongarch/original --save out
  ptecheck explain out/loongarch_original/pte/write-protect-holds.trace.json
  ptecheck explain out
  ptecheck explain --kernel ~/linux out/csky_tree/helpers-pte
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "path", metavar="TRACE|CERTIFICATE|DIR", help="a trace, a certificate's folder, or a folder of check --save"
    )
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the evidence was made from")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")
    parser.add_argument(
        "--timeout", type=seconds, default=60.0, metavar="S", help="time limit for each question (default: 60 s)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the answers as JSON; - is standard output")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.explaining import run_explain
    from checker.cli.kernels import kernel_tree

    return run_explain(args.path, kernel_tree(args.kernel, None, [], False, args.machine), args.timeout, args.json)
