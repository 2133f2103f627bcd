"""What a long search says on standard error."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from checker import progress
from checker.arrays import explore_arrays
from checker.decision import Options, decide
from checker.explicit import explore
from checker.limits import Budget
from checker.progress import Progress
from checker.system import TransitionSystem
from tests.test_arrays import forks
from tests.test_search import tree

LINE = re.compile(r"ptecheck: [^:]+: [\d,]+ states, depth \d+, [\d,]+ states/s")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still unless it is moved."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_nothing_is_said_in_the_first_second(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress("system")
    clock[0] += 0.9
    told.note(1_000, 3)
    assert capsys.readouterr().err == ""


def test_then_at_most_once_a_second_with_the_rate_since_the_last_time(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    told = Progress("system")
    for states, seconds in ((1_000, 1.25), (2_000, 0.5), (5_000, 0.75)):
        clock[0] += seconds
        told.note(states, 3)
    assert capsys.readouterr().err.splitlines() == [
        "ptecheck: system: 1,000 states, depth 3, 800 states/s",
        "ptecheck: system: 5,000 states, depth 3, 3,200 states/s",
    ]


def test_states_known_from_before_do_not_count_as_found(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress("system")
    told.begin(1_000_000)
    clock[0] += 2
    told.note(1_000_500, 9)
    assert capsys.readouterr().err == "ptecheck: system: 1,000,500 states, depth 9, 250 states/s\n"


@pytest.mark.parametrize("engine", [explore, explore_arrays])
def test_both_engines_say_how_far_they_are(
    engine: Callable[[TransitionSystem, Budget], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    engine(forks(3, 8), Budget(progress=Progress("forks")))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert all(LINE.fullmatch(line) for line in lines)


def test_a_decision_says_nothing_unless_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    decide(tree(6))
    assert capsys.readouterr().err == ""
    decide(tree(6), Options(progress=True))
    assert LINE.match(capsys.readouterr().err)


def test_standard_output_of_the_command_stays_the_same() -> None:
    code = "import sys; from checker import progress; from checker.cli.main import main; "
    arguments = ["check", "loongarch/original", "--split", "carry-dirty", "--no-cache"]
    outputs = []
    for pause in ("progress.PAUSE = 0.0; ", "progress.PAUSE = 1e9; "):
        command = [sys.executable, "-c", code + pause + "sys.exit(main(sys.argv[1:]))", *arguments]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        outputs.append(done.stdout)
        assert bool(LINE.search(done.stderr)) == ("0.0" in pause)
    assert outputs[0] == outputs[1]
