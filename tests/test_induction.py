"""Inductive invariants: true of what is reachable, minimal, readable, and found where there is one."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest

from checker.decision import decide
from checker.explicit import explore
from checker.induction import Clause, clause_from_literals, property_clause, prove, typing_clause, vocabulary
from checker.limits import Budget, OutOfBudget
from checker.logic import both, either, ite, lshr, no, same, ult
from checker.state import Bits, Bool, Enum
from checker.system import Invariant, Operation, Predicate, Start, Symmetry, TransitionSystem
from checker.terms import evaluate
from checker.verdict import Verdict
from tests import builtin_systems

SYSTEMS = {
    "huacai, PTE world": lambda: builtin_systems.pte("loongarch/huacai"),
    "linux-6.12, PTE world": lambda: builtin_systems.pte("sparc64/linux-6.12"),
    "huacai, mm world": lambda: builtin_systems.mm("loongarch/huacai", "carry-dirty"),
    "reorder, mm world": lambda: builtin_systems.mm("loongarch/original", "reorder"),
}


def _held(system: TransitionSystem) -> list[int]:
    violated = explore(system).first_violation
    return [k for k in range(len(system.invariants)) if k not in violated]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_clause_is_true_of_every_reachable_state(name: str) -> None:
    system = SYSTEMS[name]()
    found = explore(system)
    wanted = [v for v, mask in zip(system.relation.state, found.cone.masks, strict=True) if mask]
    others = {v: False if v.width == 0 else 0 for v in system.relation.state}
    clauses = {c.text: c.term for p in prove(system, found, _held(system)).values() for c in p.clauses}
    for state in found.states[::5]:
        values = others | {v: x if v.width else bool(x) for v, x in zip(wanted, state, strict=True)}
        assert all(evaluate(list(clauses.values()), values))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_proof_starts_with_its_property_and_stays_short(name: str) -> None:
    system = SYSTEMS[name]()
    for number, proof in prove(system, explore(system), _held(system)).items():
        assert proof.clauses[0] == property_clause(system, system.invariants[number].name)
        assert proof.shown[0] == system.invariants[number].says
        assert len(proof.clauses) <= 16
        assert len(proof.shown) <= 11


def test_the_heart_of_huacais_patch_is_said_in_kernel_words() -> None:
    """The issue's own example of a readable clause: _PAGE_DIRTY implies that the entry is writable for software."""
    system = builtin_systems.pte("loongarch/huacai")
    shown = prove(system, explore(system), [0])[0].shown
    assert "if _PAGE_DIRTY then write" in shown


def test_a_clause_and_its_mirror_image_are_printed_once() -> None:
    system = builtin_systems.mm("loongarch/huacai", "carry-dirty")
    shown = prove(system, explore(system), [0])[0].shown
    assert any("parent" in line and line.endswith("; same for child") for line in shown)
    assert not any(line.startswith("if child") for line in shown)


def test_nothing_to_prove_needs_no_solver() -> None:
    system = builtin_systems.pte("loongarch/huacai")
    assert prove(system, explore(system), [], Budget(seconds=0)) == {}


def test_a_proof_without_time_is_no_proof() -> None:
    system = builtin_systems.pte("loongarch/huacai")
    with pytest.raises(OutOfBudget, match="time limit"):
        prove(system, explore(system), [0], Budget(seconds=0))


def _bit(k: int) -> Callable[[Any], Any]:
    return lambda s: same(lshr(s[1], k) & 1, 1)


def _machine(holds: Any, **changes: Any) -> TransitionSystem:
    """A flag that only a register's low bit can raise; the register's other bits move freely."""
    fields: dict[str, Any] = {
        "name": "machine",
        "shape": (Bool, Bits(4), Enum("idle", "busy", "done")),
        "starts": (Start("off", lambda _: (False, 0, 0)),),
        "operations": (
            Operation("raise", lambda s: (True, (either(s[0], same(s[1] & 1, 1)), s[1], s[2]))),
            Operation("turn", lambda s: (True, (s[0], (s[1] ^ 2), s[2]))),
            Operation("leap", lambda s: (same(s[1] & 8, 8), (s[0], s[1] | 1, s[2]))),
            Operation("work", lambda s: (ult(s[2], 2), (s[0], s[1], s[2] + 1))),
            Operation("rest", lambda s: (same(s[2], 2), (s[0], s[1], s[2] & 0))),
        ),
        "invariants": (Invariant("flag down", "the flag stays down", holds),),
    }
    return TransitionSystem(**{**fields, **changes})


