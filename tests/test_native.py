"""The compiled engine against the others: the same states, numbers, paths and verdicts, and the same limits."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from checker import arrays
from checker.arrays import WideReachable, explore_arrays
from checker.bitslice import NotBitwise
from checker.decision import Options, decide
from checker.explicit import explore
from checker.limits import ENGINES, Budget, Keeping
from checker.logic import ite, no, ult
from checker.native import compiling, program, relay
from checker.native import search as native_search
from checker.native.library import BLOCK, Library
from checker.native.relay import Relay
from checker.progress import Progress
from checker.recheck import not_closed
from checker.search import search
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.verdict import EXIT_USAGE, EXIT_VIOLATED, Verdict
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.random_systems import BITWISE, systems
from tests.test_arrays import Interrupted, forks, toggles
from tests.test_checkpoint import Killed, Killing, files
from tests.test_search import SYSTEMS, counting, told, tree

ROOT = Path(__file__).parent.parent

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def native(system: TransitionSystem, budget: Budget | None = None) -> WideReachable:
    """The search on the compiled engine from the first state on."""
    bringer = Relay(at_once=True)
    found = explore_arrays(system, budget, bringer)
    assert not relay._Engine.refused
    return found


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As in a process that has not compiled the engine yet; at the end nothing may be left of what it did."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(compiling.tempfile, "tempdir", str(folder))
    monkeypatch.setattr(relay._Engine, "library", None)
    monkeypatch.setattr(relay._Engine, "refused", "")
    yield
    assert not files(folder)


def like_the_arrays(system: TransitionSystem, found: WideReachable) -> None:
    """Compares everything that a search on arrays says, too much of it for tuples of Python."""
    other = explore_arrays(system)
    for name in ("words", "before", "steps"):
        one, two = (getattr(f.states if name == "words" else f, name) for f in (found, other))
        assert np.array_equal(np.array(one), np.array(two)), name
    for name in ("levels", "origins", "first_violation", "fired", "premises", "transitions", "stopped"):
        assert getattr(found, name) == getattr(other, name), name


@needs_compiler
@settings(max_examples=100)
@given(systems(BITWISE))
def test_random_systems_are_searched_alike(system: TransitionSystem) -> None:
    assert told(native(system)) == told(explore(system))


@needs_compiler
def test_arithmetic_is_refused_as_by_the_arrays() -> None:
    with pytest.raises(NotBitwise):
        native(counting(900))
    assert told(search(counting(900), Budget(engine="native"))) == told(explore(counting(900)))


@needs_compiler
@pytest.mark.parametrize("name", sorted(SYSTEMS.keys() - {"counter"}))
def test_kernels_and_trees_are_searched_alike(name: str) -> None:
    system = SYSTEMS[name]()
    assert told(native(system)) == told(explore(system))


@needs_compiler
@pytest.mark.parametrize("config", builtin_systems.CONFIGS[::6])
def test_built_in_worlds_are_searched_alike(config: str) -> None:
    for system in (builtin_systems.pte(config), builtin_systems.mm(config, "carry-dirty")):
        assert told(native(system)) == told(explore(system))


@needs_compiler
@pytest.mark.parametrize(("config", "split"), builtin_systems.VIOLATED_MM[::4])
def test_the_first_violations_are_the_same(config: str, split: str) -> None:
    found = native(builtin_systems.mm(config, split))
    assert found.first_violation
    assert told(found) == told(explore(builtin_systems.mm(config, split)))


@needs_compiler
@pytest.mark.parametrize("width", [5, 62, 63, 64, 65, 126, 127, 130, 200])
def test_states_of_one_word_and_of_several(width: int) -> None:
    found = native(toggles(width, 4))
    assert len(found.states.words) == -(-len(found.states.packing.bits) // 63)
    assert told(found) == told(explore(toggles(width, 4)))


@needs_compiler
def test_states_of_three_words_by_the_thousand() -> None:
    assert told(native(toggles(130, 12))) == told(explore(toggles(130, 12)))


@needs_compiler
def test_more_operations_than_a_byte_holds() -> None:
    width = 9
    jumps = [
        Operation(f"jump {k}", lambda s, k=k: ((s & ((1 << width) - 1)) == k, s ^ (k | 1 << width)))
        for k in range(1 << width)
    ]
    start = Start("start", lambda _: 3)
    rule = Invariant("not 260", "not 260", lambda s: s != 260)
    grow = [Operation(f"set {b}", lambda s, b=b: (True, s | 1 << b)) for b in range(width)]
    system = TransitionSystem("jumps", Bits(width + 1), (start,), (*jumps, *grow), (rule,))
    found = native(system)
    assert found.steps.itemsize == 2
    assert int(found.steps.max()) > 255
    assert told(found) == told(explore(system))


@needs_compiler
def test_a_table_that_grows_many_times() -> None:
    """Level d of the tree has 2^d states, so that the last doubles everything."""
    found = native(tree(15))
    assert found.levels == [(1 << d) - 1 for d in range(16)]
    like_the_arrays(tree(15), found)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(("processes", "values"), [(3, 16), (4, 8)])
def test_a_large_world_is_searched_alike(processes: int, values: int) -> None:
    system = forks(processes, values)
    found = native(system)
    assert len(found.states) > 100_000
    like_the_arrays(system, found)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("without", [(), ("dead-bits",), ("views",), ("frames", "views")])
def test_reductions_on_and_off_are_searched_alike(without: tuple[str, ...]) -> None:
    from bench.growth import LOONG, World, system_of

    system = system_of(World("", LOONG, ("touch", "swap"), 2, 0, without)).reduced
    found = native(system)
    assert len(found.states) > 2_000
    like_the_arrays(system, found)
    assert not_closed(system, found, Budget()) == ""


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("config", builtin_systems.CONFIGS)
def test_every_built_in_world_is_searched_alike(config: str) -> None:
    for system in (builtin_systems.pte(config), builtin_systems.mm(config, "carry-dirty")):
        like_the_arrays(system, native(system))


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("config", ["loongarch/linux-6.12", "sparc64/linux-6.12"])
def test_whole_kernels_are_searched_alike(config: str) -> None:
    from models.mm.catalogue import ALL

    system = mm_system(architecture(config), features=ALL).reduced
    found = native(system)
    assert len(found.states) > 40_000
    like_the_arrays(system, found)


class Waiting(Relay):
    """Brings the compiled engine once there are so many states."""

    states = 0

    def ready(self, states: int) -> Library | None:
        return super().ready(states) if states >= self.states else None


@needs_compiler
@pytest.mark.parametrize("after", [2, 65, 300, 1_500, 10**9])
@pytest.mark.parametrize("rows", [64, 1 << 15])
def test_a_search_is_handed_over_anywhere(after: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ROWS", rows)
    bringer = Waiting(at_once=True)
    bringer.states = after
    for system in (forks(3, 5), tree(11)):
        assert told(explore_arrays(system, None, bringer)) == told(explore(system))


@needs_compiler
def test_a_search_that_becomes_long_is_handed_over(uncompiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    run, result = native_search.NativeSearch.run, compiling.Compiling.result

    def noted(self: native_search.NativeSearch, keep: Any = None) -> None:
        taken.append(self._state.count)
        run(self, keep)

    monkeypatch.setattr(native_search.NativeSearch, "run", noted)
    monkeypatch.setattr(compiling.Compiling, "result", lambda self, wait=False: result(self, wait=True))
    monkeypatch.setattr(relay, "PAUSE", 0.0)
    monkeypatch.setattr(relay, "MANY", 500)
    monkeypatch.setattr(arrays, "ROWS", 64)
    found = explore_arrays(tree(12), None, Relay())
    assert len(taken) == 1
    assert 500 <= taken[0] < 1_000
    assert told(found) == told(explore(tree(12)))


def test_a_short_search_starts_no_compiler(uncompiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert told(explore_arrays(tree(11), None, Relay())) == told(explore(tree(11)))
    assert not relay._Engine.refused


@needs_compiler
def test_a_program_that_is_too_long_stays_with_the_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MOST_ROWS", 10)
    monkeypatch.setattr(native_search, "NativeSearch", None)
    assert told(native(forks(3, 4))) == told(explore(forks(3, 4)))


@needs_compiler
def test_a_system_that_cannot_start_or_move() -> None:
    idle = Invariant("fine", "fine", lambda s: True)
    still = TransitionSystem("still", (Bool,), (Start("start", lambda _: (True,)),), (), (idle,))
    never = Operation("never", lambda s: (False, (no(s[0]),)))
    for system in (still, replace(still, starts=()), replace(still, operations=(never,))):
        assert told(native(system)) == told(explore(system))


# Limits.


@needs_compiler
@pytest.mark.parametrize("rows", [64, 1 << 15])
@pytest.mark.parametrize("states", [0, 90, 1_000, 2_047, 2_048])
def test_a_limit_on_states_stops_where_the_arrays_stop(states: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ROWS", rows)
    monkeypatch.setattr(native_search, "ROWS", rows)
    for system in (forks(3, 8), tree(12)):
        found = native(system, Budget(states=states))
        assert found.stopped == f"limit of {states} states reached"
        assert told(found) == told(explore_arrays(system, Budget(states=states)))


@needs_compiler
def test_a_limit_on_time_stops_the_search() -> None:
    found = native(forks(3, 4), Budget(seconds=0.0))
    assert found.stopped == "time limit of 0 s reached"
    assert not found.states


class Scarce(Budget):
    """A budget under which there is not enough memory for anything larger than 128 kB."""

    def check(self, states: int = 0, more: int = 0) -> None:
        super().check(states, 1 << 60 if more > 1 << 17 else 0)


@needs_compiler
def test_memory_that_runs_out_keeps_what_was_found() -> None:
    found = native(tree(20), Scarce(memory=1 << 59))
    assert found.starved
    assert found.stopped.startswith("memory limit of")
    assert 1_000 < len(found.states) < 100_000
    assert [state[0].bit_length() - 1 for state in found.states] == [found.depth(k) for k in range(len(found.states))]
    (result,) = decide(tree(20), Options(memory=1, engine="native"))
    assert result.verdict is Verdict.UNKNOWN
    assert "memory limit of 1 bytes reached" in result.reason


@needs_compiler
def test_no_memory_at_all_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, more: int) -> None:
        raise MemoryError

    monkeypatch.setattr(native_search.NativeSearch, "_make_room", refuse)
    found = native(tree(15))
    assert found.starved
    assert found.stopped.startswith("there was no more memory after")
    assert told(found)[0] == told(explore(tree(15)))[0][: len(found.states)]


@needs_compiler
def test_ctrl_c_ends_the_search() -> None:
    with pytest.raises(KeyboardInterrupt):
        native(forks(3, 8), Interrupted())


@needs_compiler
def test_progress_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("checker.progress.PAUSE", 0.0)
    native(forks(3, 8), Budget(progress=Progress("forks")))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 3
    assert all(line.startswith("ptecheck: forks: ") and line.endswith(" states/s") for line in lines)


# Checkpoints.


@needs_compiler
@pytest.mark.parametrize("states", [1, 1_500])
@pytest.mark.parametrize(("first", "then"), [(native, explore_arrays), (explore_arrays, native), (native, native)])
@pytest.mark.parametrize("system", [tree(11), toggles(130, 11)], ids=["tree", "three words"])
def test_one_engine_goes_on_where_another_was_killed(
    system: TransitionSystem, first: Callable[..., Any], then: Callable[..., Any], states: int, tmp_path: Path
) -> None:
    whole = explore(system)
    with pytest.raises(Killed):
        first(system, Killing(states=min(states, len(whole.states) - 1), keeping=Keeping(tmp_path, 0.0)))
    assert len(files(tmp_path)) == 1
    assert told(then(system, Budget(keeping=Keeping(tmp_path, 0.0)))) == told(whole)
    assert files(tmp_path) == []


COMMAND = """
import sys
from checker import limits
from checker.cli import check
from checker.cli.main import main
check.Keeping = lambda folder: limits.Keeping(folder, 0.05)
sys.exit(main(sys.argv[1:]))
"""


@needs_compiler
@pytest.mark.slow
def test_a_process_that_is_killed_goes_on_with_the_other_engine(tmp_path: Path) -> None:
    arguments = ["check", "loongarch/linux-6.12", "--world", "kernel", "--jobs", "1", "--no-cache", "--format", "json"]
    kept = [sys.executable, "-c", COMMAND, *arguments, "--checkpoint", str(tmp_path)]
    whole = subprocess.run([sys.executable, "-c", COMMAND, *arguments], capture_output=True, check=False, cwd=ROOT)
    for turn in range(6):
        with subprocess.Popen(
            kept, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=_with_engine(turn)
        ) as run:
            until = time.monotonic() + 60
            while time.monotonic() < until and run.poll() is None and not list(tmp_path.rglob("*.checkpoint")):
                time.sleep(0.02)
            time.sleep(0.2 * turn)
            run.send_signal(signal.SIGKILL)
            run.communicate()
    last = subprocess.run(kept, capture_output=True, check=False, cwd=ROOT, env=_with_engine(0))
    assert (last.returncode, _verdicts(last.stdout)) == (whole.returncode, _verdicts(whole.stdout))


def _with_engine(turn: int) -> dict[str, str]:
    return {**os.environ, "PTECHECK_ENGINE": ("native", "arrays")[turn % 2]}


def _verdicts(output: bytes) -> list[str]:
    return [line for line in output.decode().splitlines() if '"verdict"' in line or '"states"' in line]


# Compilers.


def script(folder: Path, text: str) -> str:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


FAILURES = {
    "fails": ("exit 3", "could not compile the engine (exit status 3)"),
    "makes nothing": ("exit 0", "could not compile the engine (exit status 0)"),
    "makes nonsense": ('while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"', "cannot be loaded"),
    "makes another engine": (
        'while [ "$1" != -o ]; do shift; done; '
        'echo "unsigned long layout(void) { return 7; }" | cc -x c -shared -fPIC -o "$2" -',
        "lays out its structures in another way",
    ),
    "hangs": ("exec sleep 100", "took too long"),
}


@needs_compiler
@pytest.mark.parametrize("name", FAILURES)
def test_a_compiler_that_fails_is_said_and_the_arrays_go_on(
    name: str, uncompiled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, says = FAILURES[name]
    monkeypatch.setenv("CC", script(tmp_path, text))
    monkeypatch.setattr(
        compiling.Compiling.__init__, "__defaults__", (compiling.SOURCE, 5.0 if name != "hangs" else 0.2)
    )
    said: list[str] = []
    found = explore_arrays(tree(9), None, Relay(said.append, at_once=True))
    assert told(found) == told(explore(tree(9)))
    assert len(said) == 1
    assert said[0].startswith("goes on without the compiled engine: ")
    assert says in said[0]
    again: list[str] = []
    explore_arrays(forks(3, 4), None, Relay(again.append, at_once=True))
    assert not again  # once is enough


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("no-such-compiler -x", "there is no C compiler 'no-such-compiler -x'; $CC can name another one"),
        ("cc 'open", "$CC is no command"),
        (" ", "there is no C compiler ' '"),
        ("cc; touch here", "there is no C compiler 'cc; touch here'"),
    ],
)
def test_without_a_compiler_verdicts_are_the_same(
    command: str, says: str, uncompiled: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", command)
    system = tree(9)
    results = decide(system, Options(engine="native", progress=True))
    assert f"ptecheck: tree: goes on without the compiled engine: {says}" in capsys.readouterr().err
    plain = decide(system, Options(engine="plain"))
    assert [replace(r, seconds=0.0) for r in results] == [replace(r, seconds=0.0) for r in plain]


@needs_compiler
def test_without_a_folder_for_temporary_files_the_arrays_go_on(
    uncompiled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(compiling.tempfile, "tempdir", "/no/such/folder")
        found = explore_arrays(tree(9), None, Relay(said.append, at_once=True))
    assert told(found) == told(explore(tree(9)))
    (text,) = said
    assert text.endswith("there is no folder for temporary files: No such file or directory")


@needs_compiler
def test_the_compilers_folder_is_our_own_and_does_not_stay(uncompiled: None) -> None:
    work = compiling.Compiling()
    path = work.result(wait=True)
    assert path is not None
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not {p.name for p in path.parent.iterdir()} - {"engine.so"}
    work.end()
    assert not path.parent.exists()


@needs_compiler
def test_a_search_that_ends_first_ends_the_compiler(
    uncompiled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", script(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 100"))
    monkeypatch.setattr(relay, "PAUSE", 0.0)
    monkeypatch.setattr(relay, "MANY", 100)
    until = time.monotonic() + 20
    bringer = Relay()
    bringer.ready(200)
    while not (tmp_path / "pid").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert told(explore_arrays(tree(11), None, bringer)) == told(explore(tree(11)))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_source_is_part_of_the_package() -> None:
    import tomllib

    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "checker.native" in tools["packages"]
    folders = {package: ROOT / package.replace(".", "/") for package in tools["package-data"]}
    kept = {
        found for package, names in tools["package-data"].items() for n in names for found in folders[package].glob(n)
    }
    assert {found for found in kept if found.suffix == ".c"} == set((ROOT / "checker").rglob("*.c"))
    assert compiling.SOURCE in kept


# The choice of an engine.


@needs_compiler
@pytest.mark.parametrize("config", ["loongarch/original", "x86-64/linux-6.12"])
def test_every_engine_leads_to_the_same_results(config: str) -> None:
    system = builtin_systems.mm(config, "carry-dirty")
    results = [[replace(r, seconds=0.0) for r in decide(system, Options(engine=name))] for name in ("", *ENGINES)]
    assert all(result == results[0] for result in results)


def test_an_engine_that_there_is_not_is_wrong_use() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", "check", "loongarch/original", "--no-cache"],
        capture_output=True, check=False, text=True, cwd=ROOT, env={**os.environ, "PTECHECK_ENGINE": "fastest"},
    )  # fmt: skip
    assert done.returncode == EXIT_USAGE
    assert "PTECHECK_ENGINE is 'fastest', but the engines are plain, arrays, native" in done.stderr
    assert not done.stdout


@needs_compiler
def test_the_environment_chooses_an_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", "check", "loongarch/original", "--no-cache", "--split", "carry-dirty"],
        capture_output=True, check=False, text=True, cwd=ROOT,
        env={**os.environ, "PTECHECK_ENGINE": "native", "CC": "no-such-compiler"},
    )  # fmt: skip
    assert done.returncode == EXIT_VIOLATED
    assert "goes on without the compiled engine: there is no C compiler" in done.stderr


@needs_compiler
@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_blocks_that_are_full_and_not_full(size: int) -> None:
    """The first level has so many states; each leads to one of its own, and the last one breaks the rule."""
    start = Start("any", lambda free: ite(ult(free, size), free, 0), Bits(14))
    move = Operation("move", lambda s: (ult(s, 1 << 13), s | 1 << 13))
    rule = Invariant("not the last", "not the last", lambda s: s != size - 1)
    found = native(TransitionSystem("block", Bits(14), (start,), (move,), (rule,)))
    assert len(found.states) == 2 * size
    assert found.levels == [0, size]
    assert (found.before[size:] == range(size)).all()
    assert found.states[found.first_violation[0]] == (size - 1,)
