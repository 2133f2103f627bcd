"""``ptecheck show``: its options."""

from __future__ import annotations

import argparse

FORMATS = ("text", "mail", "markdown", "vcd", "json")
EPILOG = """\
formats: text, as check prints it; mail, 72 columns of ASCII; markdown, a
table; vcd, for waveform viewers such as GTKWave; json, docs/told.schema.json.

examples:
  ptecheck check loongarch/original --save out
  ptecheck show out/loongarch_original/pte/dirty-never-lost.trace.json
  ptecheck show FILE --format vcd -o bug.vcd && gtkwave bug.vcd

exit status: 0 the trace replays and was written, 2 wrong use or bad input.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("file", metavar="FILE", help="a .trace.json file written by check --save")
    parser.add_argument("--format", choices=FORMATS, default="mail", help="the form (default: mail)")
    parser.add_argument("-o", dest="output", metavar="FILE", help="write here instead of to standard output")
    parser.add_argument("--kernel", metavar="DIR", help="the kernel tree the trace was made from")
    parser.add_argument("--machine", metavar="FILE", help="with --kernel: this machine of your own (docs/porting.md)")


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.show import run_show

    return run_show(args)
