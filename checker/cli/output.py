"""Results for machines, and text: to a file or a pipe."""

from __future__ import annotations

import sys
from typing import Any

from checker.cli.main import UsageError


def write_json(data: Any, target: str) -> None:
    """Writes data as JSON to a file or, for ``-``, to standard output.

    Raises:
        UsageError: the file cannot be written.
    """
    import json  # most runs write none

    write_text(json.dumps(data, indent=1) + "\n", target, "--json")


def write_text(text: str, target: str, option: str) -> None:
    """Writes text to a file or, for ``-``, to standard output.

    Raises:
        UsageError: the file that the option names cannot be written.
    """
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as why:
        raise UsageError(f"cannot write {option} {target}: {why.strerror}") from None
