"""Searches that are kept on disk: a run that was killed goes on and says the same as one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker import cache, checkpoint
from checker.arrays import WideReachable, explore_arrays
from checker.checkpoint import SUFFIX
from checker.decision import Options, decide
from checker.explicit import explore
from checker.limits import Budget, Keeping
from checker.progress import Progress
from checker.system import TransitionSystem
from checker.verdict import EXIT_USAGE, EXIT_VIOLATED
from tests.test_arrays import forks
from tests.test_search import told, tree


class Killed(BaseException):
    """Stands for what ends a process at once."""


class Killing(Budget):
    """A budget under which the process is killed once there are more states than it allows."""

    def check(self, states: int = 0, more: int = 0) -> None:
        if states > self.states:
            raise Killed


def search_until(system: TransitionSystem, folder: Path, states: int) -> None:
    with pytest.raises(Killed):
        explore_arrays(system, Killing(states=states, keeping=Keeping(folder, 0.0)))


def go_on(system: TransitionSystem, folder: Path) -> WideReachable:
    return explore_arrays(system, Budget(keeping=Keeping(folder, 0.0), progress=Progress(system.name)))


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("states", [1, 40, 500, 3_000])
@pytest.mark.parametrize("system", [forks(3, 8), tree(12), forks(4, 3)], ids=["forks", "tree", "more forks"])
def test_a_search_goes_on_where_it_was(
    system: TransitionSystem, states: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = explore(system)
    states = min(states, len(whole.states) - 1)
    search_until(system, tmp_path, states)
    assert [path.suffix for path in files(tmp_path)] == [SUFFIX]
    found = go_on(system, tmp_path)
    assert told(found) == told(whole)
    assert f"goes on from {tmp_path}" in capsys.readouterr().err
    assert files(tmp_path) == []


def test_a_search_may_be_killed_again_and_again(tmp_path: Path) -> None:
    system = forks(3, 8)
    whole = explore(system)
    for states in range(0, len(whole.states), 300):
        search_until(system, tmp_path, states)
    assert told(go_on(system, tmp_path)) == told(whole)


def test_states_of_several_words_are_kept(tmp_path: Path) -> None:
    system = replace(tree(80), operations=(*tree(80).operations,))
    search_until(system, tmp_path, 2_000)
    found = explore_arrays(system, Budget(states=20_000, keeping=Keeping(tmp_path, 0.0)))
    again = explore_arrays(system, Budget(states=20_000))
    assert len(found.states.words) > 1
    assert list(found.states) == list(again.states)
    assert found.levels == again.levels
    assert [found.path(k) for k in range(0, 20_000, 31)] == [again.path(k) for k in range(0, 20_000, 31)]


def test_a_search_that_ends_leaves_nothing(tmp_path: Path) -> None:
    go_on(tree(12), tmp_path)
    assert files(tmp_path) == []


def test_nothing_is_written_before_it_is_time(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        explore_arrays(forks(3, 8), Killing(states=1_000, keeping=Keeping(tmp_path, 600.0)))
    assert files(tmp_path) == []


def test_a_run_that_stops_at_a_limit_can_be_gone_on_with(tmp_path: Path) -> None:
    system = forks(3, 8)
    stopped = explore_arrays(system, Budget(states=900, keeping=Keeping(tmp_path, 0.0)))
    assert not stopped.complete
    assert told(go_on(system, tmp_path)) == told(explore(system))


def cut(data: bytes) -> bytes:
    return data[:-40]


def flip(place: float) -> Callable[[bytes], bytes]:
    def run(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]

    return run


def with_header(**changes: Any) -> Callable[[bytes], bytes]:
    def run(data: bytes) -> bytes:
        line, _, rest = data.partition(b"\n")
        return json.dumps({**json.loads(line), **changes}).encode() + b"\n" + rest

    return run


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (cut, "it has not the length that it should have"),
        (lambda data: data + b"more", "it has not the length"),
        (lambda data: b"", "its first line cannot be read"),
        (lambda data: b"\0" * 4000, "its first line cannot be read"),
        (lambda data: b"[" * 100_000, "its first line cannot be read"),
        (lambda data: b"7\n", "its first line cannot be read"),
        (flip(0.6), "its contents do not match their digest"),
        (flip(0.9), "its contents do not match their digest"),
        (flip(0.9999), "its contents do not match their digest"),
        (with_header(transitions=12), "do not match their digest"),
        (with_header(states=-5), "it has not the length"),
        (with_header(states=10**15), "it has not the length"),
        (with_header(key="0" * 64), "of another system or of another version of ptecheck"),
        (with_header(schema="ptecheck.checkpoint/2"), "not a ptecheck.checkpoint/1 file"),
        (with_header(levels="x"), "its first line cannot be read"),
    ],
)
def test_what_is_damaged_is_refused_and_the_search_starts_over(
    damage: Callable[[bytes], bytes], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = forks(3, 8)
    search_until(system, tmp_path, 900)
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert told(go_on(system, tmp_path)) == told(explore(system))
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert f"{path} cannot be used, so the search starts over" in errors[0]
    assert says in errors[0]


def test_another_system_or_other_sources_are_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = forks(3, 8)
    search_until(system, tmp_path, 900)
    (path,) = files(tmp_path)
    other = replace(system, operations=system.operations[:-1])
    assert told(go_on(other, tmp_path)) == told(explore(other))
    assert f"{path} is of another system or of another version" in capsys.readouterr().err
    monkeypatch.setattr(cache, "_sources", lambda: "other sources")
    assert told(go_on(system, tmp_path)) == told(explore(system))
    assert f"{path} is of another system or of another version" in capsys.readouterr().err
    assert files(tmp_path) == [path]


def test_half_a_file_under_its_other_name_does_no_harm(tmp_path: Path) -> None:
    system = forks(3, 8)
    search_until(system, tmp_path, 900)
    (path,) = files(tmp_path)
    path.with_name(path.name + ".part").write_bytes(b"half")
    assert told(go_on(system, tmp_path)) == told(explore(system))
    assert files(tmp_path) == []


def test_a_disk_that_takes_no_more_is_said_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    system = forks(3, 8)
    assert told(go_on(system, tmp_path)) == told(explore(system))
    assert "could not be written: No space left on device" in capsys.readouterr().err
    assert files(tmp_path) == []


def test_verdicts_are_those_of_a_run_that_was_not_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.search.SMALL", 100)
    system = forks(3, 8)
    search_until(system, tmp_path, 900)
    kept = decide(system, Options(keeping=Keeping(tmp_path, 0.0)))
    plain = decide(system)
    assert [replace(r, seconds=0.0) for r in kept] == [replace(r, seconds=0.0) for r in plain]


def test_the_command_needs_a_folder_it_can_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", "check", "loongarch/huacai", "--checkpoint", str(tmp_path / "file")],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == EXIT_USAGE
    assert "cannot write below --checkpoint" in done.stderr


COMMAND = """
import sys
from checker import limits
from checker.cli import check
from checker.cli.main import main
check.Keeping = lambda folder: limits.Keeping(folder, 0.05)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_process_that_is_killed_at_any_moment_goes_on(tmp_path: Path) -> None:
    """The whole kernel of the known bug, killed with SIGKILL at random moments: the same report in the end."""
    arguments = ["check", "loongarch/original", "--world", "kernel", "--mm", "linux-6.12", "--no-cache", "--jobs", "1"]
    command = [sys.executable, "-c", COMMAND, *arguments]
    began = time.monotonic()
    expected = subprocess.run(command, capture_output=True, check=False, text=True)
    whole = time.monotonic() - began
    assert expected.returncode == EXIT_VIOLATED
    kept = [*command, "--checkpoint", str(tmp_path)]
    chance, resumed = random.Random(7), 0
    for _ in range(12):
        process = subprocess.Popen(kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            _, errors = process.communicate(timeout=chance.uniform(0.1, 0.9) * whole)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            _, errors = process.communicate()
        resumed += "goes on from" in errors
        assert "cannot be used" not in errors
    final = subprocess.run(kept, capture_output=True, check=False, text=True)
    assert resumed
    assert (final.returncode, final.stdout) == (expected.returncode, expected.stdout)
    assert files(tmp_path) == []
