"""The limit on memory: what is counted, and that reaching it leaves violations violations and everything else open."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from mmap import mmap
from pathlib import Path
from typing import Any

import pytest

from checker import arrays, explicit, limits, memory
from checker.arrays import explore_arrays
from checker.decision import Options, decide
from checker.explicit import explore
from checker.limits import Budget, OutOfMemory
from checker.solver import Solver
from checker.system import Invariant, TransitionSystem
from checker.terms import equal, variable
from checker.verdict import EXIT_UNDECIDED, Verdict
from tests.test_search import tree

ENGINES = pytest.mark.parametrize("engine", [explore, explore_arrays])
Engine = Callable[[TransitionSystem, Budget], Any]
LIMIT = 500_000_000


def grows(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Makes the process look as if it reached the limit at the so manieth look."""
    used = itertools.chain(itertools.repeat(LIMIT, looks), itertools.repeat(LIMIT + 1))
    monkeypatch.setattr(limits, "resident", lambda: next(used))


@ENGINES
@pytest.mark.parametrize("looks", [0, 1, 3, 8, 20])
def test_a_search_stops_at_the_limit_and_keeps_what_it_found(
    engine: Engine, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "ROWS", 64)
    system = tree(14)
    whole = explore(system)
    grows(monkeypatch, looks)
    found = engine(system, Budget(memory=LIMIT))
    count = len(found.states)
    depth = max(0, found.diameter)
    assert found.starved
    assert not found.complete
    assert found.stopped == f"memory limit of 500 MB reached after {count} states, depth {depth}"
    assert list(found.states) == whole.states[:count]
    assert [found.path(k) for k in range(count)] == [whole.path(k) for k in range(count)]
    assert [found.depth(k) for k in range(count)] == [whole.depth(k) for k in range(count)]


@ENGINES
def test_a_limit_that_is_not_reached_changes_nothing(engine: Engine) -> None:
    found = engine(tree(9), Budget(memory=memory.resident() + 10**9))
    assert found.complete
    assert not found.starved
    assert list(found.states) == explore(tree(9)).states


