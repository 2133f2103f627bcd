"""The searches beside SPIN's: what is measured, what is a failure, and the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import large
from bench.large import Run
from bench.tools import Failed

WATCHING = """
import sys
from pathlib import Path
from bench.large import watched
for code in sys.argv[1:]:
    said, seconds, megabytes = watched((sys.executable, "-c", code), Path("."))
    print(said.strip(), seconds > 0, round(megabytes))
"""


def test_the_peak_is_that_of_the_process_that_was_run() -> None:
    # In a process of its own: this one may be larger than what it would watch.
    wide = "x = bytearray(200 << 20); x[::4096] = b'1' * len(x[::4096]); print('wide')"
    command = (sys.executable, "-c", WATCHING, "print('small')", wide)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (little, large_one) = [line.split() for line in done.stdout.splitlines()]
    assert little[:2] == ["small", "True"]
    assert int(little[2]) < 190
    assert large_one[:2] == ["wide", "True"]
    assert 200 < int(large_one[2]) < 260


def test_ratios_are_of_a_round() -> None:
    runs = {"ptecheck": [Run(10, 1, 100), Run(10, 2, 100)], "other": [Run(10, 10, 50), Run(10, 10, 50)]}
    first, second = large.rows("world", runs)
    assert first.startswith("| world | **ptecheck** | 10 | 1.50 s |")
    assert first.endswith("| 100 MB | 1 | 1 | 2 |")
    assert second.endswith("| 50 MB | 7.5 | 0.5 | 2 |")


def test_other_numbers_of_states_are_named() -> None:
    assert large.differing({"ptecheck": [Run(10, 1, 1)], "other": [Run(10, 1, 1)]}) == ""
    said = large.differing({"ptecheck": [Run(10, 1, 1)], "other": [Run(11, 1, 1)]})
    assert "ptecheck [10]; other [11]" in said


def test_a_search_that_fails_is_no_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(large, "watched", lambda command, folder: ("Traceback\nMemoryError\n", 1.0, 1.0))
    with pytest.raises(Failed, match="MemoryError"):
        large.ours(large.SMALL, tmp_path)
    with pytest.raises(Failed, match="depth first"):
        large.theirs(large.WAYS[0], tmp_path)
