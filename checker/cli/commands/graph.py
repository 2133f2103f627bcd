"""``ptecheck graph``: its options."""

from __future__ import annotations

import argparse

from checker.cli.commands.one_system import add_system_options
from checker.cli.option_types import states

SHOWN = {"svg": 250, "dot": 500, "graphml": 50_000}
"""How many states a picture has at most, unless asked for more: about what its readers can still look at."""

EPILOG = """\
A picture of more states than --states allows ends at the last depth that fits,
and says how many states there are.

examples:
  ptecheck graph loongarch/huacai --world mm --split linux-6.12 -o huacai.svg
  ptecheck graph loongarch/original --world mm --split carry-dirty \\
      --trace cow-isolation -o bug.svg
  ptecheck graph x86-64/linux-6.12 --world pte --format dot | dot -Tpdf -o x.pdf

exit status: 0 the picture was written, 2 wrong use.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    add_system_options(parser)
    parser.add_argument("--format", choices=tuple(SHOWN), help="the language (default: as FILE is called, or svg)")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write here instead of to standard output")
    parser.add_argument("--trace", metavar="NAME", help="mark the shortest way to break this invariant")
    parser.add_argument(
        "--states", type=states, metavar="N", help="show at most so many (default: svg 250, dot 500, graphml 50000)"
    )


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.graph import run_graph

    return run_graph(args)
