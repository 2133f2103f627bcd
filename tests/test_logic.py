"""The model's words on plain values, and "one text": each model run directly on Z3 and on integers equals its relation."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import z3

from checker.logic import both, either, implies, ite, lshr, no, same, select, ult, word_like
from checker.smtlib import Script, sort
from checker.state import Shape
from checker.system import TransitionSystem
from checker.terms import BOOL, Term, constant, evaluate, variable
from models.registry import architectures
from tests import builtin_systems
from tests.builtin_systems import CONFIGS, MACHINES, MKDIRTY_LAST, SPLIT_NAMES

MM_SAMPLE = tuple(
    (architectures(machine)[0].config, MKDIRTY_LAST[k % 2]) for k, machine in enumerate(MACHINES)
) + tuple(("loongarch/linux-6.12", split) for split in SPLIT_NAMES)


@pytest.mark.parametrize("values", [(a, b) for a in (False, True) for b in (False, True)])
def test_connectives_on_plain_booleans(values: tuple[bool, bool]) -> None:
    a, b = values
    assert both(a, b) is (a and b)
    assert either(a, b) is (a or b)
    assert no(a) is (not a)
    assert implies(a, b) is ((not a) or b)
    assert same(a, b) is (a == b)
    assert ite(a, 1, 2) == (1 if a else 2)


def test_connectives_of_nothing_are_neutral() -> None:
    assert both() is True
    assert either() is False


@pytest.mark.parametrize("make", [lambda v: v, lambda v: variable("x", 8), lambda v: z3.BitVec("x", 8)])
def test_a_constant_like_a_word_has_its_kind(make: Callable[[int], Any]) -> None:
    like = make(7)
    assert type(word_like(like, 3)) in (type(like), z3.BitVecNumRef)
    assert (word_like(like, 3) if isinstance(like, int) else z3.simplify(word_like(z3.BitVec("x", 8), 3))) == 3


def test_plain_and_symbolic_values_mix_on_either_side() -> None:
    x = variable("x", 8)
    assert evaluate([same(3, x), same(x, 3), ult(3, x), ult(x, 3)], {x: 3}) == [True, True, False, False]
    assert evaluate([ult(3, x), ult(x, 5), lshr(x, 1)], {x: 4}) == [True, True, 2]


def test_unsigned_order_and_logical_shift_in_z3() -> None:
    top = z3.BitVecVal(0x80, 8)
    assert z3.is_true(z3.simplify(ult(1, top)))
    assert z3.is_false(z3.simplify(ult(top, 1)))
    assert z3.simplify(lshr(top, 7)).as_long() == 1


@pytest.mark.parametrize("index", range(3))
def test_select_picks_the_same_item_for_integers_terms_and_z3(index: int) -> None:
    items = [10, 20, 30]
    words = [constant(v, 8) for v in items]
    n = variable("n", 2)
    assert select(items, index) == items[index]
    assert evaluate([select(words, n)], {n: index}) == [items[index]]
    chosen = select([z3.BitVecVal(v, 8) for v in items], z3.BitVecVal(index, 2))
    assert z3.simplify(chosen).as_long() == items[index]


def test_the_words_a_type_error_recommends_exist() -> None:
    import checker.logic

    with pytest.raises(TypeError) as error:
        variable("x", 8) < 3  # noqa: B015 - the comparison is what raises
    recommended = re.findall(r"(\w+)\(\)", str(error.value))
    assert recommended
    assert [name for name in recommended if not hasattr(checker.logic, name)] == []


def _z3_value(value: Any, width: int) -> z3.ExprRef:
    if z3.is_expr(value):
        return value
    return z3.BitVecVal(value, width) if width else z3.BoolVal(bool(value))


def _z3_constant(term: Term) -> z3.ExprRef:
    return z3.Const(term.data, z3.BitVecSort(term.width) if term.width else z3.BoolSort())


def _run_on(system: TransitionSystem, leaf: Callable[[Term], Any]) -> list[Any]:
    """Everything the model says, in the order of :func:`_terms`, on leaves of the caller's choice."""
    layout, relation = system.layout, system.relation
    whole = layout.build([leaf(v) for v in relation.state])
    found: list[Any] = []
    for start, symbolic in zip(system.starts, relation.starts, strict=True):
        found += layout.flatten(start.run(Shape.of(start.inputs).build([leaf(v) for v in symbolic.inputs])))
    for op in system.operations:
        guard, after = op.run(whole)
        found += [guard, *layout.flatten(after)]
    for invariant in system.invariants:
        found += [invariant.holds(whole), invariant.premise(whole)]
    return found + [p.holds(whole) for p in system.predicates]


