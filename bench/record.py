"""Runs every benchmark and writes what they print into one dated record.

Usage: python -m bench.record [--quick]
The record is bench/records/DATE.md; one of the same day is replaced. A part that fails is named there, and makes the exit
status 1.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RECORDS = Path(__file__).parent / "records"


@dataclass(frozen=True)
class Part:
    """A benchmark of the record.

    Attributes:
        title: of its section.
        module: run with ``python -m``.
        arguments: after it, always.
        quick: after them, with ``--quick``.
    """

    title: str
    module: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--quick",)

    def command(self, quick: bool) -> tuple[str, ...]:
        """What is run after ``python``; an option that is always there is given once."""
        return ("-m", self.module, *dict.fromkeys((*self.arguments, *(self.quick if quick else ()))))


PARTS = (
    Part("ptecheck's own jobs", "bench.run"),
    Part("Agreement with other model checkers", "bench.agree", ("--quick",)),
    Part("Beside other model checkers", "bench.speed"),
    Part("Large searches beside SPIN", "bench.large"),
    Part("Bounded checking", "bench.bounded", quick=("--rounds", "1")),
)


def said_by(part: Part, quick: bool) -> tuple[str, int]:
    """What a benchmark prints, and its exit status."""
    command = part.command(quick)
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, text=True, check=False)
    text = done.stdout.strip()
    if done.returncode:
        text += f"\n\n**python {' '.join(command)}: exit status {done.returncode}**"
    return text.strip(), done.returncode


def main() -> int:
    """Measures and writes the record, also where a part fails: the record says which one, and the exit status is 1."""
    parser = argparse.ArgumentParser(description="write a dated record of all benchmarks")
    parser.add_argument("--quick", action="store_true", help="one round without the slowest rows")
    quick = parser.parse_args().quick
    today = datetime.date.today().isoformat()
    said = "One round, without the slowest rows: these are no medians.\n\n" if quick else ""
    parts, failed = [f"# Benchmarks of {today}\n\n{said}".strip()], []
    for part in PARTS:
        text, status = said_by(part, quick)
        parts += [f"## {part.title}", text]
        if status:
            failed.append(part.module)
    RECORDS.mkdir(exist_ok=True)
    record = RECORDS / f"{today}.md"
    record.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(record)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
