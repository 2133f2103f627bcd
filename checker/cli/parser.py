"""The command line: which commands there are, and the parser of the one at hand or of all."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from types import ModuleType

COMMANDS = {
    "check": "decide the invariants of configurations",
    "compare": "machines side by side, requirement by requirement",
    "diff": "what can be told apart between two configurations, and what a store costs on each",
    "scenario": "run scenario files and compare their answers with what they expect",
    "list": "what there is to choose from",
    "graph": "the state graph of one system as a picture: SVG, DOT or GraphML",
    "export": "write one system in the language of another model checker",
    "witness": "replay what a hardware model checker found in an exported system",
    "reductions": "what makes searches smaller, and whether it is proved to be sound for a configuration",
    "explain": "why a saved trace violates, or why what is proved holds",
    "show": "write a saved trace as mail text, Markdown, waveforms or JSON",
    "replay": "run a saved trace again on plain integers",
    "reproduce": "a saved trace as a C program: a kernel test of helpers, or system calls",
    "certify": "prove saved certificates anew",
    "completion": "print a script that completes the command line in a shell",
}
"""Every command with its line of help; what it takes and does is in the module of its name in ``checker.cli.commands``."""

EPILOG = """\
CONFIG is ARCH[+FEATURE...][/VARIANT], for example loongarch/huacai or
loongarch+ptw/linux-6.12; without /VARIANT every built-in variant is meant.

exit status: 0 all hold, 1 something is violated, 2 wrong use or bad input,
3 something could not be decided. With --depth, holding up to that depth is
an answer. In the comparison (no CONFIG) an undecided cell weighs more than
the violations that are its content.

examples:
  ptecheck check                                the comparison of all variants
  ptecheck check loongarch/original             one variant, with traces
  ptecheck check --kernel ~/linux               every machine of a kernel tree
  ptecheck check arm64 --kernel ~/linux         one of them
  ptecheck check --kernel ~/linux --patch fix.patch       what a patch changes
  ptecheck compare riscv64 arm64 csky --kernel ~/linux    side by side
  ptecheck check loongarch/huacai --save out    keep traces and certificates
  ptecheck explain out                          why, for all that was kept
  ptecheck list variants
"""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help with line breaks as written.

    argparse makes one for every option that is declared, and loads ``shutil`` and what can unpack archives to learn how
    wide a help would be.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


@cache
def _columns() -> int:
    """The width of the terminal: as ``COLUMNS`` says, else its own, else 80."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80


def command_module(name: str) -> ModuleType:
    """The module with a command's ``add_options`` and ``run``, and its ``EPILOG`` if it has one."""
    return importlib.import_module(f"checker.cli.commands.{name}")


def whole_parser() -> argparse.ArgumentParser:
    """The parser with the options of every command, for pages about all of them."""
    return _parser(COMMANDS, COMMANDS)


def command_parser(wanted: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        wanted: the commands whose options are declared. The others are known by name only, which is all that the help of
            the whole and a misspelt command need, and their modules are not loaded.
    """
    # After a command come its own arguments, and nobody asks which others there are.
    return _parser({name: COMMANDS[name] for name in wanted[:1] if name in COMMANDS} or COMMANDS, wanted)


def _parser(known: Mapping[str, str], wanted: Collection[str]) -> argparse.ArgumentParser:
    """The parser that knows these commands, with the options of those that are wanted."""
    parser = argparse.ArgumentParser(
        prog="ptecheck",
        description="Checks the kernel's page-table-entry helpers against what generic mm relies on.",
        epilog=EPILOG,
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    # With prog argparse need not lay out a usage to find it.
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    for name, says in known.items():
        command = commands.add_parser(name, help=says, formatter_class=_Formatter)
        if name in wanted:
            module = command_module(name)
            command.description = _sentence(says)
            command.epilog = getattr(module, "EPILOG", None)
            module.add_options(command)
    return parser


def _sentence(says: str) -> str:
    """A line of help as a sentence that fits a terminal; what folds it is loaded only for a long one."""
    text = f"{says[0].upper()}{says[1:]}."
    if len(text) <= 78:
        return text
    import textwrap

    return textwrap.fill(text, 78)