def _terms(system: TransitionSystem) -> list[Term]:
    relation = system.relation
    found = [value for start in relation.starts for value in start.values]
    found += [term for step in relation.steps for term in (step.guard, *step.values)]
    found += [t for pair in zip(relation.properties, relation.premises, strict=True) for t in pair]
    return [*found, *relation.predicates]


def _differs(system: TransitionSystem, direct: Sequence[Any]) -> z3.CheckSatResult:
    """Whether the model's text on Z3 values can differ anywhere from its relation as SMT-LIB text."""
    script = Script()
    script.declare([*system.relation.state, *(v for start in system.relation.starts for v in start.inputs)])
    roots = _terms(system)
    results = [f"result {k}" for k in range(len(roots))]
    for name, root, text in zip(results, roots, script.text(roots), strict=True):
        script.lines.append(f"(define-fun |{name}| () {sort(root.width)} {text})")
        script.lines.append(f"(declare-const |{name}!| {sort(root.width)})")
        script.lines.append(f"(assert (= |{name}!| |{name}|))")
    solver = z3.SolverFor("QF_BV")
    solver.from_string(str(script))
    values = [_z3_value(v, root.width) for v, root in zip(direct, roots, strict=True)]
    marks = [_z3_constant(variable(f"{name}!", root.width)) for name, root in zip(results, roots, strict=True)]
    solver.add(z3.Or(*(value != mark for value, mark in zip(values, marks, strict=True))))
    return solver.check()


def _plain(rng: random.Random, system: TransitionSystem) -> dict[Term, Any]:
    """Random values for every variable; enumerations keep to their named values, words are dense or sparse."""
    values: dict[Term, Any] = {}
    for leaf, term in zip(system.layout.leaves, system.relation.state, strict=True):
        limit = len(leaf.sort.names) or 1 << term.width
        values[term] = rng.randrange(limit) if term.width else rng.random() < 0.5
    for start in system.relation.starts:
        values |= {v: rng.getrandbits(v.width) for v in start.inputs}
    sparse = rng.random() < 0.5
    return {
        v: x & rng.getrandbits(64) & rng.getrandbits(64) if sparse and v.width == 64 else x for v, x in values.items()
    }


def _check_plain(system: TransitionSystem, rounds: int) -> None:
    rng = random.Random(system.name)
    roots = _terms(system)
    for _ in range(rounds):
        values = _plain(rng, system)
        direct = _run_on(system, lambda v: values[v])  # noqa: B023 - used before the next round
        cut = [int(d) & ((1 << r.width) - 1) if r.width else bool(d) for d, r in zip(direct, roots, strict=True)]
        assert cut == [v if r.width else bool(v) for v, r in zip(evaluate(roots, values), roots, strict=True)]


@pytest.mark.parametrize("config", CONFIGS)
def test_one_text_pte_world(config: str) -> None:
    system = builtin_systems.pte(config)
    assert _differs(system, _run_on(system, _z3_constant)) == z3.unsat
    _check_plain(system, 12)


@pytest.mark.parametrize(("config", "split"), MM_SAMPLE)
def test_one_text_mm_world(config: str, split: str) -> None:
    system = builtin_systems.mm(config, split)
    assert _differs(system, _run_on(system, _z3_constant)) == z3.unsat
    _check_plain(system, 12)


def test_one_text_check_notices_another_text() -> None:
    ours, other = builtin_systems.pte("loongarch/huacai"), builtin_systems.pte("loongarch/original")
    assert _differs(ours, _run_on(other, _z3_constant)) == z3.sat


def test_the_relation_is_of_the_sorts_that_were_declared() -> None:
    system = builtin_systems.pte("x86-64/linux-6.1")
    late = replace(system.operations[0], name="late", run=lambda s: (s.entry, s))
    with pytest.raises(TypeError, match="the guard of late must give a condition"):
        replace(system, operations=(late,)).relation  # noqa: B018 - making the relation is what raises
    wide = replace(system.operations[0], name="wide", run=lambda s: (True, replace(s, huge=s.entry)))
    with pytest.raises(TypeError, match="operation wide gives a state of the wrong type"):
        replace(system, operations=(wide,)).relation  # noqa: B018
    assert BOOL not in [v.width for start in system.relation.starts for v in start.inputs]
