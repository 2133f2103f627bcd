"""The world of many states: both engines, and a program that knows neither, count the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.study import study_system
from checker.arrays import explore_arrays
from checker.explicit import explore

COUNTS = {
    (2, 2, "huacai"): (787, 2_774, 12),
    (3, 2, "huacai"): (14_787, 60_036, 17),
    (3, 3, "huacai"): (61_789, 309_429, 18),
    (4, 2, "huacai"): (207_342, 919_808, 21),
    (2, 2, "original"): (1_616, 5_772, 13),
    (3, 2, "original"): (61_304, 273_199, 20),
}
"""States, transitions and depth, counted by a search over tuples of integers that was written apart from the checker."""


@pytest.mark.parametrize("size", COUNTS, ids=str)
def test_the_arrays_count_what_was_counted_apart(size: tuple[int, int, str]) -> None:
    found = explore_arrays(study_system(*size))
    assert (len(found.states), found.transitions, found.diameter) == COUNTS[size]
    depths = {number: found.depth(state) for number, state in found.first_violation.items()}
    assert depths == ({} if size[2] == "huacai" else {0: 2, 1: 3})


@pytest.mark.parametrize("variant", ["huacai", "original"])
def test_both_engines_find_the_same(variant: str) -> None:
    system = study_system(2, 2, variant)
    wide, plain = explore_arrays(system), explore(system)
    assert list(wide.states) == plain.states
    assert [wide.path(k) for k in range(len(plain.states))] == [plain.path(k) for k in range(len(plain.states))]


def test_the_measuring_command_prints_what_it_found() -> None:
    done = subprocess.run([sys.executable, "-m", "bench.study", "2", "2"], capture_output=True, check=True, text=True)
    assert "787 states, 2,774 transitions, depth 12" in done.stdout
    bad = subprocess.run([sys.executable, "-m", "bench.study", "1", "2"], capture_output=True, check=False, text=True)
    assert bad.returncode == 2
