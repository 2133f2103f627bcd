"""What is exported for hardware model checkers and SMT solvers is the system: read back, run, and judged by others."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.peers import abc, smt, yosys
from bench.peers.asking import Peer
from checker import Bits, Bool, Enum, Invariant, Operation, Start, TransitionSystem, ult
from checker.cli.jobs import Job, build_system
from checker.export import aiger, btor2, smt2
from checker.export.hardware import circuit
from checker.export.model import Exported, exported
from checker.logic import either, no
from checker.othersolvers import unsatisfiable_with
from checker.search import search
from checker.smtlib import literal
from checker.solver import is_unsatisfiable
from checker.state import Shape
from checker.terms import choose, compare, connect, equal, evaluate, extend, extract, negate, word_op
from tests import builtin_systems, random_systems
from tests.builtin_systems import CONFIGS, SPLIT_NAMES
from tests.circuits import Aiger, Btor2

SOLVERS = {"z3": is_unsatisfiable, "cvc5": unsatisfiable_with("cvc5"), "bitwuzla": unsatisfiable_with("bitwuzla")}
needs_abc = pytest.mark.skipif(not abc.program(), reason="apt-get install berkeley-abc")
needs_yosys = pytest.mark.skipif(not (shutil.which("yosys") and abc.program()), reason="apt-get install yosys")


@dataclass(frozen=True)
class Moment:
    """One step of a run of the circuit, as plain integers have it.

    Attributes:
        choice, inputs: what is put in; free values of all starts, in order.
        state: the values of the exported variables before it; None before a start.
        bads: which properties fail before it.
        after: the values afterwards.
        row: the number of the start or operation that was taken, or None.
        refused: if it was not possible, the values afterwards if it had been.
    """

    choice: int
    inputs: tuple[int, ...]
    state: tuple[int, ...] | None
    bads: list[int]
    after: tuple[int, ...] | None
    row: int | None
    refused: tuple[int, ...] | None


class _Walk:
    """Random runs of an exported system by the functions that its author wrote."""

    def __init__(self, model: Exported, seed: int) -> None:
        self.model, self.system, self.random = model, model.system, Random(seed)
        self.layout = self.system.layout
        paths = [leaf.path for leaf in self.layout.leaves]
        self.places = [(paths.index(v.path), v.mask) for v in model.variables]
        self.width = max(1, (max(len(model.starts), len(model.steps)) - 1).bit_length())

    def seen(self, state: Any) -> tuple[int, ...]:
        values = self.layout.concrete(state)
        return tuple(values[place] & mask for place, mask in self.places)

    def run(self, length: int) -> Iterator[Moment]:
        state: Any = None
        for _ in range(length):
            inputs = tuple(self.random.getrandbits(64) & v.mask for start in self.model.starts for v in start.inputs)
            choice = self.choice(state)
            possible, then = self.outcome(state, choice, inputs)
            bads = [
                int(state is not None and not self.invariant(name).holds(state)) for name, _ in self.model.properties
            ]
            after, row = (then, choice) if possible else (state, None)
            refused = None if possible else self.known(then)
            yield Moment(choice, inputs, self.known(state), bads, self.known(after), row, refused)
            state = after

    def known(self, state: Any) -> tuple[int, ...] | None:
        return None if state is None else self.seen(state)

    def invariant(self, name: str) -> Invariant:
        return next(i for i in self.system.invariants if i.name == name)

    def choice(self, state: Any) -> int:
        """Mostly something possible, sometimes anything."""
        if self.random.random() < 0.3:
            return self.random.getrandbits(self.width)
        if state is None:
            return self.random.randrange(max(1, len(self.model.starts)))
        possible = [k for k, op in enumerate(self.system.operations) if op.run(state)[0]]
        return self.random.choice(possible) if possible else 0

    def outcome(self, state: Any, choice: int, inputs: tuple[int, ...]) -> tuple[bool, Any]:
        """Whether a choice is possible, and where it leads if it were; None where there is nothing to choose."""
        if choice >= len(self.system.operations if state is not None else self.model.starts):
            return False, None
        if state is not None:
            possible, after = self.system.operations[choice].run(state)
            return bool(possible), self.layout.state(self.layout.concrete(after))
        names = [v.path for start in self.model.starts for v in start.inputs]
        start = self.system.starts[choice]
        leaves = Shape.of(start.inputs).leaves
        free = dict(zip(names, inputs, strict=True))
        values = [free.get(f"{start.name}?{leaf.path}", 0) for leaf in leaves]
        named = all(not s.names or v < len(s.names) for s, v in zip((x.sort for x in leaves), values, strict=True))
        return named, self.layout.state(self.layout.concrete(start.run(Shape.of(start.inputs).state(values))))


def _bits(value: int, term_width: int, mask: int) -> list[int]:
    return [value >> i & 1 for i in range(max(1, term_width)) if mask >> i & 1]


def _agrees_with_aiger(model: Exported, data: bytes, length: int, seed: int = 1) -> None:
    made, parts = Aiger.read(data), circuit(model)
    masks = [(v.term.width, v.mask) for v in model.variables]

    def latches(values: tuple[int, ...] | None) -> list[int]:
        known = values or (0,) * len(masks)
        return [int(values is not None), *(b for v, m in zip(known, masks, strict=True) for b in _bits(v, *m))]

    state = latches(None)
    assert len(made.latches) == len(state)
    for moment in _Walk(model, seed).run(length):
        rows = zip((moment.choice, *moment.inputs), parts.inputs, strict=True)
        put = [bit for value, part in rows for bit in _bits(value, part.term.width, part.mask)]
        bads, state = made.step(state, put)
        assert bads == moment.bads
        assert state == latches(moment.after)


def _agrees_with_btor2(model: Exported, text: str, length: int, seed: int = 2) -> None:
    made = Btor2.read(text)
    state = made.first()
    assert [made.names[number] for number in made.states] == [latch.name for latch in circuit(model).latches]
    for moment in _Walk(model, seed).run(length):
        bads, state = made.step(state, (moment.choice, *moment.inputs))
        assert bads == moment.bads
        after = moment.after
        assert tuple(state.values()) == ((1, *after) if after is not None else (0,) * len(made.states))


def _constants(model: Exported, values: tuple[int, ...]) -> str:
    return " ".join(literal(value, v.term.width) for value, v in zip(values, model.variables, strict=True))


def _facts_for_smt(model: Exported, length: int, seed: int = 3) -> list[str]:
    """What the functions must say of a random run, and of the same run with one wrong bit."""
    facts, widths = [], (smt2.start_choice(model).width, smt2.step_choice(model).width)
    free = [v.term.width for start in model.starts for v in start.inputs]
    for moment in _Walk(model, seed).run(length):
        for (name, _), bad in zip(model.properties, moment.bads, strict=True) if moment.state else ():
            said = f"(|property {name}| {_constants(model, moment.state)})"
            facts.append(f"(not {said})" if bad else said)
        outcome = moment.refused if moment.row is None else moment.after
        if outcome is None:
            continue
        picked = literal(moment.choice, widths[moment.state is not None])
        if moment.state is None:
            given = " ".join([picked, *(literal(v, w) for v, w in zip(moment.inputs, free, strict=True))])
            call = f"({smt2.INIT} {given} "
        else:
            call = f"({smt2.STEP} {picked} {_constants(model, moment.state)} "
        wrong = list(outcome)
        k = Random(seed).randrange(len(wrong))
        wrong[k] ^= model.variables[k].mask & -model.variables[k].mask
        said = f"{call}{_constants(model, outcome)})"
        facts += [f"(not {said})" if moment.row is None else said, f"(not {call}{_constants(model, tuple(wrong))}))"]
    return facts


def _smt_agrees(model: Exported, length: int, solvers: tuple[str, ...], seed: int = 3) -> None:
    facts = _facts_for_smt(model, length, seed)
    assert facts
    wrong = " ".join(f"(not {fact})" for fact in facts)
    script = f"{smt2.text(model)}(assert (or false {wrong}))\n(check-sat)\n"
    for name in solvers:
        assert SOLVERS[name](script), name


def _agrees(model: Exported, length: int) -> None:
    _agrees_with_aiger(model, aiger.text(model).encode(), length)
    _agrees_with_aiger(model, aiger.binary(model), length)
    _agrees_with_btor2(model, btor2.text(model), length)


def _pte_model(config: str) -> Exported:
    return exported(builtin_systems.pte(config))


def _mm_model(config: str, split: str) -> Exported:
    return exported(builtin_systems.mm(config, split))


@pytest.mark.parametrize("config", CONFIGS)
def test_every_pte_world_is_exported_as_it_is(config: str) -> None:
    model = _pte_model(config)
    _agrees(model, 30)
    _smt_agrees(model, 10, ("bitwuzla",))


@pytest.mark.parametrize("config", CONFIGS)
def test_an_mm_world_of_every_machine_is_exported_as_it_is(config: str) -> None:
    split = SPLIT_NAMES[CONFIGS.index(config) % len(SPLIT_NAMES)]
    _agrees(_mm_model(config, split), 25)


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_every_mm_world_is_exported_as_it_is(config: str) -> None:
    for split in SPLIT_NAMES:
        model = _mm_model(config, split)
        _agrees(model, 30)
        _smt_agrees(model, 8, ("bitwuzla",))


WORLDS = (
    Job("loongarch/huacai", "helpers", level="pte"),
    Job("sparc64/original", "helpers", level="pmd"),
    Job("x86-64/linux-6.12", "levels", level="pte+pmd"),
)


@pytest.mark.parametrize("job", WORLDS, ids=lambda job: f"{job.config}-{job.world}")
def test_the_worlds_of_helpers_are_exported_as_they_are(job: Job) -> None:
    _agrees(exported(build_system(job)), 40)


@pytest.mark.slow
def test_groups_of_processes_are_exported_as_they_are() -> None:
    model = exported(build_system(Job("loongarch/original", "kernel", generation="linux-6.12")))
    _agrees_with_aiger(model, aiger.binary(model), 20)
    _agrees_with_btor2(model, btor2.text(model), 20)
    _smt_agrees(model, 4, ("bitwuzla",))


@settings(max_examples=70)
@given(random_systems.systems(), st.integers(0, 1 << 32))
def test_random_systems_with_arithmetic_are_exported_as_they_are(system: TransitionSystem, seed: int) -> None:
    model = exported(system)
    _agrees_with_aiger(model, aiger.binary(model), 25, seed)
    _agrees_with_btor2(model, btor2.text(model), 25, seed)


OPERATORS = ("band", "bor", "bxor", "add", "sub", "mul", "shl", "lshr")


def _operators(width: int) -> Exported:
    """A start that may give two words any value, and properties that ask for every bit of every operator's result."""
    word, wide = Bits(width), 2 * width
    start = Start("any", lambda free: free, (word, word, Bool))
    model = exported(TransitionSystem("operators", (word, word, Bool), (start,), (), (Invariant("x", "", _looks),)))
    left, right, condition = model.system.relation.state
    words = [word_op(op, left, right) for op in OPERATORS] + [choose(condition, left, right)]
    words += [extend(words[3], wide), extract(words[5], width - 1, 1), word_op("add", extend(left, wide), 1)]
    conditions = [compare("ult", left, right), compare("ule", left, right), equal(left, right), negate(condition)]
    conditions += [choose(condition, conditions[0], conditions[2]), equal(condition, conditions[1])]
    conditions += [connect("or", conditions[:3]), connect("and", (condition, *conditions[:2]))]
    conditions += [equal(extract(w, i, i), 1) for w in words for i in range(w.width)]
    return replace(model, properties=tuple((f"p{k}", condition) for k, condition in enumerate(conditions)))


