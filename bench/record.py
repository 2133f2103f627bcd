"""Runs every benchmark and writes what they print into one dated record.

Usage: python -m bench.record [--quick]
The record is bench/records/DATE.md; one of the same day is replaced, once all parts are there.
"""

from __future__ import annotations

import argparse
import datetime
import subprocess
import sys
from pathlib import Path

RECORDS = Path(__file__).parent / "records"
PARTS = (
    ("ptecheck's own jobs", "bench.run", ()),
    ("Agreement with other model checkers", "bench.agree", ("--quick",)),
    ("Beside other model checkers", "bench.speed", ()),
)


def output_of(module: str, arguments: tuple[str, ...]) -> str:
    """What a benchmark prints.

    Raises:
        SystemExit: it failed, or a peer disagrees.
    """
    done = subprocess.run([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\npython -m {module} {' '.join(arguments)}: exit status {done.returncode}, no record")
    return done.stdout.strip()


def main() -> None:
    """Measures and writes the record."""
    parser = argparse.ArgumentParser(description="write a dated record of all benchmarks")
    parser.add_argument("--quick", action="store_true", help="one round without the slowest rows")
    quick = ("--quick",) if parser.parse_args().quick else ()
    today = datetime.date.today().isoformat()
    parts = [f"# Benchmarks of {today}"]
    for title, module, arguments in PARTS:
        parts += [f"## {title}", output_of(module, tuple(dict.fromkeys((*arguments, *quick))))]
    RECORDS.mkdir(exist_ok=True)
    record = RECORDS / f"{today}.md"
    record.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(record)


if __name__ == "__main__":
    main()
