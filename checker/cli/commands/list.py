"""``ptecheck list``: its options."""

from __future__ import annotations

import argparse

LISTS = ("architectures", "helpers", "variants", "invariants", "operations", "splits", "choices", "facts")

EPILOG = """\
exit status: 0, 2 wrong use; of helpers 3 if some could not be read.

examples:
  ptecheck list variants
  ptecheck list invariants                     of every world, with sources
  ptecheck list architectures --kernel ~/linux     the machines of a tree
  ptecheck list helpers arm64 --kernel ~/linux     what was read, what not
  ptecheck list operations --coverage          that none of them is dead
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("what", choices=LISTS, metavar="WHAT", help=", ".join(LISTS))
    parser.add_argument("names", nargs="*", metavar="MACHINE", help="helpers: of these machines (default: all)")
    parser.add_argument("--kernel", metavar="DIR", help="architectures and helpers: those of this kernel tree")
    parser.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")
    parser.add_argument("--coverage", action="store_true", help="operations: how often each fires, branch by branch")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.kernels import kernel_tree
    from checker.cli.listing import run_list

    return run_list(args.what, args.coverage, args.names, kernel_tree(args.kernel, args.git, [], False, args.machine))
