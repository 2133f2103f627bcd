"""Why a clause is there, and what a proof rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from checker.certificate import Certificate, clauses_of
from checker.cli.contract import contract
from checker.cli.everywhere import everywhere
from checker.cli.jobs import Job, build_system
from checker.cli.rests import rests_on
from checker.decision import decide
from checker.induction import Clause
from checker.limits import Budget, OutOfBudget
from checker.state import Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.verdict import Verdict
from checker.why import reasons
from models.edits import Assignment


@dataclass(frozen=True)
class Gates:
    """A door that opens only behind a second one, which opens only behind a third."""

    first: Any
    second: Any
    third: Any


GATES = TransitionSystem(
    "gates",
    Gates(Bool, Bool, Bool),
    (Start("closed", lambda _: Gates(False, False, False)),),
    (
        Operation("open first", lambda s: (s.second, replace(s, first=True))),
        Operation("open second", lambda s: (s.third, replace(s, second=True))),
        Operation("knock", lambda s: (True, s)),
    ),
    (Invariant("first stays shut", "the first is shut", lambda s: s.first == False),),  # noqa: E712 - symbolic
)


def certificate() -> tuple[list[Clause], int]:
    """A proof by three clauses: none of the doors is ever open."""
    data = [
        {"text": "the first is shut", "rule": "first stays shut"},
        {"text": "never second", "literals": [["second", False]]},
        {"text": "never third", "literals": [["third", False]]},
    ]
    return clauses_of(GATES, Certificate("gates", "first stays shut", tuple(data))), 0


class TestReasons:
    def test_each_clause_has_the_operations_that_break_another_without_it(self):
        clauses, goal = certificate()
        first, second, third = reasons(GATES, clauses, goal, Budget())
        assert [b.operation for b in first.breaks] == []
        assert [(b.operation, b.clauses) for b in second.breaks] == [("open first", (0,))]
        assert [(b.operation, b.clauses) for b in third.breaks] == [("open second", (1,))]

    def test_the_state_is_one_in_which_only_that_clause_fails(self):
        clauses, goal = certificate()
        (found,) = reasons(GATES, clauses, goal, Budget())[1].breaks
        assert found.state == Gates(first=False, second=True, third=False)

    def test_the_property_itself_does_not_follow_from_the_others(self):
        clauses, goal = certificate()
        assert not reasons(GATES, clauses, goal, Budget())[0].follows

    def test_a_clause_that_is_there_twice_breaks_nothing_when_one_goes(self):
        clauses, goal = certificate()
        found = reasons(GATES, [*clauses, clauses[1]], goal, Budget())
        assert found[1].breaks == found[3].breaks == ()

    def test_what_was_not_looked_at_is_open(self):
        clauses, goal = certificate()
        found = reasons(GATES, clauses, goal, Budget(seconds=0.0))
        assert all("time limit" in reason.open for reason in found)
        assert not any(reason.breaks for reason in found)


PTE = Job("loongarch/linux-6.12", "pte")
CLEARS_WRITE = Assignment("pte_wrprotect", 8, 1 << 8, False, "_PAGE_WRITE")
SETS_ACCESSED = Assignment("pte_mkyoung", 0, 1, True, "_PAGE_VALID")


class TestWhatAProofRestsOn:
    @pytest.mark.slow
    def test_needed_is_what_makes_a_violation_when_it_is_left_out(self):
        name = "write-protect-holds"
        assert next(r for r in decide(build_system(PTE)) if r.invariant == name).verdict is Verdict.PROVED
        found = rests_on(PTE, [name], 60.0)[name]
        assert CLEARS_WRITE in [needed.assignment for needed in found.needed]
        assert SETS_ACCESSED in found.idle
        assert (found.open, found.every) == ((), True)
        for needed in found.needed:
            assert not everywhere(PTE, (needed.assignment,), name, 60.0).holds
        for edit in found.idle:
            assert everywhere(PTE, (edit,), name, 60.0).holds

    def test_no_time_is_no_answer(self):
        with pytest.raises(OutOfBudget):
            rests_on(PTE, ["write-protect-holds"], 0.0)

    def test_a_question_that_nobody_asks_is_not_decided(self):
        assert everywhere(PTE, (), "nope", 60.0).verdict is Verdict.UNKNOWN


class TestWhatHelpersOwe:
    def test_nothing_left_out_breaks_nothing(self):
        assert contract(PTE, ()).clean

    def test_a_helper_that_does_not_do_its_one_task_is_noticed(self):
        found = contract(PTE, (CLEARS_WRITE,))
        assert "pte: wrprotect-removes-write" in found.breaks
        assert not any(name.startswith("pmd") for name in found.breaks)

    def test_what_can_never_happen_any_more_is_noticed(self):
        names = ("protection r--p, rw-p", "protection rw-s")
        present = [Assignment(name, 7, 1 << 7, True, "_PAGE_PRESENT") for name in names]
        valid = [Assignment(name, 0, 1, True, "_PAGE_VALID") for name in names]
        found = contract(PTE, [*present, *valid, SETS_ACCESSED])
        assert found.kills
        assert "pte: load can never happen" in found.breaks

    def test_what_is_mended_was_broken(self):
        sets_dirty = Assignment("pte_mkdirty", 1, 2, True, "_PAGE_DIRTY")
        found = contract(Job("loongarch/original", "pte"), (sets_dirty,))
        assert found.clean
        assert "pte: write-only-when-granted" in found.mends