def test_supporting_clauses_are_found_one_behind_the_other() -> None:
    system = _machine(lambda s: no(s[0]))
    shown = prove(system, explore(system), [0])[0].shown
    assert set(shown) == {"the flag stays down", "never bit 0 of [1]", "never bit 3 of [1]"}


def test_a_property_that_is_inductive_needs_no_help() -> None:
    system = _machine(lambda s: either(no(s[0]), s[0]))
    assert len(prove(_machine(lambda s: ult(s[2], 3)), explore(_machine(lambda s: ult(s[2], 3))), [0])[0].clauses) == 1
    assert explore(system).first_violation == {}


def test_an_unnamed_value_of_an_enumeration_is_excluded_by_its_typing() -> None:
    """From the fourth value the third operation could set bit 0; the proof has to say that there is none."""
    leap = Operation("from nowhere", lambda s: (same(s[2], 3), (True, s[1], s[2])))
    base = _machine(lambda s: no(s[0]))
    system = _machine(lambda s: no(s[0]), operations=(*base.operations, leap))
    proof = prove(system, explore(system), [0])[0]
    assert "every enumeration has one of its values" in proof.shown
    assert typing_clause(system) in proof.clauses


def test_of_an_enumeration_that_matters_in_part_the_typing_looks_at_all() -> None:
    """Bit 0 matters to nothing, but setting it makes a value without a name of the last one that has one.

    So the typing is no induction hypothesis here, however few bits the solver is asked about, and the proof does without.
    """
    system = TransitionSystem(
        name="lamp",
        shape=(Bool, Enum("off", "low", "mid", "high", "blinking")),
        starts=(Start("off", lambda _: (False, 0)),),
        operations=(
            Operation("look", lambda s: (True, (either(s[0], same(s[1] & 6, 6)), s[1]))),
            Operation("set", lambda s: (True, (s[0], s[1] | 1))),
        ),
        invariants=(Invariant("dark", "it is never both", lambda s: no(s[0])),),
    )
    (result,) = decide(system)
    assert result.verdict is Verdict.PROVED
    assert result.certificate is not None
    assert not [clause for clause in result.certificate.clauses if clause.get("rule") == "typing"]


def test_declared_predicates_come_first_in_the_vocabulary() -> None:
    low = Predicate("armed", lambda s: same(s[1] & 1, 1), "disarmed")
    system = _machine(lambda s: no(s[0]), predicates=(low,))
    assert vocabulary(system)[0].yes == "armed"
    assert "bit 0 of [1]" in {fact.yes for fact in vocabulary(system)}
    assert "never armed" in prove(system, explore(system), [0])[0].shown


def test_facts_about_what_cannot_matter_are_not_in_the_vocabulary() -> None:
    system = _machine(lambda s: no(s[0]), predicates=(Predicate("turned", lambda s: same(s[1] & 2, 2)),))
    names = {fact.yes for fact in vocabulary(system)}
    assert names.isdisjoint({"turned", "bit 1 of [1]", "bit 2 of [1]"})


@pytest.mark.parametrize(
    ("literals", "text"),
    [
        ((("a", True),), "always a"),
        ((("a", True), ("b", True)), "always a or b"),
        ((("a", False),), "never a"),
        ((("a", False), ("b", True)), "if a then b"),
        ((("a", False), ("b", False), ("c", True)), "if a and b then c"),
        ((("a", False), ("b", False)), "if a then free of b"),
        ((("a", False), ("b", True), ("c", True)), "if a then b or c"),
    ],
)
def test_clauses_read_as_implications(literals: tuple[tuple[str, bool], ...], text: str) -> None:
    system = _machine(
        lambda s: no(s[0]),
        predicates=tuple(Predicate(name, _bit(k), "free of b" if name == "b" else "") for k, name in enumerate("abc")),
        invariants=(
            Invariant("all", "all bits matter", lambda s: same(s[1] & 4, s[1] & 4 | s[1] & 0)),
            Invariant("word", "the word matters", lambda s: ult(s[1], 15)),
        ),
    )
    facts = {fact.yes: fact for fact in vocabulary(system)}
    clause = clause_from_literals(facts, literals)
    assert clause.text == text
    for word in range(16):
        values = dict(zip(system.relation.state, (False, word, 0), strict=True))
        expected = any((word >> "abc".index(name) & 1 == 1) == sign for name, sign in literals)
        assert evaluate([clause.term], values) == [expected]


