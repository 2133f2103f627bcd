"""Coverage: what counts as a choice, counting against plain enumeration, and that no rule of the model is dead."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from checker.cli import coverage
from checker.cli.coverage import COUNTED, JUSTIFIED, THROUGH, Cell, Row, Sample
from checker.coverage import Fired, NotExplored, Outcome, Place, Source, measure, record
from checker.explicit import explore
from checker.limits import Budget
from checker.logic import both, ite, no, ult, watching, word_like
from checker.solver import Solver
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.terms import evaluate
from models.mm.catalogue import FEATURES, OPERATIONS, MmOperation, always, never_idle
from tests.test_cli import ptecheck, same_as_golden

HERE = Path(__file__).parent
SOURCE = Source(HERE.parent, ("tests/test_coverage.py",), frozenset(("capped",)))


@dataclass(frozen=True)
class Lamp:
    level: Any
    on: Any
    unread: Any


def lamp(*operations: Operation) -> TransitionSystem:
    """Up to level 5 in steps; ``unread`` toggles, and no property depends on it."""
    toggle = Operation("toggle", lambda s: (True, replace(s, unread=no(s.unread))))
    start = Start("dark", lambda _: Lamp(0, False, False))
    bright = Invariant("bright", "on below level 6", lambda s: both(ult(s.level, 6), s.on == s.on))
    watched = Invariant("on", "its state is looked at", lambda s: no(both(s.on, s.level == 0)))
    return TransitionSystem("lamp", Lamp(Bits(4), Bool, Bool), (start,), (*operations, toggle), (bright, watched))


# No arithmetic: the array engine works bit by bit.
NEXT = {0: 1, 1: 3, 3: 4, 4: 5}


def climb(s: Lamp) -> tuple[Any, Lamp]:
    level = s.level
    for before, after in NEXT.items():
        level = ite(s.level == before, word_like(s.level, after), level)
    return ult(s.level, 5), replace(s, level=level, on=True)


def capped(condition: Any, value: Any, otherwise: Any) -> Any:
    return ite(condition, value, otherwise)


def choosing(condition: Callable[[Lamp], Any], guard: Callable[[Lamp], Any] = lambda s: True) -> Operation:
    def run(s: Lamp) -> tuple[Any, Lamp]:
        return guard(s), replace(
            s, on=ite(condition(s), both(s.on, s.on), s.on if condition is always else no(no(s.on)))
        )

    return Operation("choosing", run)


def fired(system: TransitionSystem, source: Source = SOURCE) -> dict[str, Fired]:
    return {one.name: one for one in measure(system, source)}


def sides(one: Fired) -> list[tuple[bool, bool]]:
    return [(taken, reached) for (_, taken), reached in sorted(one.outcomes.items())]


CLIMB = Operation("climb", climb)


def test_a_choice_in_a_loop_is_one_and_each_outcome_is_looked_for() -> None:
    found = fired(lamp(CLIMB))
    assert found["climb"].enabled == 4
    assert sides(found["climb"]) == [(False, True), (True, True)]
    ((place, _), _) = sorted(found["climb"].outcomes)
    text = (HERE.parent / place.file).read_text().splitlines()[place.line - 1]
    assert text[place.column :].startswith("ite(s.level == before")
    assert (place.file, place.condition) == ("tests/test_coverage.py", "s.level == before")


@pytest.mark.parametrize(
    ("level", "expected"), [(3, [(False, True), (True, True)]), (2, [(False, True), (True, False)])]
)
def test_an_outcome_that_no_state_reaches_is_said_to_be_so(level: int, expected: list[tuple[bool, bool]]) -> None:
    found = fired(lamp(CLIMB, choosing(lambda s: s.level == level)))
    assert sides(found["choosing"]) == expected


def test_only_states_that_enable_the_operation_count() -> None:
    found = fired(lamp(CLIMB, choosing(lambda s: s.level == 3, guard=lambda s: no(s.level == 3))))
    assert found["choosing"].enabled == 4
    assert sides(found["choosing"]) == [(False, True), (True, False)]


def test_an_operation_that_is_never_enabled_reaches_nothing() -> None:
    found = fired(lamp(CLIMB, choosing(lambda s: s.on, guard=lambda s: s.level == 2)))
    assert found["choosing"].enabled == 0
    assert sides(found["choosing"]) == [(False, False), (True, False)]


def test_constant_conditions_and_code_elsewhere_are_no_choices() -> None:
    assert fired(lamp(CLIMB, choosing(lambda s: (s.level & 0) == 1)))["choosing"].outcomes == {}
    elsewhere = Source(HERE.parent, ("models/mm/", "models/pte.py"))
    assert fired(lamp(CLIMB), elsewhere)["climb"].outcomes == {}


def test_what_no_property_depends_on_is_told_apart_all_the_same() -> None:
    system = lamp(CLIMB, choosing(lambda s: s.unread))
    (leaf,) = (leaf for leaf, mask in zip(system.layout.leaves, explore(system).cone.masks, strict=True) if not mask)
    assert leaf.path == "unread"
    found = fired(system)
    assert sides(found["choosing"]) == [(False, True), (True, True)]
    assert found["choosing"].enabled == 5  # as check counts states


def test_a_helper_that_is_looked_through_gives_its_choices_to_its_callers() -> None:
    def run(s: Lamp) -> tuple[Any, Lamp]:
        on = capped(s.level == 3, s.on, no(s.on)), capped(s.level == 4, no(s.on), s.on)
        return True, replace(s, on=both(*on))

    system = lamp(CLIMB, Operation("helped", run))
    state = system.layout.build(system.relation.state)
    places = list(record(Operation("helped", run), state, SOURCE).choices)
    assert len(places) == 2
    assert {place.line for place in places} == {places[0].line}
    assert {place.condition for place in places} == {"s.level == 3", "s.level == 4"}
    plain = record(Operation("helped", run), state, replace(SOURCE, through=frozenset()))
    assert [place.condition for place in plain.choices] == ["condition"]


def test_watching_ends_with_its_block() -> None:
    seen: list[object] = []
    state = lamp(CLIMB).relation.state
    with pytest.raises(ValueError, match="inside"), watching(seen.append):
        ite(state[1], state[0], 3)
        raise ValueError("inside")
    ite(state[1], state[0], 4)
    assert seen == [state[1]]


def test_an_unfinished_search_is_no_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    from checker.arrays import explore_arrays

    monkeypatch.setattr("checker.coverage.explore_arrays", lambda system: explore_arrays(system, Budget(states=2)))
    with pytest.raises(NotExplored, match="lamp: limit of 2 states"):
        measure(lamp(CLIMB), SOURCE)
    monkeypatch.setattr("checker.cli.coverage.measure_all", lambda wanted: [measure(lamp(CLIMB), SOURCE)])
    assert coverage.run_coverage() == 3


SMALL = [
    Sample("sparc64/linux-6.12", "linux-6.1", frozenset(("core",))),
    Sample("x86-64/linux-6.12", "linux-6.12", frozenset(("core", "touch", "soft-dirty"))),
    Sample("loongarch/linux-6.12", "linux-6.12", frozenset(("core", "collapse"))),
]


@pytest.mark.parametrize("sample", SMALL, ids=lambda s: s.config)
def test_counts_are_those_of_plain_enumeration(sample: Sample) -> None:
    system = coverage.system_of(sample)
    relation = system.reduced.relation
    state = system.layout.build(relation.state)
    recorded = [record(operation, state, coverage.source()) for operation in system.operations]
    wide = explore(_telling_apart(system.reduced, recorded))
    usual = explore(system.reduced)
    for one, found in zip(recorded, measure(system, coverage.source()), strict=True):
        reached: set[Outcome] = set()
        wanted = list(one.outcomes())
        for values in _states(wide):
            answers = evaluate([term for _, term in wanted], dict(zip(relation.state, values, strict=True)))
            reached |= {outcome for (outcome, _), yes in zip(wanted, answers, strict=True) if yes}
        assert {outcome for outcome, yes in found.outcomes.items() if yes} == reached
        guards = (evaluate([one.guard], dict(zip(relation.state, v, strict=True)))[0] for v in _states(usual))
        assert found.enabled == sum(map(bool, guards))


def _telling_apart(system: TransitionSystem, recorded: list[Any]) -> TransitionSystem:
    conditions = [c for one in recorded for found in one.choices.values() for c in found]
    further = [Invariant(f"{n}", "", lambda s: True, premise=lambda s, c=c: c) for n, c in enumerate(conditions)]
    return replace(system, invariants=(*system.invariants, *further))


def _states(found: Any) -> list[tuple[int, ...]]:
    """Every state as values of all leaves; those of no influence are 0."""
    wanted = [k for k, mask in enumerate(found.cone.masks) if mask]
    result = []
    for state in found.states:
        values = [0] * len(found.cone.masks)
        for k, value in zip(wanted, state, strict=True):
            values[k] = value
        result.append(tuple(values))
    return result


EXCLUDED = {
    ("swap_in_read_fresh", "page.memory", True),
    ("swap_in_write_fresh", "page.memory", True),
    ("ksm_unmerge", "on_zero_page(s, mine)", True),
    ("uffd_resolve", "vma.shared", True),
    ("fork_pte_race", "arch.pte_write(mine.entry)", False),
}
"""Justified outcomes that the operation's own guard excludes, in every state and not only in the reachable ones."""


