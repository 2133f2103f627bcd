"""The world of many states: both engines, and a program that knows neither, count the same."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from bench import study
from bench.study import study_system
from checker.arrays import explore_arrays
from checker.certificate import Certificate
from checker.decision import vacuity
from checker.explicit import explore
from checker.verdict import Result, Verdict

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


@pytest.mark.parametrize("variant", study.VARIANTS)
@pytest.mark.parametrize("size", [(2, 2), (3, 2)], ids=str)
def test_just_the_operations_that_are_said_to_be_idle_never_happen(size: tuple[int, int], variant: str) -> None:
    system = study_system(*size, variant)
    found = explore_arrays(system)
    never = {op.name for k, op in enumerate(system.operations) if not found.fired >> k & 1}
    assert never == {op.name for op in system.operations if op.idle}
    assert vacuity(system, found, 0) == vacuity(system, found, 1) == ""


@pytest.mark.parametrize(
    ("words", "status", "lines"),
    (
        ("--decide hw,data", 0, ["hw: proved, 787 states enumerated", "data: proved, 787 states enumerated"]),
        ("--decide data --proofs states", 0, ["data: proved, 787 states enumerated"]),
        ("--decide data --variant original", 1, ["data: violated, counterexample of depth 3"]),
        ("--decide hw --variant original --depth 1", 0, ["hw: bounded, up to depth 1"]),
        ("--decide hw --variant original --depth 2", 1, ["hw: violated, counterexample of depth 2"]),
    ),
)
def test_deciding_prints_a_line_for_each_verdict(
    words: str, status: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert study.main(["2", "2", *words.split()]) == status
    assert capsys.readouterr().out.splitlines() == lines


def test_what_is_not_decided_has_a_status_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    undecided = [Result("hw", Verdict.UNKNOWN, reason="time limit of 1 s reached"), Result("data", Verdict.PROVED)]
    monkeypatch.setattr("checker.decision.decide", lambda system, options: undecided)
    assert study.main(["2", "2", "--decide", "hw,data"]) == 3
    assert capsys.readouterr().out.splitlines() == ["hw: unknown, time limit of 1 s reached", "data: proved"]


def test_a_proof_by_clauses_says_how_many() -> None:
    system = study_system(2, 2)
    clauses: tuple[dict[str, object], ...] = ({"text": "one", "rule": "typing"}, {"text": "two", "rule": "data"})
    proved = Result("data", Verdict.PROVED, certificate=Certificate(system.name, "data", clauses))
    assert study.verdict_line(proved) == "data: proved, certificate of 2 clauses"


@pytest.mark.parametrize("words", ["--decide nothing", "--decide data,", "--depth 3", "--decide data --depth -1"])
def test_wrong_use_has_a_status_of_its_own(words: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        study.main(["2", "2", *words.split()])
    assert stopped.value.code == 2


def test_deciding_a_small_system_loads_neither_numpy_nor_a_solver() -> None:
    words = ["2", "2", "--decide", "data", "--variant", "original"]
    program = f"import sys; from bench import study; study.main({words}); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert not {"numpy", "z3", "dataclasses", "shutil"} & set(ast.literal_eval(done.stdout.splitlines()[-1]))
