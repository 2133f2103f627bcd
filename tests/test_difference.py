"""Two systems side by side: laws that any comparison must keep, differences that are known, and mutants that must show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checker.decision import Options, decide
from checker.logic import ult
from checker.reduction import obligations
from checker.solver import Solver
from checker.state import Bits, Bool
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.terms import negate
from checker.trace import concrete_run
from checker.verdict import Result, Verdict
from models.difference import Pair, only_one_has, operations_agree, paired, possible_on_one
from models.pte import Architecture, twins
from models.registry import DEFAULT_MACHINES, architecture, machine, split_config
from models.worlds import difference_system, mm_kernel, mm_system, mm_system_of, pte_system

QUICK = Options(clauses=False)
MACHINES = (*DEFAULT_MACHINES, "x86-64+shstk")
BUILT_IN = [arch.config for name in MACHINES for arch in machine(*split_config(name)[:2])]


def in_pte(left: Architecture, right: Architecture) -> TransitionSystem:
    return difference_system("pte", (left, pte_system(left)), (right, pte_system(right)))


def in_mm(left: Architecture, right: Architecture, split: str) -> TransitionSystem:
    return difference_system("mm", (left, mm_system(left, split)), (right, mm_system(right, split)))


def verdicts(system: TransitionSystem, options: Options = QUICK) -> dict[str, Result]:
    found = {result.invariant: result for result in decide(system, options)}
    assert all(r.verdict in (Verdict.PROVED, Verdict.VIOLATED) for r in found.values()), found
    return found


def differing(system: TransitionSystem) -> dict[str, int | None]:
    return {name: r.depth for name, r in verdicts(system).items() if r.verdict is Verdict.VIOLATED}


@pytest.mark.parametrize("config", BUILT_IN)
def test_whatever_is_built_in_is_equivalent_to_itself(config: str) -> None:
    arch = architecture(config)
    assert differing(in_pte(arch, arch)) == {}


@pytest.mark.parametrize(
    "config",
    ["loongarch/original", *(pytest.param(c, marks=pytest.mark.slow) for c in BUILT_IN if c != "loongarch/original")],
)
def test_whatever_is_built_in_is_equivalent_to_itself_in_the_kernel(config: str) -> None:
    arch = architecture(config)
    assert differing(in_mm(arch, arch, "carry-dirty")) == {}


PAIRS = [
    ("loongarch/original", "loongarch/huacai"),
    ("loongarch/huacai", "loongarch/hev"),
    ("loongarch/linux-6.1", "loongarch/linux-6.12"),
    ("loongarch+ptw/linux-6.1", "loongarch+ptw/linux-6.12"),
    ("sparc64/original", "sparc64/linux-6.12"),
    ("loongarch/huacai", "sparc64/linux-6.12"),
    ("x86-64/linux-6.1", "x86-64/linux-6.12"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_neither_side_comes_first(first: str, second: str) -> None:
    left, right = architecture(first), architecture(second)
    assert differing(in_pte(left, right)) == differing(in_pte(right, left))


def test_the_fix_of_the_seed_differs_from_what_it_fixes_after_one_helper() -> None:
    found = verdicts(in_pte(architecture("loongarch/original"), architecture("loongarch/huacai")))
    assert {name: r.depth for name, r in found.items() if r.depth is not None} == {"hw-writable": 1, "faults": 1}
    assert found["hw-writable"].trace is not None
    assert [s.operation for s in found["hw-writable"].trace.steps] == ["(start)", "pte_mkdirty"]


def test_and_in_the_kernel_after_fork_and_split() -> None:
    found = verdicts(in_mm(architecture("loongarch/original"), architecture("loongarch/huacai"), "carry-dirty"))
    trace = found["hw-writable"].trace
    assert trace is not None
    assert [s.operation for s in trace.steps] == ["(start)", "fork_pmd(parent)", "split_huge_pmd(parent)"]


def test_peters_order_of_the_split_hides_the_difference_from_the_kernel() -> None:
    assert differing(in_mm(architecture("loongarch/original"), architecture("loongarch/huacai"), "reorder")) == {}


def test_peters_mkdirty_costs_an_exception_in_some_order_and_is_the_same_otherwise() -> None:
    assert differing(in_pte(architecture("loongarch/huacai"), architecture("loongarch/peter"))) == {"faults": 1}


def test_a_proof_is_an_invariant_of_the_pair_in_words() -> None:
    system = in_pte(architecture("loongarch/huacai"), architecture("loongarch/peter"))
    found = verdicts(system, Options())
    certificate = found["hw-writable"].certificate
    assert certificate is not None
    assert any("A and B agree on _PAGE_DIRTY" in clause for clause in certificate.shown)


BITS = {"V": 1 << 0, "D": 1 << 1, "P": 1 << 7, "W": 1 << 8, "M": 1 << 9}
MUTANTS = [
    ("mkdirty", "W"), ("mkdirty", "V"), ("mkclean", "M"), ("mkclean", "D"), ("mkwrite", "D"), ("mkold", "V"), ("mkyoung", "M"),
    ("mkyoung", "D"), ("wrprotect", "W"), ("wrprotect", "D"), ("mkold", "D"), ("mkwrite", "M"),
]  # fmt: skip
"""Helpers of loongarch/linux-6.12, each with one bit that it is to get wrong."""


def mutated(arch: Architecture, helper: str, bit: int) -> Architecture:
    def wrong(real: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda entry: real(entry) ^ bit

    return arch.with_helpers(
        "mutant", "", "", **{f"{level}_{helper}": wrong(arch.helper(level, helper)) for level in ("pte", "pmd")}
    )


@pytest.mark.parametrize(("helper", "bit"), MUTANTS)
def test_one_wrong_bit_in_one_helper_shows(helper: str, bit: str) -> None:
    arch = architecture("loongarch/linux-6.12")
    assert differing(in_pte(arch, mutated(arch, helper, BITS[bit])))


def test_a_bit_that_nobody_looks_at_does_not_show() -> None:
    arch = architecture("loongarch/linux-6.12")
    ignored = 1 << 11  # _PAGE_SPECIAL
    assert (
        differing(
            in_pte(arch, arch.with_helpers("mutant", "", "", **twins(mkold=lambda e: arch.pte_mkold(e) | ignored)))
        )
        == {}
    )


def shortest_on_integers(left: Architecture, right: Architecture) -> int | None:
    """The least number of steps after which the CPU may write on one side only, by a search that shares no engine."""
    systems = [pte_system(arch) for arch in (left, right)]
    ops = [{op.name: op.run for op in s.operations} for s in systems]
    layouts = [s.layout for s in systems]
    queue: deque[tuple[Any, int]] = deque()
    for number in range(len(systems[0].starts)):
        pair = [s.starts[number].run((0,)) for s in systems]
        queue.append((tuple(lay.state(lay.concrete(s)) for lay, s in zip(layouts, pair, strict=True)), 0))
    seen = {pair for pair, _ in queue}
    while queue:
        pair, depth = queue.popleft()
        writable = [
            not s.local and bool(arch.hardware_at("pmd" if s.huge else "pte").writable(s.entry))
            for arch, s in zip((left, right), pair, strict=True)
        ]
        if writable[0] != writable[1]:
            return depth
        for name in ops[0]:
            if name not in ops[1]:
                continue
            steps = [op[name](s) for op, s in zip(ops, pair, strict=True)]
            if all(guard for guard, _ in steps):
                after = tuple(lay.state(lay.concrete(s)) for lay, (_, s) in zip(layouts, steps, strict=True))
                if after not in seen:
                    seen.add(after)
                    queue.append((after, depth + 1))
    return None


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_no_shorter_way_is_found_by_hand(first: str, second: str) -> None:
    left, right = architecture(first), architecture(second)
    assert verdicts(in_pte(left, right))["hw-writable"].depth == shortest_on_integers(left, right)


def test_a_run_of_the_pair_is_a_run_of_each_side() -> None:
    left, right = architecture("loongarch/original"), architecture("loongarch/huacai")
    found = verdicts(in_mm(left, right, "carry-dirty"))["pte_write"].trace
    assert found is not None
    steps = [s.operation for s in found.steps[1:]]
    assert steps[-1] == "wp_page_copy(parent) in B"
    alone = [mm_system(arch, "carry-dirty") for arch in (left, right)]
    taken = [[s for s in steps if not s.endswith(" in B")], [s.removesuffix(" in B") for s in steps]]
    ends = [concrete_run(s, found.start, (), ops)[-1] for s, ops in zip(alone, taken, strict=True)]
    assert left.pte_write(ends[0].processes[0].entry) is False
    assert right.pte_write(ends[1].processes[0].entry) is True


def test_two_machines_share_what_they_have_in_common() -> None:
    left, right = architecture("loongarch/linux-6.12"), architecture("x86-64/linux-6.12")
    mine, yours = only_one_has(pte_system(left), pte_system(right))
    assert mine == []
    assert "pte_mksoft_dirty" in yours
    found = differing(in_pte(left, right))
    assert "pte_write" not in found
    assert found["faults"] == 0  # a clean writable entry: the handler serves it on one, the CPU on the other


@pytest.mark.slow
def test_the_groups_of_a_pair_are_a_sound_reduction() -> None:
    kernels = [
        mm_kernel(architecture(c), features=frozenset({"core", "touch"}))
        for c in ("loongarch/original", "loongarch/huacai")
    ]
    sides = [(k.arch, mm_system_of(k)) for k in kernels]
    system = difference_system("kernel", sides[0], sides[1])
    assert system.views
    for obligation in obligations(system):
        solver = Solver()
        solver.add(negate(obligation.holds))
        assert not solver.satisfiable(), obligation.says


def test_systems_with_nothing_in_common_have_no_pair() -> None:
    def toy(name: str) -> TransitionSystem:
        return TransitionSystem(
            name, Bool, (Start(name, lambda _: False),), (Operation(name, lambda s: (True, s)),), ()
        )

    system = paired(toy("one"), toy("other"))
    assert (system.starts, system.operations) == ((), ())
    assert only_one_has(toy("one"), toy("other")) == (["one", "one"], ["other", "other"])


def test_what_is_possible_on_one_side_only_is_named() -> None:
    def toy(limit: int) -> TransitionSystem:
        step = Operation("step", lambda s: (ult(s, limit), s + 1))
        return TransitionSystem(f"to {limit}", Bits(4), (Start("zero", lambda _: 0),), (step,), ())

    left, right = toy(2), toy(5)
    agree = Invariant("operations", "", operations_agree(left, right, ()))
    (result,) = decide(replace(paired(left, right), invariants=(agree,)), QUICK)
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 2)
    assert possible_on_one(left, right, (), Pair(2, 2)) == ([], ["step"])