def test_a_clause_of_an_unknown_fact_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        clause_from_literals({}, (("no such fact", True),))
    with pytest.raises(KeyError):
        property_clause(_machine(lambda s: no(s[0])), "no such property")


def _two(**changes: Any) -> TransitionSystem:
    """Two switches that arm two flags; the same on both sides."""
    left = Operation("left", lambda s: (True, (either(s[0], s[2]), s[1], s[2], s[3])))
    right = Operation("right", lambda s: (True, (s[0], either(s[1], s[3]), s[2], s[3])))
    spoil = Operation("spoil", lambda s: (True, (s[0], s[1], ite(s[0], True, s[2]), ite(s[1], True, s[3]))))
    fields: dict[str, Any] = {
        "name": "two",
        "shape": (Bool,) * 4,
        "starts": (Start("off", lambda _: (False,) * 4),),
        "operations": (left, right, spoil),
        "invariants": (Invariant("both down", "both flags stay down", lambda s: both(no(s[0]), no(s[1]))),),
        "predicates": tuple(Predicate(n, itemgetter(k)) for k, n in enumerate(("L", "R", "l", "r"))),
    }
    return TransitionSystem(**{**fields, **changes})


def test_a_symmetry_halves_what_is_printed_and_nothing_else() -> None:
    names = {"L": "R", "R": "L", "l": "r", "r": "l"}
    plain, mirrored = _two(), _two(symmetries=(Symmetry(names, "same on the right"),))
    first, second = (prove(s, explore(s), [0])[0] for s in (plain, mirrored))
    assert (
        {c.text for c in first.clauses}
        == {c.text for c in second.clauses}
        == {"both flags stay down", "never l", "never r"}
    )
    assert len(second.shown) == 2
    assert second.shown[1] in ("never l; same on the right", "never r; same on the right")


def test_a_symmetry_that_is_none_does_no_harm() -> None:
    wrong = _two(symmetries=(Symmetry({"l": "L", "L": "l"}, "which is nonsense"),))
    assert [r.verdict for r in decide(wrong)] == [Verdict.PROVED]


def _lemmas(*lemmas: Any) -> TransitionSystem:
    return _two(lemmas=tuple(lemmas))


def test_a_lemma_is_used_only_if_it_is_true_and_needed() -> None:
    false, useless, unknown = (("l", True),), (("L", False), ("R", True)), (("elsewhere", True),)
    for lemma in (false, useless, unknown):
        shown = prove(_lemmas(lemma), explore(_lemmas(lemma)), [0])[0].shown
        assert set(shown) == {"both flags stay down", "never l", "never r"}


def test_a_useful_lemma_is_taken_as_it_is() -> None:
    joint = ((("l", False), ("R", True)), (("r", False), ("L", True)))
    shown = prove(_lemmas(*joint), explore(_lemmas(*joint)), [0])[0].shown
    assert set(shown) == {"both flags stay down", "if l then R", "if r then L"}


def test_clauses_are_equal_by_what_they_say() -> None:
    system = _machine(lambda s: no(s[0]))
    facts = {fact.yes: fact for fact in vocabulary(system)}
    first, second = (clause_from_literals(facts, (("bit 0 of [1]", False),)) for _ in range(2))
    assert isinstance(first, Clause)
    assert first == second


def test_a_short_word_of_which_one_bit_matters_can_be_spoken_of() -> None:
    system = TransitionSystem(
        "short", (Bits(3),), (Start("zero", lambda _: (0,)),),
        (Operation("copy", lambda s: (True, ((s[0] & 6) | lshr(s[0] & 2, 1),))),
         Operation("noise", lambda s: (True, (s[0] ^ 4,)))),
        (Invariant("bit 0 down", "bit 0 stays down", lambda s: same(s[0] & 1, 0)),),
    )  # fmt: skip
    assert [(r.verdict, r.reason) for r in decide(system)] == [(Verdict.PROVED, "")]


def test_a_predicate_named_like_a_variable_is_refused() -> None:
    with pytest.raises(ValueError, match=r"named like a variable of the state: \[2\]"):
        _two(predicates=(Predicate("[2]", lambda s: s[2]),))


def test_a_predicate_may_share_its_meaning_with_a_variable() -> None:
    system = _two(predicates=(Predicate("third", lambda s: s[2]),))
    assert [r.verdict for r in decide(system)] == [Verdict.PROVED]
