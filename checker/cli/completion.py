"""``ptecheck completion``: a script that completes the command line in a shell, made from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from checker.cli.main import UsageError
from checker.cli.parser import whole_parser


def run_completion(shell: str) -> int:
    """Prints the script for a shell."""
    try:
        import shtab
    except ImportError:
        raise UsageError("completion needs the package shtab: pip install shtab") from None
    parser = whole_parser()
    for action in actions(parser):
        _annotate(action, shtab.FILE, shtab.DIRECTORY)
    print(shtab.complete(parser, shell=shell))
    return 0


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument and option of a parser and of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                yield from actions(command)
        else:
            yield action


def _annotate(action: argparse.Action, file: object, directory: object) -> None:
    """Says what completes an argument, by the word that stands for it in the help."""
    words = str(action.metavar or "")
    if action.choices is None and words in NAMES:
        action.choices = NAMES[words](action)
    elif "FILE" in words or "PATH" in words or "TRACE" in words or "CERTIFICATE" in words:
        action.complete = file  # type: ignore[attr-defined]
    elif "DIR" in words:
        action.complete = directory  # type: ignore[attr-defined]


def _configs(_action: argparse.Action) -> list[str]:
    """Built-in configurations, and the machines of kernel trees."""
    from models.kernel.platforms import PLATFORMS
    from models.registry import FAMILIES

    built_in = [
        f"{name}{feature}{variant}"
        for name, family in FAMILIES.items()
        for feature in ("", *(f"+{feature}" for feature in family.features))
        for variant in ("", *(f"/{variant}" for variant in family.variants))
    ]
    trees = [f"{name}{f}" for name, p in PLATFORMS.items() for f in ("", *(f"+{feature}" for feature in p.features))]
    return sorted({*built_in, *trees})


def _releases(_action: argparse.Action) -> list[str]:
    from models.mm.kernel import GENERATIONS

    return list(GENERATIONS)


def _named(action: argparse.Action) -> list[str] | None:
    """What an option NAME is about is told by the option."""
    makers = {
        "--invariant": _invariants,
        "--trace": _invariants,
        "--split": _splits,
        "--migration": _migrations,
        "--with": _extras,
    }
    found = next((makers[option] for option in action.option_strings if option in makers), None)
    return found() if found else None


def _invariants() -> list[str]:
    from checker.cli.listing import every_invariant

    return sorted({invariant.name for invariants in every_invariant().values() for invariant in invariants})


def _splits() -> list[str]:
    from models.mm.orders import SPLITS

    return list(SPLITS)


def _migrations() -> list[str]:
    from models.mm.orders import MIGRATIONS

    return list(MIGRATIONS)


def _extras() -> list[str]:
    from checker.cli.jobs import EXTRAS

    return list(EXTRAS)


NAMES: dict[str, Callable[[argparse.Action], list[str] | None]] = {
    "CONFIG": _configs,
    "MACHINE": _configs,
    "RELEASE": _releases,
    "NAME": _named,
}
"""What stands in the help for one of a set of names -> the names."""
