"""``python -m checker.cli.manual``: the manual page docs/ptecheck.1, made from the parsers of all commands (``make man``)."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from checker import __version__
from checker.cli.parser import COMMANDS, whole_parser

PAGE = Path(__file__).parents[2] / "docs" / "ptecheck.1"

ABOUT = """\
ptecheck takes an architecture's pte_* and pmd_* helpers, the CPU that reads the entries, and the call sequences of generic
mm, and says for every invariant: proved without a bound, violated (with the shortest way to break it), or not decided, with the
reason. The helpers are built-in variants, or are read from the C of a kernel tree.
"""

CONFIG = """\
CONFIG is ARCH[+FEATURE...][/VARIANT], for example loongarch/huacai or loongarch+ptw/linux-6.12; without /VARIANT every built-in
variant is meant. With \\-\\-kernel it is a machine of the tree, for example riscv64+svadu, or a folder of arch/.
"""

STATUS = {
    "0": "all hold",
    "1": "something is violated",
    "2": "wrong use or bad input",
    "3": "something could not be decided",
}

VARIABLES = {
    "PTECHECK_CACHE": "The folder in which verdicts are kept; empty: none are. Default: ~/.cache/ptecheck.",
    "NO_COLOR": "If it is set, nothing is coloured. Without a terminal nothing is, either.",
}

MORE = (
    "docs/tutorial.md, docs/model.md, docs/invariants.md, docs/scenarios/README.md and docs/porting.md of the project"
)


def quoted(text: str) -> str:
    """Text that roff prints as it is."""
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("~", "\\(ti")
    )
    return re.sub(r"^([.])", r"\\&\1", text, flags=re.M)


def verbatim(text: str) -> str:
    """Lines that are printed as they are, at the left margin, since they may be as wide as the terminal."""
    return f".EX\n.in 0\n{quoted(text)}\n.in\n.EE\n"


def manual() -> str:
    """The whole page."""
    parser = whole_parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    head = f'.\\" made by "make man"; do not edit\n.TH PTECHECK 1 "" "ptecheck {__version__}"\n'
    name = ".SH NAME\nptecheck \\- model checker for the page\\-table\\-entry helpers of the Linux kernel\n"
    synopsis = "".join(f".br\n.B ptecheck {command}\n{arguments(commands[command])}\n" for command in COMMANDS)
    text = f"{head}{name}.SH SYNOPSIS\n{synopsis.removeprefix('.br' + chr(10))}.SH DESCRIPTION\n{ABOUT}.PP\n{CONFIG}"
    text += ".SH COMMANDS\n" + "".join(section(command, commands[command]) for command in COMMANDS)
    text += ".SH EXIT STATUS\nWhere a command says nothing else:\n" + "".join(_tagged(STATUS))
    return text + f".SH ENVIRONMENT\n{''.join(_tagged(VARIABLES))}.SH SEE ALSO\n{quoted(MORE)}\n"


def _tagged(entries: dict[str, str]) -> Iterator[str]:
    return (f".TP\n.B {quoted(name)}\n{quoted(says)}\n" for name, says in entries.items())


def arguments(parser: argparse.ArgumentParser) -> str:
    """The positional arguments of a command, as a synopsis has them."""
    words = ["[\\fIOPTION\\fR]..."] if any(a.option_strings and a.dest != "help" for a in parser._actions) else []
    for action in parser._actions:
        if not action.option_strings:
            word = "|".join(f"\\fI{quoted(part)}\\fR" for part in _value(action).split("|"))
            words.append({"*": f"[{word}]...", "+": f"{word}...", "?": f"[{word}]"}.get(str(action.nargs), word))
    return " ".join(words)


def _value(action: argparse.Action) -> str:
    """The word that stands for a value."""
    if action.metavar is None and action.choices is not None:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())


def section(command: str, parser: argparse.ArgumentParser) -> str:
    """What the page says of one command."""
    text = f".SS ptecheck {command}\n{quoted(' '.join((parser.description or '').split()))}\n"
    text += "".join(_argument(action) for action in parser._actions if action.dest != "help")
    before, _, after = (parser.epilog or "").partition("examples:\n")
    examples, _, rest = after.partition("\n\n")
    if command != "check":  # what it says, the page says above and below
        text += "".join(map(_paragraph, f"{before}\n\n{rest}".split("\n\n")))
    return text + (f".PP\nExamples:\n.PP\n{verbatim(examples.rstrip())}" if examples else "")


def _paragraph(text: str) -> str:
    words = " ".join(text.split())
    return f".PP\n{quoted(words[0].upper() + words[1:])}\n" if words else ""


def _argument(action: argparse.Action) -> str:
    """One argument or option with its help."""
    value = "|".join(f"\\fI{quoted(part)}\\fR" for part in _value(action).split("|"))
    if action.option_strings:
        names = ", ".join(f"\\fB{quoted(name)}\\fR" for name in action.option_strings)
        value = names if action.nargs == 0 else f"{names} {value}"
    return f".TP\n{value}\n{quoted(' '.join((action.help or '').split()))}\n"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(manual(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