@pytest.mark.parametrize("release", ["linux-6.1", "linux-6.12"])
def test_guards_exclude_what_they_are_said_to_exclude(release: str) -> None:
    assert set(JUSTIFIED) >= EXCLUDED
    seen = set()
    for config, more in (("x86-64/linux-6.12", ()), ("loongarch/linux-6.12", ("race",))):
        system = coverage.system_of(Sample(config, release, frozenset((*FEATURES, *more)) - {"stale-tlb"}))
        state = system.layout.build(system.relation.state)
        for operation in system.operations:
            name = operation.name.partition("(")[0]
            if name in {operation for operation, _, _ in EXCLUDED}:
                for (place, taken), term in record(operation, state, coverage.source()).outcomes():
                    if (name, place.condition, taken) in EXCLUDED:
                        seen.add((name, place.condition, taken))
                        solver = Solver()
                        solver.add(term)
                        assert not solver.satisfiable()
    assert seen >= {key for key in EXCLUDED if key[0] != "uffd_resolve" or release == "linux-6.12"}


def _operation(name: str, feature: str) -> MmOperation:
    return MmOperation(name, lambda k, s, p: (True, s), "It does.", "mm/x.c f()", feature, always, never_idle)


def _cell(enabled: int, whole: bool = True, **reached: tuple[str, ...] | None) -> Cell:
    """``true`` and ``false``: the choices that reach that outcome of the one place, as a tuple."""
    place = Place("models/mm/operations/made_up.py", 12, 4, "k.decides(s)")
    outcomes = {(place, taken == "true"): frozenset(choices or ()) for taken, choices in reached.items()}
    return Cell(enabled, whole, outcomes, frozenset(outcomes) if whole else frozenset())


