"""``check --report FILE``: the page from outcomes to file."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checker.cli.jobs import Outcome
from checker.cli.kernels import opened
from checker.cli.main import UsageError
from checker.cli.report_html.data import Question, page_data
from checker.cli.report_html.page import page
from checker.cli.report_html.parts import outcome_part

ROOM, LEAST, MOST = 6_000, 40, 300
"""How many states the pictures of all systems together, and that of one at least and at most, may have."""


def states_drawn(jobs: int) -> int:
    """How many states one picture may have, so that the page of so many systems keeps to a size for a mail."""
    return max(LEAST, min(MOST, ROOM // max(1, jobs)))


def write_report(
    outcomes: Sequence[Outcome], args: argparse.Namespace, text: str, jobs: int, changed: str = ""
) -> None:
    """What ``check`` writes for ``--report``.

    Args:
        outcomes: what is on the page.
        args: the arguments of ``check``.
        text: what the command prints.
        jobs: how many systems were decided.
        changed: what the patches change, as it is printed.

    Raises:
        UsageError: the file cannot be written.
    """
    from checker import __version__

    kernel = args.kernel
    tree = f"Linux {opened(kernel).version()} ({kernel})" if kernel else ""
    question = Question(command_line(args.words), __version__, tree, changed, text)
    write_page(outcomes, question, args.report, drawn=states_drawn(jobs))


def write_page(outcomes: Sequence[Outcome], question: Question, target: str, drawn: int = MOST) -> None:
    """Writes the page.

    Args:
        outcomes: what was decided; what a worker made of one (:class:`checker.cli.making.Made`) is used.
        question: what was asked.
        target: the file.
        drawn: how many states one picture may have.

    Raises:
        UsageError: the file cannot be written.
    """
    parts = {o.job: _made(o) or outcome_part(o, drawn) for o in outcomes}
    try:
        Path(target).write_text(page(page_data(outcomes, parts, question)), encoding="utf-8", newline="\n")
    except OSError as why:
        raise UsageError(f"cannot write --report {target}: {why.strerror}") from None


def _made(outcome: Outcome) -> dict[str, Any] | None:
    found: dict[str, Any] | None = getattr(outcome.made, "page", None)
    return found


def command_line(words: Sequence[str]) -> str:
    """The command as it was typed, without the report's own option, so that a report says nothing of where it lies."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and word != "--report" and not word.startswith("--report="):
            kept.append(word)
        skip = not skip and word == "--report"
    return shlex.join(["ptecheck", *kept])
