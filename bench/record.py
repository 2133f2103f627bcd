"""Runs every benchmark, writes what they print into one dated record, and shows it in docs/performance.md.

Usage: python -m bench.record [--quick] [--only TEXT]
The record is bench/records/DATE.md; one of the same day is replaced, or with ``--only`` those of its parts. A part that
fails is named there, and makes the exit status 1. A quick record is not shown in the documentation.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RECORDS = Path(__file__).parent / "records"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- record: begin -->", "<!-- record: end -->"


@dataclass(frozen=True)
class Part:
    """A benchmark of the record.

    Attributes:
        title: of its section.
        module: run with ``python -m``.
        full: arguments after it.
        quick: the same, in a quick record.
    """

    title: str
    module: str
    full: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--quick",)


PARTS = (
    Part("ptecheck's own jobs", "bench.run"),
    Part("Agreement with other model checkers", "bench.agree", full=("--quick",)),
    Part("Beside other model checkers", "bench.speed"),
    Part("Large searches beside SPIN", "bench.large"),
    Part("Bounded checking", "bench.bounded", quick=("--rounds", "1")),
    Part("Beyond explicit search", "bench.beyond", quick=("--rounds", "1", "--processes", "2")),
    Part("How it grows", "bench.growth", full=("--draw",)),
)


def said_by(part: Part, quick: bool) -> tuple[str, int]:
    """What a benchmark prints, and its exit status."""
    command = ("-m", part.module, *(part.quick if quick else part.full))
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, text=True, check=False)
    text = done.stdout.strip()
    if done.returncode:
        text += f"\n\n**python {' '.join(command)}: exit status {done.returncode}**"
    return text.strip(), done.returncode


def sections(record: str) -> dict[str, str]:
    """What a record says under each of its titles."""
    parts = re.split(r"^## (.+)\n", record, flags=re.M)
    return {title: text.strip() for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def shown(page: str, record: str) -> str:
    """A page that shows a record between its two marks, a level lower.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"there is no place between {BEGIN} and {END}")
    lower = re.sub(r"^#", "##", record.strip(), flags=re.M)
    return f"{before}{BEGIN}\n{lower}\n{END}{after}"


def main() -> int:
    """Measures and writes the record, also where a part fails: the record says which one, and the exit status is 1."""
    parser = argparse.ArgumentParser(description="write a dated record of all benchmarks")
    parser.add_argument("--quick", action="store_true", help="one round without the slowest rows")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="only parts with this in their title; keep the others"
    )
    args = parser.parse_args()
    chosen = [part for part in PARTS if args.only in part.title]
    if args.only and not chosen:
        parser.error(f"no part has {args.only!r} in its title; there are: {', '.join(part.title for part in PARTS)}")
    today = datetime.date.today().isoformat()
    record = RECORDS / f"{today}.md"
    found = sections(record.read_text(encoding="utf-8")) if args.only and record.exists() else {}
    failed = []
    for part in chosen:
        found[part.title], status = said_by(part, args.quick)
        failed += [part.module] if status else []
    head = f"# Benchmarks of {today}" + ("\n\nOne round, without the slowest rows: no medians." if args.quick else "")
    order = [part.title for part in PARTS]
    text = "\n\n".join([head, *(f"## {title}\n\n{found[title]}" for title in order if title in found)]) + "\n"
    RECORDS.mkdir(exist_ok=True)
    record.write_text(text, encoding="utf-8")
    if not args.quick:
        PAGE.write_text(shown(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(record)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
