"""Expressions: one text means the same on integers, on terms, compiled, split into bits, and in Z3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.codegen import compile_function
from checker.dependency import BitSplitter
from checker.logic import ite, lshr, word_like
from checker.smtlib import Script
from checker.terms import (
    BOOL,
    FALSE,
    TRUE,
    Term,
    choose,
    coerce,
    compare,
    connect,
    constant,
    equal,
    evaluate,
    extend,
    extract,
    negate,
    rebuild,
    substitute,
    subterms,
    variable,
    word_op,
)
from tests.random_systems import ARITHMETIC, BITWISE, Expression, expression, run

SMALL = (1, 3, 8)
"""Word widths for expressions with multiplication and with shifts by a variable distance."""


@dataclass(frozen=True)
class Case:
    """An expression, the widths of its leaves, and a value for each."""

    expression: Expression
    widths: tuple[int, ...]
    values: tuple[int, ...]

    @property
    def variables(self) -> list[Term]:
        return [variable(f"v{k}", w) for k, w in enumerate(self.widths)]

    @property
    def term(self) -> Term:
        return coerce(run(self.expression, self.variables, self.widths), self.expression.width)

    @property
    def expected(self) -> int:
        """The value on plain integers."""
        plain = [v if w else bool(v) for v, w in zip(self.values, self.widths, strict=True)]
        return int(run(self.expression, plain, self.widths))


@st.composite
def cases(draw: st.DrawFn, words: tuple[int, ...], operators: tuple[str, ...]) -> Case:
    widths = (*draw(st.lists(st.sampled_from(words), min_size=1, max_size=3)), BOOL, BOOL)
    rng = draw(st.randoms(use_true_random=True))
    values = tuple(rng.randrange(1 << max(1, w)) for w in widths)
    return Case(expression(rng, widths, rng.choice(widths), operators), widths, values)


anything = st.one_of(cases(SMALL, BITWISE + ARITHMETIC), cases((64, 33), (*BITWISE, "add", "sub")))


def _meaning(variables: list[Term], term: Term, values: tuple[int, ...]) -> int:
    return int(evaluate([term], {v: x if v.width else bool(x) for v, x in zip(variables, values, strict=True)})[0])


def _z3_constant(term: Term) -> z3.ExprRef:
    return z3.Const(term.data, z3.BitVecSort(term.width) if term.width else z3.BoolSort())


def _z3_from_text(term: Term) -> z3.ExprRef:
    """The term as Z3 reads it from its SMT-LIB text: the right side of ``result = term``."""
    script = Script()
    script.assert_all([equal(variable("result", term.width), term) if term.op != "const" else TRUE])
    parsed = z3.parse_smt2_string(str(script))
    return z3.And(*parsed)


@settings(max_examples=150)
@given(anything)
def test_evaluation_of_terms_equals_plain_integers(case: Case) -> None:
    assert _meaning(case.variables, case.term, case.values) == case.expected


@settings(max_examples=150)
@given(anything)
def test_compiled_code_equals_plain_integers(case: Case) -> None:
    function = compile_function(case.variables, [case.term])
    assert int(function(case.values)[0]) == case.expected


@settings(max_examples=100)
@given(cases((1, 3, 8, 64), BITWISE))
def test_bits_put_together_equal_plain_integers(case: Case) -> None:
    splitter, term = BitSplitter(), case.term
    known: dict[Term, int | bool] = {}
    for v, value in zip(case.variables, case.values, strict=True):
        if v.width == BOOL:
            known[v] = bool(value)
        for i in range(v.width):
            known[splitter.bit(v, i)] = bool(value >> i & 1)
    if term.width == BOOL:
        assert int(evaluate([splitter.boolean(term)], known)[0]) == case.expected
    else:
        bits = evaluate([splitter.bit(term, i) for i in range(term.width)], known)
        assert sum(bool(bit) << i for i, bit in enumerate(bits)) == case.expected


@settings(max_examples=60)
@given(anything)
def test_z3_run_directly_equals_plain_integers(case: Case) -> None:
    consts = [_z3_constant(v) for v in case.variables]
    direct = run(case.expression, consts, case.widths)
    pairs = [
        (c, z3.BitVecVal(x, w) if w else z3.BoolVal(bool(x)))
        for c, x, w in zip(consts, case.values, case.widths, strict=True)
    ]
    value = z3.simplify(z3.substitute(direct, *pairs)) if z3.is_expr(direct) else direct
    number = value.as_long() if z3.is_bv(value) else int(z3.is_true(value) if z3.is_expr(value) else value)
    assert number == case.expected


@settings(max_examples=60)
@given(anything)
def test_smtlib_text_equals_the_text_run_on_z3_for_all_values(case: Case) -> None:
    direct = run(case.expression, [_z3_constant(v) for v in case.variables], case.widths)
    result = _z3_constant(variable("result", case.expression.width))
    script = Script()
    script.declare([variable("result", case.expression.width), *case.variables])
    text = script.text([case.term])[0]
    script.lines.append(f"(assert (= |result| {text}))")
    solver = z3.SolverFor("QF_BV")
    solver.from_string(str(script))
    solver.add(result != direct)
    assert solver.check() == z3.unsat


@settings(max_examples=100)
@given(anything)
def test_substituting_constants_folds_to_the_value(case: Case) -> None:
    known = {v: constant(x, v.width) for v, x in zip(case.variables, case.values, strict=True)}
    folded = substitute([case.term], known)[0]
    assert folded.op == "const"
    assert int(folded.data) == case.expected


@settings(max_examples=100)
@given(anything)
def test_rebuilding_every_node_keeps_the_meaning(case: Case) -> None:
    for node in subterms([case.term]):
        assert _meaning(case.variables, rebuild(node, node.args), case.values) == _meaning(
            case.variables, node, case.values
        )


@given(st.integers(1, 70), st.integers(0), st.data())
def test_extract_and_extend_are_bits_of_the_number(width: int, number: int, data: st.DataObject) -> None:
    low = data.draw(st.integers(0, width - 1))
    high = data.draw(st.integers(low, width - 1))
    x, value = variable("x", width), number % (1 << width)
    part = extract(x, high, low)
    wide = extend(part, width)
    expected = value >> low & ((1 << (high - low + 1)) - 1)
    assert part.width == high - low + 1
    assert evaluate([part, wide], {x: value}) == [expected, expected]
    assert compile_function([x], [part, wide])((value,)) == (expected, expected)


def test_equal_expressions_are_one_object() -> None:
    x, y = variable("x", 8), variable("y", 8)
    assert ((x & 3) | y) is ((variable("x", 8) & 3) | y)
    assert ((x & 3) | y) is not ((x & 5) | y)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x, y: x & 0, constant(0, 8)),
        (lambda x, y: x & 0xFF, variable("x", 8)),
        (lambda x, y: x | 0, variable("x", 8)),
        (lambda x, y: x | 0xFF, constant(0xFF, 8)),
        (lambda x, y: ite(x == y, x, x), variable("x", 8)),
        (lambda x, y: x == x, TRUE),
        (lambda x, y: connect("and", [x == y, x != y]), FALSE),
        (lambda x, y: connect("or", [x == y, x != y]), TRUE),
        (lambda x, y: lshr(x, 8), constant(0, 8)),
        (lambda x, y: negate(negate(x == y)), equal(variable("x", 8), variable("y", 8))),
    ],
)
def test_simplification_reaches_the_simple_form(make: Callable[..., Term], expected: Term) -> None:
    assert make(variable("x", 8), variable("y", 8)) is expected


X, Y, B = variable("x", 8), variable("y", 16), variable("b", BOOL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: bool(X), r"write ite\(\), both\(\), either\(\), no\(\)"),
        (lambda: bool(X == 1), r"write ite\(\), both\(\), either\(\), no\(\)"),
        (lambda: 1 if X & 1 else 0, "no truth value"),
        (lambda: X < 3, r"unsigned.*write ult\(\)"),
        (lambda: X >= 3, r"unsigned.*write ult\(\)"),
        (lambda: X >> 3, r"lshr\(\)"),
        (lambda: X & Y, "16-bit word where a 8-bit word"),
        (lambda: X == Y, "16-bit word where a 8-bit word"),
        (lambda: compare("ult", X, Y), "16-bit word"),
        (lambda: X + B, "Bool where a 8-bit word"),
        (lambda: X & True, "True where a 8-bit word"),
        (lambda: X == "1", "'1' where a 8-bit word"),
        (lambda: X == 1.0, "1.0 where a 8-bit word"),
        (lambda: X == None, "None where a 8-bit word"),  # noqa: E711 - what a model author might write
        (lambda: B & B, r"not Booleans: write both\(\)"),
        (lambda: negate(X), "where Bool is needed"),
        (lambda: connect("and", [B, 1]), "1 where Bool is needed"),
        (lambda: choose(B, 3, 4), r"no width: make one of them word_like"),
        (lambda: ite(B, 3, 4), r"no width: make one of them word_like"),
        (lambda: ite(B, X, Y), "16-bit word where a 8-bit word"),
        (lambda: ite(B, X, True), "True where a 8-bit word"),
        (lambda: ite(X, X, X), "where Bool is needed"),
        (lambda: ite(z3.Bool("c"), 3, 4), r"no width: make one of them word_like"),
    ],
)
def test_a_mistake_in_a_model_is_a_type_error_that_helps(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wrong()


@pytest.mark.parametrize(("high", "low"), [(8, 0), (3, 4), (0, -1)])
def test_bits_outside_the_word_cannot_be_extracted(high: int, low: int) -> None:
    with pytest.raises(ValueError, match="8-bit word"):
        extract(X, high, low)


def test_two_constants_can_be_chosen_from_once_one_has_a_width() -> None:
    chosen = ite(B, word_like(X, 3), 4)
    assert evaluate([chosen], {B: True}) == [3]
    assert evaluate([chosen], {B: False}) == [4]


@pytest.mark.parametrize(
    "wrong",
    [lambda x: x == 16, lambda x: x & 0x10],
    ids=["eq", "and"],
)
def test_a_number_too_large_for_the_word_is_refused(wrong: Callable[[Term], Any]) -> None:
    with pytest.raises(TypeError):
        wrong(variable("nibble", 4))


@pytest.mark.parametrize("op", ["band", "bor", "bxor", "add", "sub", "mul", "shl", "lshr"])
def test_every_operator_agrees_with_z3_on_every_pair_of_nibbles(op: str) -> None:
    a, b = variable("a", 4), variable("b", 4)
    script = Script()
    script.declare([a, b])
    text = script.text([word_op(op, a, b)])[0]
    values = z3.BitVec("result", 4)
    solver = z3.Solver()
    solver.from_string("(declare-const |result| (_ BitVec 4))\n" + str(script) + f"(assert (= |result| {text}))")
    table = z3.And(
        *(
            z3.Implies(
                z3.And(z3.BitVec("a", 4) == m, z3.BitVec("b", 4) == n),
                values == int(evaluate([word_op(op, a, b)], {a: m, b: n})[0]),
            )
            for m in range(16)
            for n in range(16)
        )
    )
    solver.add(z3.Not(table))
    assert solver.check() == z3.unsat


def test_a_long_chain_compiles() -> None:
    v, w = variable("v", 4), variable("w", 4)
    chain = v
    for k in range(250):
        chain = chain + w if k % 2 else chain ^ w
    assert compile_function([v, w], [chain])((0, 0)) == (0,)