@ENGINES
@pytest.mark.parametrize("calls", [0, 1, 5])
def test_an_allocation_that_fails_is_the_same_reason(
    engine: Engine, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "ROWS", 64)
    left = itertools.count(calls, -1)

    def fail(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            if next(left) <= 0:
                raise MemoryError
            return original(*arguments)

        return run

    compiled = explicit.compile_successors
    monkeypatch.setattr(explicit, "compile_successors", lambda *given: fail(compiled(*given)))
    monkeypatch.setattr(arrays.KeySet, "add", fail(arrays.KeySet.add))
    found = engine(tree(12), Budget())
    assert found.starved
    assert found.stopped == (
        f"there was no more memory after {len(found.states)} states, depth {max(0, found.diameter)}"
    )
    assert list(found.states) == explore_arrays_anew(monkeypatch)[: len(found.states)]


def explore_arrays_anew(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.undo()
    return explore(tree(12)).states


def far_and_near(depth: int) -> TransitionSystem:
    """The tree with one property that fails early, one that fails at the very end, and one that holds."""
    system = tree(depth)
    early = Invariant("short", "", lambda s: s & (1 << 4) == 0)
    holds = Invariant("no zero", "", lambda s: s != 0)
    return replace(system, invariants=(early, *system.invariants, holds))


@pytest.mark.parametrize("depth", [12, 15])
def test_violations_before_the_limit_stay_and_nothing_else_is_decided(
    depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    grows(monkeypatch, 9)
    results = decide(far_and_near(depth), Options(memory=LIMIT))
    short, last, holds = results
    assert (short.verdict, short.depth) == (Verdict.VIOLATED, 4)
    assert short.trace is not None
    for result in (last, holds):
        assert result.verdict is Verdict.UNKNOWN
        assert "memory limit of 500 MB reached after" in result.reason
        assert result.certificate is None
        assert result.states is None


def test_no_memory_at_all_leaves_everything_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    for options in (Options(memory=1), Options(memory=1, depth=3)):
        results = decide(far_and_near(4), options)
        assert {r.verdict for r in results} == {Verdict.UNKNOWN}
        assert all("memory limit of 1 bytes reached" in r.reason for r in results)


def test_a_memory_error_anywhere_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("checker.decision.search", fail)
    assert {(r.verdict, r.reason) for r in decide(tree(4))} == {(Verdict.UNKNOWN, "there was no more memory")}


def test_the_solver_keeps_to_the_limit() -> None:
    """A product of two words takes Z3 more than this: it gives up and says why."""
    solver = Solver(Budget(memory=memory.resident() + 30_000_000))
    x, y = variable("x", 40), variable("y", 40)
    solver.add(equal(x * y * x * y * x, 12345), equal(x * y, 0x1234567891))
    with pytest.raises(OutOfMemory, match="memory limit of .* [MG]B reached"):
        solver.satisfiable()


def test_what_a_process_uses_grows_with_what_it_holds() -> None:
    """Of pages from the kernel: an array may be given what the process had before and no longer used."""
    size, before = 40_000_000, memory.resident()
    with mmap(-1, size) as held:
        held.write(b"x" * size)
        assert memory.resident() - before > size // 2


def test_without_proc_the_peak_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_STATM", str(tmp_path / "none"))
    assert memory.resident() > 1_000_000


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine with 8 GB free and no control groups."""
    monkeypatch.setattr(
        memory, "_MEMINFO", str(write(tmp_path, "meminfo", "MemTotal: 9 kB\nMemAvailable: 8000000 kB\n"))
    )
    monkeypatch.setattr(memory, "_OWN_GROUPS", str(tmp_path / "cgroup"))
    monkeypatch.setattr(memory, "_GROUPS", str(tmp_path / "fs"))
    return tmp_path


def test_what_is_free_is_what_the_machine_or_a_group_has_left(machine: Path) -> None:
    assert memory.free() == 8_192_000_000
    write(machine, "cgroup", "0::/outer/inner\n")
    write(machine, "fs/outer/inner/memory.max", "max\n")
    write(machine, "fs/outer/inner/memory.current", "1000\n")
    assert memory.free() == 8_192_000_000
    write(machine, "fs/outer/memory.max", "5000000\n")
    write(machine, "fs/outer/memory.current", "1000000\n")
    assert memory.free() == 4_000_000
    write(machine, "fs/outer/inner/memory.max", "500\n")
    assert memory.free() == 0


def test_control_groups_of_the_first_version_count_too(machine: Path) -> None:
    write(machine, "cgroup", "3:cpu,memory:/box\n2:freezer:/\n")
    write(machine, "fs/memory/box/memory.limit_in_bytes", "3000\n")
    write(machine, "fs/memory/box/memory.usage_in_bytes", "1000\n")
    assert memory.free() == 2000


@pytest.mark.parametrize("text", ["", "x", "0::", "0::/../..", "0::relative", "memory"])
def test_strange_control_groups_are_ignored(machine: Path, text: str) -> None:
    write(machine, "cgroup", text)
    assert memory.free() == 8_192_000_000


def test_processes_share_most_of_what_is_free(machine: Path) -> None:
    own = memory.resident()
    for processes in (1, 2, 7):
        share = memory.fair_share(processes)
        assert share is not None
        assert abs(share - own - 8_192_000_000 * memory.SHARE / processes) < 50_000_000


@pytest.mark.parametrize(
    ("text", "size"), [("500M", 500_000_000), ("2G", 2_000_000_000), ("1.5g", 1_500_000_000), ("7k", 7_000), ("12", 12)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert memory.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "0", "-1G", "5X", "nan", "inf", "1e400M", "9" * 40, "1 M B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        memory.parse_size(text)


def test_sizes_are_printed() -> None:
    assert [memory.size_text(n) for n in (12, 7_000, 500_000_000, 2_500_000_000)] == [
        "12 bytes", "7 kB", "500 MB", "2.5 GB",
    ]  # fmt: skip


def test_the_command_says_that_its_limit_was_reached() -> None:
    arguments = ["check", "loongarch/huacai", "--split", "reorder", "--memory", "1M", "--no-cache", "--json", "-"]
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", *arguments], capture_output=True, check=False, text=True
    )
    assert done.returncode == EXIT_UNDECIDED
    results = json.loads(done.stdout)["results"]
    assert {r["verdict"] for r in results} == {"unknown"}
    assert all("memory limit of 1 MB reached" in r["reason"] for r in results)


def test_the_command_refuses_what_is_no_size() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", "check", "--memory", "lots"], capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    assert "'lots' is not a size such as 500M or 2G" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("megabytes", "otherwise"), [(70, "unknown"), (120, "proved")])
def test_a_large_search_stays_below_its_limit(megabytes: int, otherwise: str) -> None:
    """The whole kernel of the known bug: what breaks early is found, all of it with room, and the process stays small."""
    # Not getrusage(): a process inherits the peak of the one that started it, which is pytest here.
    code = (
        "import sys; from checker.cli.main import main; main(sys.argv[1:])\n"
        "if sys.platform == 'linux':\n"
        "    peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "    print(peak.split()[1], file=sys.stderr)"
    )
    arguments = ["check", "loongarch/original", "--world", "kernel", "--mm", "linux-6.12", "--no-cache"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--memory", f"{megabytes}M", "--jobs", "1", "--json", "-"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    results = {r["invariant"]: r for r in json.loads(done.stdout)["results"]}
    assert results["cow-isolation"]["verdict"] == "violated"
    assert {r["verdict"] for r in results.values()} == {"violated", otherwise}
    open_ = [r for r in results.values() if r["verdict"] == "unknown"]
    assert all(f"memory limit of {megabytes} MB reached" in r["reason"] for r in open_)
    if sys.platform == "linux":
        assert (
            int(done.stderr.split()[-1]) * 1024 < (megabytes + 20) * 1_000_000
        )  # the arrays of one chunk may be on top for a moment