def _looks(state: Any) -> Any:
    return either(state[0] == state[1], state[2])


@pytest.mark.parametrize("width", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_every_operator_is_right_for_every_value(width: int) -> None:
    model = _operators(width)
    gates, words = Aiger.read(aiger.binary(model)), Btor2.read(btor2.text(model))
    variables = [v.term for v in model.variables]
    facts = []
    for values in itertools.product(*(range(1 << max(1, v.width)) for v in variables)):
        truth = list(map(int, evaluate([p for _, p in model.properties], dict(zip(variables, values, strict=True)))))
        put = [0, *(value >> i & 1 for value, v in zip(values, variables, strict=True) for i in range(max(1, v.width)))]
        _, state = gates.step([0] * len(gates.latches), put)
        assert [1 - bad for bad in gates.step(state, put)[0]] == truth
        _, loaded = words.step(words.first(), (0, *values))
        assert [1 - bad for bad in words.step(loaded, (0, *values))[0]] == truth
        said = zip(model.properties, truth, strict=True)
        facts += [(f"(|property {n}| {_constants(model, values)})", holds) for (n, _), holds in said]
    wrong = " ".join(f"(not {said})" if holds else said for said, holds in facts)
    assert SOLVERS["bitwuzla"](f"{smt2.text(model)}(assert (or false {wrong}))\n(check-sat)\n")


@settings(max_examples=25)
@given(random_systems.systems())
def test_solvers_agree_on_random_systems(system: TransitionSystem) -> None:
    model = exported(system)
    if model.variables and model.starts:
        facts = _facts_for_smt(model, 15)
        wrong = " ".join(f"(not {fact})" for fact in facts)
        assert SOLVERS["bitwuzla"](f"{smt2.text(model)}(assert (or false {wrong}))\n(check-sat)\n")


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_reads_the_functions_and_finds_a_wrong_one(solver: str) -> None:
    model = _mm_model("loongarch/original", "carry-dirty")
    _smt_agrees(model, 20, (solver,))
    fact = next(f for f in _facts_for_smt(model, 20) if f.startswith(f"({smt2.STEP}"))
    assert not SOLVERS[solver](f"{smt2.text(model)}(assert {fact})\n(check-sat)\n")


def test_an_unrelated_reader_accepts_the_words_of_btor2() -> None:
    """Bitwuzla reads BTOR2 without states: as inputs, it must find a state in which the property fails."""
    bitwuzla = pytest.importorskip("bitwuzla")
    lines = btor2.text(_mm_model("loongarch/original", "carry-dirty")).splitlines()
    for first in ("0", "1"):
        combinational = [
            line.replace(" state ", " input ").replace(" bad ", " constraint ")
            for line in lines
            if " init " not in line and " next " not in line and not line.startswith(";")
        ]
        number, _, sort, _ = next(line for line in combinational if line.endswith(" started")).split()
        constant = f"{number} {'zero' if first == '0' else 'one'} {sort}"
        combinational = [constant if line.endswith(" started") else line for line in combinational]
        manager = bitwuzla.TermManager()
        parser = bitwuzla.Parser(manager, bitwuzla.Options(), language="btor2")
        parser.parse("\n".join(combinational) + "\n", parse_only=False, parse_file=False)
        answer = str(parser.bitwuzla().check_sat()).lower()
        assert answer.endswith("unsat") == (first == "0")


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_files_are_small_and_the_same_every_time(config: str) -> None:
    for model in (_pte_model(config), _mm_model(config, "linux-6.12")):
        made = Aiger.read(aiger.binary(model))
        choices = max(len(model.starts), len(model.steps))
        assert 1 << len(made.inputs) < 2 * choices  # no bit too many to number them
        assert len(made.latches) == 1 + sum(v.mask.bit_count() for v in model.variables)
        assert len(made.gates) < 1_500
        again = exported(replace(model.system))
        for write in (aiger.text, aiger.binary, btor2.text, smt2.text):
            assert write(again) == write(model)
            assert len(write(model)) < 150_000


PRINT_DIGESTS = """
import hashlib
from checker.export import aiger, btor2, smt2
from checker.export.model import exported
from tests import builtin_systems
model = exported(builtin_systems.mm("x86-64/linux-6.12", "linux-6.12"))
print([hashlib.sha256(module.text(model).encode()).hexdigest() for module in (aiger, btor2, smt2)])
"""


def test_the_text_does_not_depend_on_the_process() -> None:
    command = [sys.executable, "-c", PRINT_DIGESTS]
    printed = {
        subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_both_forms_of_aiger_are_one_circuit_that_names_everything() -> None:
    model = _mm_model("loongarch/original", "carry-dirty")
    text, packed = Aiger.read(aiger.text(model).encode()), Aiger.read(aiger.binary(model))
    assert text == packed
    wanted = {f"{kind}{k}" for kind, count in _counts(packed) for k in range(count)}
    assert set(packed.names) == wanted
    assert len(set(packed.names.values())) == len(wanted)
    assert packed.names["l0"] == "started"
    assert packed.names["b1"] == "cow-isolation"
    assert packed.names["i0"] == "choice[0]"
    for line in (
        "operation 14: exit(parent)",
        "start 1: a small page of its own",
        "bad 1: cow-isolation does not hold",
    ):
        assert line in packed.comments
    assert any("Depths are one larger" in line for line in packed.comments)


def _counts(made: Aiger) -> list[tuple[str, int]]:
    return [("i", len(made.inputs)), ("l", len(made.latches)), ("b", len(made.bads))]


def _with_inputs() -> TransitionSystem:
    """Free values that differ between two starts, one of them an enumeration that does not fill its bits."""
    return TransitionSystem(
        "free values",
        (Bits(4), Enum("red", "green", "blue"), Bool),
        (
            Start("a word", lambda free: (free[0], 0, free[1]), (Bits(4), Bool)),
            Start("a colour", lambda free: (5, free[0], False), (Enum("red", "green", "blue"),)),
        ),
        (Operation("count down", lambda s: (s[0] != 0, (s[0] - 1, s[1], s[2]))),),
        (
            Invariant("no blue at three", "", lambda s: either(s[0] != 3, s[1] != 2)),
            Invariant("below twelve or unset", "", lambda s: either(ult(s[0], 12), no(s[2]))),
            Invariant("a colour", "", lambda s: ult(s[1], 3)),
        ),
    )


def test_impossible_choices_and_free_values_change_nothing() -> None:
    model = exported(_with_inputs())
    for seed in range(20):
        _agrees_with_aiger(model, aiger.binary(model), 12, seed)
        _agrees_with_btor2(model, btor2.text(model), 12, seed)
        _smt_agrees(model, 12, ("bitwuzla",), seed)
    moments = [moment for seed in range(20) for moment in _Walk(model, seed).run(12)]
    assert any(moment.state is None and moment.row is None for moment in moments)
    assert any(moment.state is not None and moment.row is None for moment in moments)


def _depths(system: TransitionSystem) -> dict[str, int | None]:
    found = search(system.reduced)
    return {
        invariant.name: found.depth(found.first_violation[k]) if k in found.first_violation else None
        for k, invariant in enumerate(system.invariants)
    }


def _abc_agrees(system: TransitionSystem, work: Path, names: tuple[str, ...] = (), asked: Peer = abc.run) -> None:
    model, truth = exported(system), _depths(system)
    for name in names or truth:
        depth = truth[name]
        answer = asked(model, name, work, None)
        assert (answer.verdict, answer.depth) == ("holds" if depth is None else "violated", depth), (name, answer)
        if depth:
            assert asked(model, name, work, depth - 1).verdict == "holds"
        if depth is not None:
            assert asked(model, name, work, depth).depth == depth


@needs_abc
@pytest.mark.parametrize("config", ["loongarch/original", "loongarch/linux-6.12"])
def test_abc_agrees_on_an_mm_world(config: str, tmp_path: Path) -> None:
    _abc_agrees(builtin_systems.mm(config, "carry-dirty"), tmp_path)


@needs_abc
def test_abc_agrees_on_free_values(tmp_path: Path) -> None:
    assert set(_depths(_with_inputs()).values()) == {0, 2, None}
    _abc_agrees(_with_inputs(), tmp_path)


@needs_abc
@pytest.mark.slow
@pytest.mark.parametrize("config", ["loongarch/original", "sparc64/original", "x86-64/linux-6.12", "loongarch/hev"])
def test_abc_agrees_on_a_pte_world(config: str, tmp_path: Path) -> None:
    _abc_agrees(builtin_systems.pte(config), tmp_path)


@needs_abc
@pytest.mark.slow
@pytest.mark.parametrize("job", WORLDS, ids=lambda job: f"{job.config}-{job.world}")
def test_abc_agrees_on_a_world_of_helpers(job: Job, tmp_path: Path) -> None:
    _abc_agrees(build_system(job), tmp_path)


@needs_abc
@pytest.mark.slow
def test_abc_agrees_on_the_whole_kernel(tmp_path: Path) -> None:
    system = build_system(Job("loongarch/original", "kernel", generation="linux-6.12"))
    _abc_agrees(system, tmp_path, ("shared-not-hw-writable", "cow-isolation", "encoding-sane", "pin-coherent"))


@needs_abc
@pytest.mark.slow
@settings(max_examples=30)
@given(random_systems.systems())
def test_abc_agrees_on_random_systems(tmp_path_factory: pytest.TempPathFactory, system: TransitionSystem) -> None:
    _abc_agrees(system, tmp_path_factory.mktemp("abc"))


@needs_abc
def test_all_properties_at_once_hold_only_if_each_does(tmp_path: Path) -> None:
    model = exported(_with_inputs())
    answer = abc.run(model, "", tmp_path, None)
    assert (answer.verdict, answer.depth) == ("violated", 0)
    kept = tuple(p for p in model.properties if abc.run(model, p[0], tmp_path, None).verdict == "holds")
    assert abc.run(replace(model, properties=kept), "", tmp_path, None).verdict == "holds"


@needs_yosys
def test_abc_agrees_on_free_values_by_way_of_yosys(tmp_path: Path) -> None:
    _abc_agrees(_with_inputs(), tmp_path, asked=yosys.run)


@needs_yosys
@pytest.mark.slow
@settings(max_examples=6)
@given(random_systems.systems())
def test_abc_agrees_on_random_systems_by_way_of_yosys(
    tmp_path_factory: pytest.TempPathFactory, system: TransitionSystem
) -> None:
    _abc_agrees(system, tmp_path_factory.mktemp("yosys"), asked=yosys.run)


def test_unrolling_and_spacer_agree_with_the_search(tmp_path: Path) -> None:
    system = builtin_systems.pte("loongarch/original")
    model, truth = exported(system), _depths(system)
    for name in ("cow-shared-not-hw-writable", "write-protect-holds"):
        for solver in ("bitwuzla", "z3"):
            assert smt.unrolled(model, name, tmp_path, 3, solver).depth == truth[name]
    assert smt.run(model, "write-protect-holds", tmp_path, None).verdict == "violated"
    proved = next(name for name, depth in truth.items() if depth is None)
    assert smt.run(model, proved, tmp_path, None).verdict == "holds"
    assert smt.run(model, proved, tmp_path, 2).verdict == "holds"
