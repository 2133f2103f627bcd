"""``ptecheck certify``: its options."""

from __future__ import annotations

import argparse

EPILOG = """\
exit status: 0 every certificate holds, 2 one is refused, 3 the solver gave up.

examples:
  ptecheck check loongarch/huacai --save out   make some
  ptecheck certify out                         all that are below a folder
  ptecheck certify out/loongarch_huacai/pte/write-protect-holds
  ptecheck certify out --solver cvc5           by an unrelated solver
  ptecheck certify out --kernel ~/linux        made from a kernel tree
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("dir", metavar="DIR", help="a folder written by check --save, or one certificate's folder")
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the certificates were made from")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")
    parser.add_argument("--solver", choices=("z3", "cvc5", "bitwuzla"), default="z3", help="who answers (default: z3)")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.evidence import run_certify
    from checker.cli.kernels import kernel_tree

    return run_certify(args.dir, kernel_tree(args.kernel, None, [], False, args.machine), args.solver)
