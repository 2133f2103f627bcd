"""Certificates: other solvers agree, and anything that is not the proof it claims to be is refused."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.certificate import (
    OBLIGATIONS,
    BadCertificate,
    Certificate,
    certificate_scripts,
    check_certificate,
    clause_data,
    from_json,
    hold_together,
    to_json,
)
from checker.decision import decide
from checker.induction import clause_from_literals, vocabulary
from checker.solver import solver_of_many
from checker.system import TransitionSystem
from checker.verdict import Verdict
from tests import builtin_systems

SYSTEMS: dict[str, Callable[[], TransitionSystem]] = {
    "huacai": lambda: builtin_systems.pte("loongarch/huacai"),
    "sparc64": lambda: builtin_systems.pte("sparc64/linux-6.12"),
    "mm": lambda: builtin_systems.mm("loongarch/huacai", "carry-dirty"),
}
_CACHE: dict[str, list[Certificate]] = {}


def proofs(name: str) -> list[Certificate]:
    """Every certificate of one of the systems."""
    if name not in _CACHE:
        _CACHE[name] = [r.certificate for r in decide(SYSTEMS[name]()) if r.certificate is not None]
    return _CACHE[name]


def supported(name: str) -> Certificate:
    """A certificate with clauses beside the property itself."""
    return max(proofs(name), key=lambda c: len(c.clauses))


def _unsat_by_cvc5(script: str) -> bool:
    cvc5 = pytest.importorskip("cvc5", reason="cvc5 is not installed: pip install cvc5")
    solver = cvc5.Solver()
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "certificate")
    symbols, answers = parser.getSymbolManager(), []
    while not (command := parser.nextCommand()).isNull():
        answers.append(command.invoke(solver, symbols).strip())
    answer = [a for a in answers if a]
    assert answer in (["sat"], ["unsat"])
    return answer == ["unsat"]


def _unsat_by_bitwuzla(script: str) -> bool:
    bitwuzla = pytest.importorskip("bitwuzla", reason="bitwuzla is not installed: pip install bitwuzla")
    parser = bitwuzla.Parser(bitwuzla.TermManager(), bitwuzla.Options())
    assert script.count("(check-sat)") == 1
    parser.parse(script.replace("(check-sat)", ""), False, False)
    answer = str(parser.bitwuzla().check_sat()).lower()
    assert answer.endswith("sat")
    return answer.endswith("unsat")


SOLVERS = {"cvc5": _unsat_by_cvc5, "bitwuzla": _unsat_by_bitwuzla}


@pytest.mark.parametrize("solver", ["bitwuzla", pytest.param("cvc5", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SYSTEMS)
def test_another_solver_confirms_every_proof(name: str, solver: str) -> None:
    system = SYSTEMS[name]()
    assert len(proofs(name)) >= 3
    for certificate in proofs(name):
        scripts = certificate_scripts(system, certificate)
        assert tuple(scripts) == OBLIGATIONS
        assert all(SOLVERS[solver](text) for text in scripts.values())


@pytest.mark.parametrize("solver", SOLVERS)
def test_another_solver_refuses_what_proves_nothing(solver: str) -> None:
    bare = replace(supported("mm"), clauses=supported("mm").clauses[:1])
    answers = {name: SOLVERS[solver](text) for name, text in certificate_scripts(SYSTEMS["mm"](), bare).items()}
    assert answers == {"initiation": True, "consecution": False, "safety": True}


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_tools_own_door_to_other_solvers_answers_alike(solver: str) -> None:
    pytest.importorskip(solver, reason=f"{solver} is not installed")
    from checker.othersolvers import unsatisfiable_with

    certificate = proofs("sparc64")[0]
    check_certificate(SYSTEMS["sparc64"](), certificate, unsatisfiable_with(solver))
    with pytest.raises(BadCertificate, match="consecution does not hold"):
        bare = replace(certificate, clauses=certificate.clauses[:1])
        check_certificate(SYSTEMS["sparc64"](), bare, unsatisfiable_with(solver))


def test_a_solver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from checker.othersolvers import MissingSolver, unsatisfiable_with

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingSolver, match="cvc5 is not installed"):
        unsatisfiable_with("cvc5")


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_certificate_is_accepted_as_it_is_and_after_a_round_trip(name: str) -> None:
    for certificate in proofs(name):
        again = from_json(json.loads(json.dumps(to_json(certificate))))
        assert again == certificate
        scripts = check_certificate(SYSTEMS[name](), again)
        check_certificate(SYSTEMS[name](), again, files=scripts)


def _without(certificate: Certificate, k: int) -> Certificate:
    return replace(certificate, clauses=certificate.clauses[:k] + certificate.clauses[k + 1 :])


def _with(certificate: Certificate, k: int, clause: dict[str, Any]) -> Certificate:
    return replace(certificate, clauses=(*certificate.clauses[:k], clause, *certificate.clauses[k + 1 :]))


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_supporting_clause_can_be_left_out(name: str) -> None:
    """The first clause is the property itself, which may well follow from the others."""
    for certificate in proofs(name):
        for k in range(1, len(certificate.clauses)):
            with pytest.raises(BadCertificate, match="does not hold: the clauses prove nothing"):
                check_certificate(SYSTEMS[name](), _without(certificate, k))


@pytest.mark.parametrize("name", SYSTEMS)
def test_certificates_hold_together_if_and_only_if_each_holds(name: str) -> None:
    """Of one of them a clause is left out: together with all others, first and last, that is still seen."""
    system, whole = SYSTEMS[name](), proofs(name)
    assert hold_together(system, whole, solver_of_many())
    assert hold_together(system, whole[:1], solver_of_many()) and hold_together(system, [], solver_of_many())
    certificate = supported(name)
    for k in (1, len(certificate.clauses) - 1):
        others = [c for c in whole if c is not certificate]
        for order in ([_without(certificate, k), *others], [*others, _without(certificate, k)]):
            assert not hold_together(system, order, solver_of_many())


@pytest.mark.parametrize(
    ("clauses", "missing"), [((), "safety"), (({"text": clause_from_literals({}, ()).text, "literals": []},), "start")]
)
def test_what_only_one_obligation_tells_is_seen_together(clauses: Any, missing: str) -> None:
    wrong = replace(supported("huacai"), clauses=clauses)
    assert not hold_together(SYSTEMS["huacai"](), [*proofs("huacai"), wrong], solver_of_many()), missing


def test_together_another_solver_agrees() -> None:
    assert hold_together(SYSTEMS["huacai"](), proofs("huacai"), SOLVERS["bitwuzla"])


def test_a_certificate_of_another_system_does_not_hold_together_with_any() -> None:
    strange = replace(proofs("huacai")[0], system="another")
    with pytest.raises(BadCertificate, match="is about another"):
        hold_together(SYSTEMS["huacai"](), [*proofs("huacai"), strange], solver_of_many())


def _clause(system: TransitionSystem, literals: list[list[Any]]) -> dict[str, Any]:
    """A clause with the sentence that belongs to it, as somebody who knows the format would forge it."""
    facts = {fact.yes: fact for fact in vocabulary(system)}
    return clause_data(clause_from_literals(facts, tuple((name, sign) for name, sign in literals)))


def _literal_clauses(certificate: Certificate) -> list[int]:
    return [k for k, clause in enumerate(certificate.clauses) if "literals" in clause]


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_clause_can_be_weakened_to_nothing(name: str) -> None:
    certificate = supported(name)
    for k in _literal_clauses(certificate):
        fact, sign = certificate.clauses[k]["literals"][0]
        empty = _clause(SYSTEMS[name](), [*certificate.clauses[k]["literals"], [fact, not sign]])
        with pytest.raises(BadCertificate, match="does not hold"):
            check_certificate(SYSTEMS[name](), _with(certificate, k, empty))


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_clause_can_be_turned_round(name: str) -> None:
    certificate = supported(name)
    for k in _literal_clauses(certificate):
        turned = _clause(SYSTEMS[name](), [[fact, not sign] for fact, sign in certificate.clauses[k]["literals"]])
        with pytest.raises(BadCertificate, match="does not hold"):
            check_certificate(SYSTEMS[name](), _with(certificate, k, turned))


def test_a_clause_that_is_never_true_is_refused() -> None:
    """It would make consecution and safety trivial; initiation fails."""
    false = {"text": clause_from_literals({}, ()).text, "literals": []}
    with pytest.raises(BadCertificate, match="initiation does not hold"):
        check_certificate(SYSTEMS["huacai"](), replace(supported("huacai"), clauses=(false,)))


def test_no_clauses_at_all_prove_nothing() -> None:
    with pytest.raises(BadCertificate, match="safety does not hold"):
        check_certificate(SYSTEMS["huacai"](), replace(supported("huacai"), clauses=()))


@pytest.mark.parametrize(
    "clause",
    [
        {"text": "x", "literals": [["_PAGE_NONSENSE", True]]},
        {"text": "x", "literals": [["_PAGE_SPECIAL", True]]},
        {"text": "x", "literals": [["write"]]},
        {"text": "x", "literals": ["write"]},
        {"text": "x", "literals": 7},
        {"text": "x", "literals": None},
        {"text": "x", "rule": "no-such-invariant"},
        {"text": "x", "rule": ["typing"]},
        {"text": "x"},
        {},
    ],
)
def test_a_clause_about_something_else_is_refused(clause: dict[str, Any]) -> None:
    certificate = supported("huacai")
    with pytest.raises(BadCertificate, match="does not understand"):
        check_certificate(SYSTEMS["huacai"](), replace(certificate, clauses=(*certificate.clauses, clause)))


@pytest.mark.parametrize("invariant", ["no-such-invariant", "", "COW-shared-not-hw-writable"])
def test_an_unknown_invariant_is_refused(invariant: str) -> None:
    with pytest.raises(BadCertificate, match="has no invariant"):
        check_certificate(SYSTEMS["huacai"](), replace(supported("huacai"), invariant=invariant))


def test_the_clauses_of_one_property_do_not_prove_a_violated_one() -> None:
    with pytest.raises(BadCertificate, match="safety does not hold"):
        check_certificate(SYSTEMS["huacai"](), replace(supported("huacai"), invariant="dirty-never-lost"))


def test_the_proof_for_one_fix_does_not_prove_the_unfixed_helpers() -> None:
    original = builtin_systems.pte("loongarch/original")
    for certificate in proofs("huacai"):
        if certificate.invariant in {r.invariant for r in decide(original) if r.verdict is Verdict.VIOLATED}:
            with pytest.raises(BadCertificate, match="does not hold"):
                check_certificate(original, replace(certificate, system=original.name))


def test_a_certificate_of_another_system_is_refused_by_its_name() -> None:
    with pytest.raises(BadCertificate, match="is about x86-64/linux-6.1, PTE world, not loongarch/huacai"):
        check_certificate(SYSTEMS["huacai"](), replace(supported("huacai"), system="x86-64/linux-6.1, PTE world"))


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("lie", ["pigs can fly", "", None, 7])
def test_a_clause_that_does_not_mean_what_it_says_is_refused(k: int, lie: Any) -> None:
    certificate = supported("huacai")
    with pytest.raises(BadCertificate, match="a clause that reads .* but means"):
        check_certificate(SYSTEMS["huacai"](), _with(certificate, k, {**certificate.clauses[k], "text": lie}))


def test_what_is_shown_is_made_anew_and_not_read_from_a_file() -> None:
    data = {**to_json(supported("huacai")), "shown": ["pigs can fly"]}
    assert from_json(data).shown == ()


@pytest.mark.parametrize("name", OBLIGATIONS)
def test_a_changed_script_is_refused(name: str) -> None:
    system, certificate = SYSTEMS["huacai"](), supported("huacai")
    scripts = certificate_scripts(system, certificate)
    easier = [
        scripts[name].replace("(check-sat)", "(assert false)\n(check-sat)"),
        "(set-logic QF_BV)\n(assert false)\n(check-sat)\n",
        scripts[name].rstrip("\n"),
        "",
        *(text for other, text in scripts.items() if other != name),
    ]
    for text in easier:
        with pytest.raises(BadCertificate, match=f"{name}.smt2 is not the obligation"):
            check_certificate(system, certificate, files={**scripts, name: text})


def test_a_missing_script_is_refused() -> None:
    system, certificate = SYSTEMS["huacai"](), supported("huacai")
    scripts = certificate_scripts(system, certificate)
    with pytest.raises(BadCertificate, match="safety.smt2"):
        check_certificate(system, certificate, files={k: v for k, v in scripts.items() if k != "safety"})


@pytest.mark.parametrize("refused", OBLIGATIONS)
def test_the_solvers_answer_counts(refused: str) -> None:
    system, certificate = SYSTEMS["sparc64"](), supported("sparc64")
    bad = certificate_scripts(system, certificate)[refused]
    with pytest.raises(BadCertificate, match=f"{refused} does not hold"):
        check_certificate(system, certificate, unsatisfiable=lambda text: text != bad)


@pytest.mark.parametrize(
    "data",
    [
        None, [], "certificate", 7, {}, {"schema": "ptecheck.trace/1"},
        {"schema": "ptecheck.certificate/1"},
        {"schema": "ptecheck.certificate/1", "system": "s", "invariant": 3, "clauses": []},
        {"schema": "ptecheck.certificate/1", "system": "s", "invariant": "i", "clauses": {}},
        {"schema": "ptecheck.certificate/1", "system": "s", "invariant": "i", "clauses": ["x"]},
        {"schema": "ptecheck.certificate/2", "system": "s", "invariant": "i", "clauses": []},
        {"schema": ["ptecheck.certificate/1"], "system": "s", "invariant": "i", "clauses": []},
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_refused(data: Any) -> None:
    with pytest.raises(BadCertificate, match="not a|clauses must be"):
        from_json(data)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["typing", "write", "no"])
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["literals", "rule", "text"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["system", "invariant", "clauses", "shown"]), JUNK | st.lists(JUNK, max_size=3)))
def test_junk_is_refused_and_never_breaks_the_reader(data: dict[str, Any]) -> None:
    whole = {
        "schema": "ptecheck.certificate/1",
        "system": SYSTEMS["huacai"]().name,
        "invariant": "write-protect-holds",
        **data,
    }
    with pytest.raises(BadCertificate):
        check_certificate(SYSTEMS["huacai"](), from_json(whole), unsatisfiable=lambda text: "false" in text)


_FRESH = """
import hashlib, json, sys
from tests.test_certificate import SYSTEMS
from checker.certificate import certificate_scripts, to_json
from checker.decision import decide
from checker.trace import to_json as trace_json
for name in sys.argv[1:]:
    system = SYSTEMS[name]()
    for r in decide(system):
        if r.certificate:
            print(json.dumps([to_json(r.certificate), certificate_scripts(system, r.certificate)]))
        else:
            print(json.dumps(trace_json(r.trace)))
"""


@pytest.mark.parametrize("order", [("huacai", "mm"), ("mm", "huacai")])
def test_evidence_is_the_same_text_in_every_process(order: tuple[str, ...]) -> None:
    texts = []
    for seed in ("1", "4711"):
        root = Path(__file__).parent.parent
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
        run = subprocess.run(
            [sys.executable, "-c", _FRESH, *(order if seed == "1" else reversed(order))],
            capture_output=True, text=True, check=True, env=environment, cwd=root,
        )  # fmt: skip
        texts.append(sorted(run.stdout.splitlines()))
    assert texts[0] == texts[1]
    assert any("dirty-never-lost" in line and "steps" in line for line in texts[0])
    here = sorted(json.dumps([to_json(c), certificate_scripts(SYSTEMS[n](), c)]) for n in order for c in proofs(n))
    assert [line for line in texts[0] if line.startswith("[")] == here


def test_every_proved_result_carries_its_certificate() -> None:
    for result in decide(SYSTEMS["mm"]()):
        assert result.verdict is Verdict.PROVED
        assert result.certificate is not None
        assert result.certificate.invariant == result.invariant
        assert result.certificate.system == SYSTEMS["mm"]().name