MADE_UP = [
    Row(_operation("fork_pte", "core"), {"old": _cell(1234567), "new": _cell(7, true=("",), false=("", "as-is"))}),
    Row(_operation("a_name_of_twenty_four_chs", "core"), {"old": None, "new": _cell(7, true=("",), false=("as-is",))}),
    Row(_operation("load", "touch"), {"old": _cell(3, true=("",), false=()), "new": _cell(4, true=("",), false=("",))}),
    Row(_operation("stale_store", "race"), {"old": None, "new": _cell(9, False, true=("race",), false=("race",))}),
    Row(_operation("sure", "race"), {"old": _cell(5, true=("",), false=()), "new": None}),
]


def _text(rows: list[Row]) -> tuple[int, str]:
    status, last = coverage.verdict(rows)
    return status, "\n".join([*coverage.table(rows), *coverage.shortfalls(rows), *last]) + "\n"


def test_the_table_is_the_reviewed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        coverage, "JUSTIFIED", {("sure", "k.decides(s)", False): "it is always so, and to ask is harmless"}
    )
    status, text = _text(MADE_UP)
    assert status == 0
    same_as_golden(text, "coverage.txt")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row(_operation("idle", "core"), {"old": _cell(0), "new": None}), ["never enabled: idle", "1 dead operations, 0"]),
        (Row(_operation("half", "core"), {"old": _cell(1, true=()), "new": _cell(1, true=())}),
         ["made_up.py:12: k.decides(s) is true: never\n      DEAD", "0 dead operations, 1 dead outcomes"]),
    ],
)  # fmt: skip
def test_a_dead_rule_is_an_error(row: Row, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "JUSTIFIED", {})
    status, text = _text([row])
    assert status == 1
    assert "no dead rule" not in text
    for word in words:
        assert word in text


def test_a_justification_nobody_needs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "JUSTIFIED", {("load", "k.decides(s)", True): "never"})
    status, text = _text([MADE_UP[2]])
    assert status == 1
    assert "justified, yet reached or gone: load: k.decides(s) is true" in text


def test_a_rule_made_dead_is_found() -> None:
    sample = SMALL[0]
    found = coverage.measure_all([sample], 1)[0][1]
    assert not [one.name for one in found if not one.enabled]
    system = coverage.system_of(sample)
    spoilt = tuple(_never(op) if op.name == "exit(child)" else op for op in system.operations)
    gone = measure(replace(system, operations=spoilt), coverage.source())
    assert [one.name for one in gone if not one.enabled] == ["exit(child)"]


def _never(operation: Operation) -> Operation:
    return replace(operation, run=lambda s: (both(operation.run(s)[0], s.processes[0].vma.shared), operation.run(s)[1]))


def test_samples_cover_every_operation_of_the_model() -> None:
    names = {op.name.partition("(")[0] for sample in coverage.samples() for op in coverage.system_of(sample).operations}
    assert names == set(OPERATIONS)


def test_what_is_looked_through_and_counted_exists() -> None:
    from models.mm import kernel, state

    for name in THROUGH:
        owner, _, helper = name.rpartition(".")
        assert callable(getattr(getattr(kernel, owner) if owner else state, helper))
    for part in COUNTED:
        assert (HERE.parent / part).exists()


def test_coverage_is_about_operations() -> None:
    run = ptecheck("list", "splits", "--coverage")
    assert (run.returncode, run.stdout) == (2, "")
    assert "--coverage is about operations, not splits" in run.stderr


@pytest.mark.slow
def test_no_rule_of_the_model_is_dead() -> None:
    run = ptecheck("list", "operations", "--coverage")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert lines[-1].startswith(f"no dead rule ({len(OPERATIONS)} operations, ")
    assert all(len(line) < 80 and line == line.rstrip() for line in lines)
    listed = [m[1] for line in lines if (m := re.match(r"  (\w+)\*? .*[\d-]$", line)) and m[1] in OPERATIONS]
    assert sorted(listed) == sorted(OPERATIONS)
    assert [line for line in lines if line in FEATURES] == list(FEATURES)
