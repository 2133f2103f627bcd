"""States taken apart and put together, sorts, and what a system refuses to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checker.logic import lshr, no, word_like
from checker.state import Bits, Bool, Enum, Shape, Sort, Word
from checker.system import Invariant, Operation, Predicate, Start, TransitionSystem
from checker.terms import BOOL, Term, evaluate, variable
from tests.random_systems import ARITHMETIC, BITWISE, expression, run, sorts


@dataclass(frozen=True)
class Inner:
    word: Any
    flag: Any


@dataclass(frozen=True)
class Outer:
    first: Any
    both: tuple[Any, ...]
    kind: Any


SHAPE = Outer(Bits(4), (Inner(Bits(64), Bool), Inner(Bits(1), Bool)), Enum("none", "pte", "pmd"))
LAYOUT = Shape.of(SHAPE)
LEAVES = st.tuples(
    st.integers(0, 15),
    st.integers(0, 2**64 - 1),
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(0, 2),
)


def test_leaves_are_named_by_their_path_in_order() -> None:
    paths = [leaf.path for leaf in LAYOUT.leaves]
    assert paths == ["first", "both[0].word", "both[0].flag", "both[1].word", "both[1].flag", "kind"]


@given(LEAVES)
def test_build_and_flatten_are_inverse(values: tuple[int, ...]) -> None:
    state = LAYOUT.state(values)
    assert LAYOUT.flatten(state) == values
    assert LAYOUT.concrete(state) == values
    assert LAYOUT.state(LAYOUT.concrete(state)) == state
    assert isinstance(state.both[0].flag, bool)


@given(LEAVES)
def test_named_values_carry_booleans_as_booleans(values: tuple[int, ...]) -> None:
    named = LAYOUT.named(values)
    assert list(named.values()) == list(values)
    assert [type(v) for v in named.values()] == [int, int, bool, int, bool, int]


def _agrees_unmasked(seed: int) -> bool:
    """Whether a random text without any masks means the same on words as on terms."""
    rng = Random(seed)
    widths = (rng.choice((1, 3, 8)), rng.choice((1, 3, 8)), BOOL)
    text = expression(rng, widths, rng.choice(widths), BITWISE + ARITHMETIC)
    variables = [variable(f"v{k}", w) for k, w in enumerate(widths)]
    term = run(text, variables, widths, cut=False)
    layout = Shape.of(sorts(widths))
    for _ in range(8):
        values = tuple(rng.randrange(1 << max(1, w)) for w in widths)
        plain = run(text, layout.state(values), widths, cut=False)
        known = {v: x if v.width else bool(x) for v, x in zip(variables, values, strict=True)}
        if plain != (evaluate([term], known)[0] if isinstance(term, Term) else term):
            return False
    return True


BARE = "lshr() of a word and word_like() give bare integers, whose arithmetic does not wrap"


@pytest.mark.parametrize(
    ("make", "value"),
    [(lambda x: lshr(x, 1) + 15, 3), (lambda x: word_like(x, 3) - 5, 14), (lambda x: ~word_like(x, 3), 12)],
    ids=["shifted right", "constant", "constant inverted"],
)
def test_words_stay_words(make: Callable[[Any], Any], value: int) -> None:
    x = variable("x", 4)
    assert evaluate([make(x)], {x: 8}) == [value]
    assert make(Word(8, 4)) == value


@settings(max_examples=200)
@given(st.integers(0, 1 << 64))
def test_words_wrap_as_terms_do(seed: int) -> None:
    assert _agrees_unmasked(seed)


@given(st.integers(1, 70), st.integers(), st.integers())
@example(4, 15, 15)
def test_a_word_is_its_number_modulo_its_width(width: int, a: int, b: int) -> None:
    size = 1 << width
    x, y = Word(a, width), Word(b, width)
    for found, number in (
        (x + y, a + b), (x - y, a - b), (x * y, a * b), (~x, -1 - a), (b + x, a + b), (b - x, b - a), (b * x, a * b),
        (x & b, a & b), (b | x, a | b), (x ^ b, a ^ b),
    ):  # fmt: skip
        assert found == number % size
        assert isinstance(found, Word)
    assert (x << 1) == 2 * a % size
    assert (x << width) == 0


def test_concrete_cuts_words_to_their_width() -> None:
    state = Outer(-1, (Inner(1 << 64 | 5, 7), Inner(2, 0)), 1)
    assert LAYOUT.concrete(state) == (15, 5, 1, 0, 0, 1)


@pytest.mark.parametrize(
    ("sort", "value", "shown"),
    [
        (Bool, True, "yes"),
        (Bool, 0, "no"),
        (Bits(8), 31, "0x1f"),
        (Enum("none", "pte", "pmd"), 2, "pmd"),
        (Enum("none", "pte", "pmd"), 3, "0x3"),
    ],
)
def test_values_for_a_reader(sort: Sort, value: int, shown: str) -> None:
    assert sort.show(value) == shown


@pytest.mark.parametrize(("names", "width"), [(("a",), 1), (("a", "b"), 1), (("a", "b", "c"), 2), (tuple("abcde"), 3)])
def test_an_enumeration_is_as_wide_as_its_names_need(names: tuple[str, ...], width: int) -> None:
    assert Enum(*names).width == width


@pytest.mark.parametrize("width", [0, -3])
def test_a_word_without_bits_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"{width} bits"):
        Bits(width)


@pytest.mark.parametrize(
    ("shape", "where"),
    [
        (Outer(Bits(4), (Inner(int, Bool),), Bool), r"both\[0\].word"),
        ([Bits(4)], "the state"),
        (Inner, "the state"),
        ((Bits(3), "x"), r"\[1\]"),
    ],
)
def test_a_shape_that_is_none_is_refused_with_its_path(shape: Any, where: str) -> None:
    with pytest.raises(TypeError, match=where):
        Shape.of(shape)


def test_a_state_with_a_missing_part_is_refused() -> None:
    with pytest.raises(ValueError):
        LAYOUT.flatten(Outer(1, (Inner(1, True),), 0))


def _start(name: str) -> Start:
    return Start(name, lambda _: (0, False))


def _op(name: str) -> Operation:
    return Operation(name, lambda s: (True, s))


def _inv(name: str) -> Invariant:
    return Invariant(name, name, lambda s: no(s[1]))


def _system(**changes: Any) -> TransitionSystem:
    given_: dict[str, Any] = {
        "name": "toy",
        "shape": (Bits(4), Bool),
        "starts": (_start("s"),),
        "operations": (_op("o"),),
        "invariants": (_inv("i"),),
    }
    return TransitionSystem(**{**given_, **changes})


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("starts", _start),
        ("operations", _op),
        ("invariants", _inv),
        ("predicates", lambda n: Predicate(n, lambda s: s[1])),
    ],
)
def test_names_declared_twice_are_refused(what: str, make: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match=f"toy: {what} declared twice: again"):
        _system(**{what: (make("again"), make("once"), make("again"))})


def test_the_relation_mirrors_the_declaration() -> None:
    relation = _system().relation
    assert [step.name for step in relation.steps] == ["o"]
    assert [v.data for v in relation.state] == ["[0]", "[1]"]
    assert len(relation.properties) == len(relation.premises) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"invariants": (Invariant("bad", "", lambda s: s[0]),)}, "bad must give a condition"),
        ({"predicates": (Predicate("odd", lambda s: s[0] & 1),)}, "odd must give a condition"),
        ({"starts": (Start("wide", lambda _: (False, False)),)}, "start wide gives a state of the wrong type"),
        (
            {"operations": (Operation("swap", lambda s: (True, (s[1], s[0]))),)},
            "operation swap gives a state of the wrong",
        ),
        ({"operations": (Operation("word", lambda s: (s[0], s)),)}, "guard of word must give a condition"),
        ({"operations": (Operation("py", lambda s: (True, (s[0] if s[1] else 0, s[1]))),)}, r"write ite\(\)"),
    ],
)
def test_a_model_with_a_type_error_says_where(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        _system(**changes).relation.state  # noqa: B018 - making the relation is what raises
