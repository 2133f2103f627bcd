"""The search on arrays against the plain explicit engine: the same states, numbers, paths and verdicts."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker import arrays
from checker.arrays import WideReachable, explore_arrays, fact_columns, holds_everywhere
from checker.bitslice import Machine, NotBitwise, Packing, assemble, state_numbers, transpose, unpack
from checker.codegen import compile_masks
from checker.dependency import BitSplitter
from checker.explicit import Reachable, explore
from checker.induction import vocabulary
from checker.keyset import KeySet, first_of_each
from checker.limits import Budget
from checker.logic import both, either, ite, no, same, ult
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Start, TransitionSystem
from checker.terms import BOOL, Term, constant, evaluate, subterms
from models.registry import architecture
from models.worlds import mm_system
from tests import builtin_systems
from tests.random_systems import ARITHMETIC, BITWISE, expression, run, sorts, systems

WORDS = st.lists(st.integers(0, (1 << 64) - 1), max_size=300)


def agree(system: TransitionSystem) -> WideReachable:
    """Runs both engines and compares everything they say."""
    wide, plain = explore_arrays(system), explore(system)
    assert list(wide.states) == plain.states
    assert [wide.path(k) for k in range(len(plain.states))] == [plain.path(k) for k in range(len(plain.states))]
    compare_counts(wide, plain)
    return wide


def compare_counts(wide: WideReachable, plain: Reachable) -> None:
    for name in ("cone", "levels", "origins", "first_violation", "fired", "premises", "transitions", "stopped"):
        assert getattr(wide, name) == getattr(plain, name), name
    assert (wide.complete, wide.diameter, len(wide.states)) == (plain.complete, plain.diameter, len(plain.states))
    assert all(wide.depth(k) == plain.depth(k) for k in range(0, len(plain.states), 11))


def forks(processes: int, values: int) -> TransitionSystem:
    """Processes that each hold a value and a lock bit; the lock is taken by one at a time and moves values along."""
    names = tuple(f"v{k}" for k in range(values))

    def put(state: tuple[Any, ...], k: int, value: Any) -> tuple[Any, ...]:
        return (*state[:k], value, *state[k + 1 :])

    def raise_value(k: int, v: int) -> Any:
        return lambda s: (both(same(s[0][k], v), no(s[1][k])), (put(s[0], k, v + 1), s[1], s[2]))

    def take(k: int) -> Any:
        return lambda s: (no(either(*s[1])), (s[0], put(s[1], k, True), s[2]))

    def give(k: int) -> Any:
        after = (k + 1) % processes
        return lambda s: (s[1][k], (put(s[0], after, s[0][k]), put(s[1], k, False), s[2] ^ s[0][k]))

    operations = [
        *(Operation(f"raise {k} {v}", raise_value(k, v)) for k in range(processes) for v in range(values - 1)),
        *(Operation(f"take {k}", take(k)) for k in range(processes)),
        *(Operation(f"give {k}", give(k)) for k in range(processes)),
    ]
    width = Enum(*names).width
    shape = ((Enum(*names),) * processes, (Bool,) * processes, Bits(width))
    start = Start("start", lambda _: ((0,) * processes, (False,) * processes, 0))
    top = values - 1
    rules = (
        Invariant("one lock", "one lock", lambda s: no(both(s[1][0], s[1][1]))),
        Invariant("sum", "sum", lambda s: no(both(*(same(v, top) for v in s[0])))),
        Invariant("mixed", "mixed", lambda s: no(both(same(s[2], top), s[1][0])), premise=lambda s: s[1][1]),
    )
    return TransitionSystem("forks", shape, (start,), tuple(operations), rules)


@settings(max_examples=150)
@given(systems(BITWISE))
def test_random_systems_are_searched_alike(system: TransitionSystem) -> None:
    agree(system)


@settings(max_examples=100)
@given(systems())
def test_random_systems_with_arithmetic_are_refused_or_searched_alike(system: TransitionSystem) -> None:
    try:
        agree(system)
    except NotBitwise:
        relation = system.relation
        terms = [v for step in relation.steps for v in (step.guard, *step.values)]
        terms += [*relation.properties, *relation.premises]
        assert {term.op for term in subterms(terms)} & set(ARITHMETIC)


@pytest.mark.parametrize("config", builtin_systems.CONFIGS[::4])
def test_pte_worlds_are_searched_alike(config: str) -> None:
    agree(builtin_systems.pte(config))


@pytest.mark.parametrize(("config", "split"), builtin_systems.VIOLATED_MM[::3])
def test_violated_mm_worlds_are_searched_alike(config: str, split: str) -> None:
    assert agree(builtin_systems.mm(config, split)).first_violation


@pytest.mark.parametrize("config", builtin_systems.CONFIGS[1::5])
def test_mm_worlds_are_searched_alike(config: str) -> None:
    agree(builtin_systems.mm(config, "carry-dirty"))


@pytest.mark.parametrize(("processes", "values"), [(2, 3), (3, 4), (4, 3)])
def test_a_growing_world_is_searched_alike(processes: int, values: int) -> None:
    agree(forks(processes, values))


@pytest.mark.parametrize("rows", [64, 128, 1000])
def test_levels_of_many_chunks_are_searched_alike(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ROWS", rows)
    agree(forks(3, 8))


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "values"), [(3, 16), (4, 8)])
def test_a_large_world_is_searched_alike(processes: int, values: int) -> None:
    system = forks(processes, values)
    wide, plain = explore_arrays(system), explore(system)
    assert len(plain.states) > 100_000
    assert list(wide.states) == plain.states
    compare_counts(wide, plain)
    for number in range(0, len(plain.states), 97):
        assert wide.path(number) == plain.path(number)


@pytest.mark.slow
def test_three_processes_in_the_mm_world_are_searched_alike() -> None:
    system = mm_system(architecture("loongarch/original"), "carry-dirty", processes=3)
    wide, plain = explore_arrays(system), explore(system)
    assert list(wide.states) == plain.states
    compare_counts(wide, plain)
    assert all(wide.path(k) == plain.path(k) for k in range(0, len(plain.states), 97))


def toggles(width: int, used: int) -> TransitionSystem:
    """A word of which every bit can be set and ``used`` ones cleared again, the high ones first."""

    def flip(k: int) -> Any:
        return lambda s: (True, (s[0] ^ (1 << width - 1 - k), s[1]))

    def fill(s: Any) -> Any:
        return same(s[0] & ((1 << used) - 1), 0), (s[0] | ((1 << width) - 1), no(s[1]))

    operations = [Operation(f"flip {k}", flip(k)) for k in range(used)]
    full = Invariant("not full", "not full", lambda s: no(same(s[0], (1 << width) - 1)))
    start = Start("start", lambda _: (0, False))
    return TransitionSystem("toggles", (Bits(width), Bool), (start,), (*operations, Operation("fill", fill)), (full,))


@pytest.mark.parametrize("width", [5, 62, 63, 64, 65, 126, 127, 130, 200])
def test_states_of_one_word_and_of_several(width: int) -> None:
    system = toggles(width, 4)
    wide = agree(system)
    assert len(wide.states.words) == -(-len(wide.states.packing.bits) // 63)
    assert len(wide.states) == 32 if width > 8 else len(wide.states) > 16
    assert wide.first_violation


@given(st.lists(st.integers(0, 31), max_size=30), st.integers(0, 2))
def test_states_read_like_a_list(numbers: list[int], step: int) -> None:
    system = toggles(130, 4)
    wide, plain = explore_arrays(system), explore(system)
    assert [wide.states[k] for k in numbers] == [plain.states[k] for k in numbers]
    assert wide.states[-1] == plain.states[-1]
    assert wide.states[3 :: step + 1] == plain.states[3 :: step + 1]


def test_arithmetic_is_refused() -> None:
    count = Operation("count", lambda s: (True, (s[0] + 1,)))
    low = Invariant("low", "low", lambda s: ult(s[0], 9))
    system = TransitionSystem("counter", (Bits(4),), (Start("start", lambda _: (0,)),), (count,), (low,))
    with pytest.raises(NotBitwise, match="arithmetic"):
        explore_arrays(system)


def test_a_fact_with_arithmetic_is_refused() -> None:
    system = toggles(8, 3)
    wide = explore_arrays(system)
    strange = system.relation.state[0] + 1 == 3
    with pytest.raises(NotBitwise):
        holds_everywhere(wide, strange)
    with pytest.raises(NotBitwise):
        fact_columns(wide, [strange])


def test_a_limit_on_states_stops_the_search() -> None:
    wide = explore_arrays(forks(3, 8), Budget(states=300))
    assert wide.stopped == "limit of 300 states reached"
    assert not wide.complete
    assert len(wide.states) > 300
    plain = explore(forks(3, 8))
    assert list(wide.states) == plain.states[: len(wide.states)]
    assert all(wide.path(k) == plain.path(k) for k in range(len(wide.states)))


def test_a_limit_on_time_stops_the_search() -> None:
    wide = explore_arrays(forks(3, 4), Budget(seconds=0.0))
    assert wide.stopped == "time limit of 0 s reached"
    assert len(wide.states) == len(wide.origins) == 0


def test_a_limit_in_the_middle_of_a_level_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ROWS", 64)
    plain, wide = explore(forks(3, 8)), explore_arrays(forks(3, 8), Budget(states=1000))
    assert 1000 < len(wide.states) < 2000
    assert list(wide.states) == plain.states[: len(wide.states)]
    expected = {k: n for k, n in plain.first_violation.items() if n < len(wide.states)}
    assert wide.first_violation == expected


class Interrupted(Budget):
    """A budget under which Ctrl-C comes once some states have been found."""

    def check(self, states: int = 0, more: int = 0) -> None:
        if states > 100:
            raise KeyboardInterrupt


def test_ctrl_c_ends_the_search() -> None:
    with pytest.raises(KeyboardInterrupt):
        explore_arrays(forks(3, 8), Interrupted())


def test_a_system_that_cannot_start_or_move() -> None:
    idle = Invariant("fine", "fine", lambda s: True)
    nothing = TransitionSystem("nothing", (Bool,), (), (), (idle,))
    agree(nothing)
    still = TransitionSystem("still", (Bool,), (Start("start", lambda _: (True,)),), (), (idle,))
    agree(still)
    never = Operation("never", lambda s: (False, (no(s[0]),)))
    agree(TransitionSystem("never", (Bool,), still.starts, (never,), (idle,)))


def _slow_columns(system: TransitionSystem, plain: Reachable, terms: list[Term]) -> set[int]:
    wanted = [v for v, mask in zip(system.relation.state, plain.cone.masks, strict=True) if mask]
    vector = compile_masks(wanted, terms)
    return {vector(state) for state in plain.states}


def _rows(columns: list[int], count: int) -> list[int]:
    return [sum((column >> row & 1) << k for k, column in enumerate(columns)) for row in range(count)]


@pytest.mark.parametrize("config", ["loongarch/original", "x86-64/linux-6.12"])
def test_fact_columns_are_the_distinct_vectors(config: str) -> None:
    system = builtin_systems.mm(config, "carry-dirty")
    wide, plain = explore_arrays(system), explore(system)
    terms = [fact.term for fact in vocabulary(system)]
    columns, count = fact_columns(wide, terms)
    rows = _rows(columns, count)
    assert len(set(rows)) == len(rows) == count
    assert set(rows) == _slow_columns(system, plain, terms)


def test_fact_columns_of_more_facts_than_a_word_holds() -> None:
    system = forks(3, 8)
    wide, plain = explore_arrays(system), explore(system)
    leaves = system.relation.state
    terms = [leaf == v for leaf in leaves[:3] for v in range(8)] + [leaf == v for leaf in leaves[6:] for v in range(8)]
    terms = [*terms, *(no(t) for t in terms), *(both(a, b) for a, b in zip(terms, terms[3:], strict=False))]
    columns, count = fact_columns(wide, terms)
    assert set(_rows(columns, count)) == _slow_columns(system, plain, terms)
    assert fact_columns(wide, []) == ([], 1)


def test_what_holds_everywhere() -> None:
    system = forks(3, 4)
    wide, plain = explore_arrays(system), explore(system)
    for number, holds in enumerate(system.relation.properties):
        assert holds_everywhere(wide, holds) == (number not in plain.first_violation)
    assert holds_everywhere(wide, constant(True, BOOL))
    assert not holds_everywhere(wide, constant(False, BOOL))


@given(WORDS)
def test_transposing_exchanges_rows_and_bits(values: list[int]) -> None:
    width = max(1, -(-len(values) // 64))
    block = np.zeros((64, width), np.uint64)
    block.reshape(-1)[: len(values)] = values
    before = block.copy()
    transpose(block)
    for i in range(64):
        bits = [int(x) >> i & 1 for x in before.reshape(-1)]
        at = state_numbers(np.arange(64 * width), width)
        assert unpack(block[i]).tolist() == [bits[k] for k in at]
    transpose(block)
    assert (block == before).all()


@settings(max_examples=150)
@given(st.randoms(use_true_random=True), st.integers(1, 200))
def test_programs_compute_what_terms_mean(rng: Random, count: int) -> None:
    widths = (3, 2, BOOL, BOOL, 3)
    shape = sorts(widths)
    trees = [expression(rng, widths, BOOL, BITWISE) for _ in range(5)]
    idle = Operation("idle", lambda s: (True, s))
    rules = tuple(Invariant(str(k), "", lambda s, k=k: run(trees[k], s, widths)) for k in range(5))
    zero = Start("zero", lambda _: (0, 0, False, False, 0))
    relation = TransitionSystem("terms", shape, (zero,), (idle,), rules).relation
    masks = [(1 << (w or 1)) - 1 for w in widths]
    packing, splitter = Packing.of(relation, masks), BitSplitter()
    parts = [[splitter.boolean(t)] for t in relation.properties]
    states = [tuple(rng.randrange(m + 1) for m in masks) for _ in range(count)]
    width = -(-count // 64)
    found = Machine(assemble(packing, parts)).results(packing.pack(states))
    for term, rows in zip(relation.properties, found, strict=True):
        at = state_numbers(np.arange(64 * width), width).tolist()
        values = dict(zip(at, unpack(rows[0]).tolist(), strict=True))
        for k, state in enumerate(states):
            leaves = {v: bool(x) if v.width == BOOL else x for v, x in zip(relation.state, state, strict=True)}
            assert bool(values[k]) == evaluate([term], leaves)[0]


@settings(max_examples=200)
@given(st.lists(st.lists(st.sampled_from([0, 1, 2, 3, 5, (1 << 63) - 1, 1 << 62, *range(1 << 40, (1 << 40) + 40)]))))
def test_a_key_set_is_a_set(batches: list[list[int]]) -> None:
    keys, truth = KeySet(1), set[int]()
    for batch in batches:
        fresh = keys.add_all([np.array(batch, np.uint64)])
        assert fresh[0].tolist() == list(dict.fromkeys(x for x in batch if x not in truth))
        truth |= set(batch)
        assert keys.count == len(truth)


def test_a_key_set_grows_and_keeps_keys_of_two_words_apart() -> None:
    keys = KeySet(2)
    low, high = (grid.reshape(-1).astype(np.uint64) for grid in np.meshgrid(np.arange(300), np.arange(200)))
    for begin in range(0, len(low), 7000):
        keys.add_all([low[begin : begin + 7000], high[begin : begin + 7000] << np.uint64(40)])
    assert keys.count == 60_000
    assert keys.add_all([low, high << np.uint64(40)])[0].size == 0
    assert keys.add_all([low, (high << np.uint64(40)) + np.uint64(1)])[0].size == 60_000


def test_a_key_set_says_what_growing_takes() -> None:
    keys = KeySet(2)
    assert keys.growth(2800) == 0
    assert keys.growth(2900) == 2 * 8 * 8192
    assert keys.growth(6000) == 2 * 8 * 16384


@given(st.lists(st.integers(0, 40) | st.integers(0, 1 << 40), max_size=400))
def test_first_occurrences(numbers: list[int]) -> None:
    found = first_of_each(np.array(numbers, np.int64)).tolist()
    assert [numbers[k] for k in found] == list(dict.fromkeys(numbers))
    assert found == [numbers.index(numbers[k]) for k in found]


def test_a_transposition_of_eight_rows_is_one_of_bytes() -> None:
    block = np.random.default_rng(1).integers(0, 1 << 63, (8, 5), np.uint64)
    before = np.unpackbits(block.view(np.uint8), axis=1, bitorder="little").reshape(8, -1, 8)
    transpose(block)
    after = np.unpackbits(block.view(np.uint8), axis=1, bitorder="little").reshape(8, -1, 8)
    assert (after == before.transpose(2, 1, 0)).all()


@settings(max_examples=150)
@given(st.randoms(use_true_random=True), st.integers(1, 200))
def test_guarded_programs_compute_the_rest_where_a_guard_holds(rng: Random, count: int) -> None:
    widths = (3, 2, BOOL, BOOL, 3)
    trees = [expression(rng, widths, BOOL, BITWISE) for _ in range(9)]
    rules = tuple(Invariant(str(k), "", lambda s, k=k: run(trees[k], s, widths)) for k in range(9))
    zero = Start("zero", lambda _: (0, 0, False, False, 0))
    relation = TransitionSystem("terms", sorts(widths), (zero,), (), rules).relation
    packing, splitter = Packing.of(relation, [(1 << (w or 1)) - 1 for w in widths]), BitSplitter()
    bits = [splitter.boolean(term) for term in relation.properties]
    parts = [bits[:3], bits[3:6], [*bits[6:], bits[1], bits[4]]]
    states = [tuple(rng.randrange(m + 1) for m in packing.masks) for _ in range(count)]
    words = packing.pack(states)
    plain, guarded = Machine(assemble(packing, parts)), Machine(assemble(packing, parts, guarded=True))
    for left, right in zip(plain.results(words), guarded.results(words), strict=True):
        assert (left[0] == right[0]).all()
        if left[0].any():
            assert all((a == b).all() for a, b in zip(left, right, strict=True))


def test_an_if_between_words_is_copied_to_packed_states() -> None:
    swap = Operation("swap", lambda s: (True, (ite(s[2], s[0], s[1]), ite(s[2], s[1], s[0]), no(s[2]))))
    rule = Invariant("order", "order", lambda s: ult(s[0], s[1]))
    starts = (Start("any", lambda free: free, (Bits(3), Bits(3), Bool)),)
    agree(TransitionSystem("swap", (Bits(3), Bits(3), Bool), starts, (swap,), (rule,)))
