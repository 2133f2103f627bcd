"""Certificates: an inductive invariant and three SMT-LIB files, each unsatisfiable, that together prove a property.

A certificate names its clauses in the model's own vocabulary. To check one, the obligations are made anew from the
model and those clauses, compared with the files letter by letter, and solved. So a file that was exchanged for
an easier one is refused, and the files as they are can be given to any SMT solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from checker.induction import Clause, Fact, clause_from_literals, property_clause, typing_clause, vocabulary
from checker.limits import Budget
from checker.records import dataclass, field
from checker.smtlib import Script
from checker.solver import solver_of_many
from checker.system import Literals, TransitionSystem
from checker.terms import Term, connect, negate
from checker.unroll import renamed, start_at, transition

SCHEMA = "ptecheck.certificate/1"
OBLIGATIONS = ("initiation", "consecution", "safety")


class BadCertificate(ValueError):
    """A certificate that proves nothing; the message says what is wrong with it."""


@dataclass(frozen=True)
class Certificate:
    """A proof as data.

    Attributes:
        system: the system's name.
        invariant: the property proved.
        clauses: the inductive invariant, a conjunction; each as JSON data (see :func:`clause_data`).
        shown: the clauses as a reader sees them, images under a symmetry joined; not part of the JSON data.
    """

    system: str
    invariant: str
    clauses: tuple[dict[str, Any], ...]
    shown: tuple[str, ...] = field(default=(), compare=False)


def clause_data(clause: Clause) -> dict[str, Any]:
    """A clause as JSON data: its text and how to build it from the model."""
    if clause.literals:
        return {"text": clause.text, "literals": [[name, sign] for name, sign in clause.literals]}
    return {"text": clause.text, "rule": clause.rule}


def read_clause(system: TransitionSystem, facts: dict[str, Fact], data: Any) -> Clause:
    """The clause that JSON data stands for in this system.

    Raises:
        BadCertificate: it speaks of something the system does not have.
    """
    try:
        clause = _clause(system, facts, data)
        says = data["text"]
    except (KeyError, TypeError, ValueError) as why:
        raise BadCertificate(f"a clause that {system.name} does not understand: {why}") from None
    if says != clause.text:
        raise BadCertificate(f"a clause that reads {says!r} but means {clause.text!r}")
    return clause


def _clause(system: TransitionSystem, facts: dict[str, Fact], data: Any) -> Clause:
    if "literals" in data:
        literals: Literals = tuple((str(name), bool(sign)) for name, sign in data["literals"])
        return clause_from_literals(facts, literals)
    return typing_clause(system) if data["rule"] == "typing" else property_clause(system, data["rule"])


def obligations(system: TransitionSystem, invariant: str, clauses: list[Clause]) -> dict[str, str]:
    """The three SMT-LIB scripts; each must be unsatisfiable.

    Args:
        system: the system.
        invariant: the property to prove.
        clauses: the inductive invariant.
    """
    relation = system.relation
    goal = property_clause(system, invariant)
    whole = connect("and", [clause.term for clause in clauses])
    before, after, step = transition(relation)
    here, there, bad = (
        renamed(relation, [whole], before)[0],
        renamed(relation, [whole], after)[0],
        renamed(relation, [negate(goal.term)], before)[0],
    )
    initial = start_at(relation, before)
    return {
        "initiation": _script(
            system,
            invariant,
            "no initial state is outside the invariant",
            clauses,
            [*initial.about(before, here), negate(here)],
        ),
        "consecution": _script(
            system, invariant, "no step leaves the invariant", clauses, [here, *step.about(after, there), negate(there)]
        ),
        "safety": _script(system, invariant, "no state of the invariant violates the property", clauses, [here, bad]),
    }


def _script(system: TransitionSystem, invariant: str, says: str, clauses: list[Clause], conditions: list[Any]) -> str:
    script = Script()
    script.comment(f"{system.name}: {invariant}\nThis script is unsatisfiable: {says}.\nThe invariant:")
    for clause in clauses:
        script.comment(f"  {clause.text}")
    script.lines.append("(set-logic QF_BV)")
    script.assert_all(conditions)
    script.lines.append("(check-sat)")
    return str(script)


def certificate_scripts(system: TransitionSystem, certificate: Certificate) -> dict[str, str]:
    """The obligations of a certificate as SMT-LIB scripts, made from the model and the clauses it names.

    Raises:
        BadCertificate: it speaks of something the system does not have.
    """
    return obligations(system, certificate.invariant, clauses_of(system, certificate))


def clauses_of(system: TransitionSystem, certificate: Certificate) -> list[Clause]:
    """The clauses of a certificate in the system's own terms.

    Raises:
        BadCertificate: it speaks of something the system does not have.
    """
    if certificate.system != system.name:
        raise BadCertificate(f"is about {certificate.system}, not {system.name}")
    facts = {fact.yes: fact for fact in vocabulary(system, every=True)}
    clauses = [read_clause(system, facts, data) for data in certificate.clauses]
    if certificate.invariant not in {i.name for i in system.invariants}:
        raise BadCertificate(f"{system.name} has no invariant {certificate.invariant!r}")
    return clauses


def check_certificate(
    system: TransitionSystem,
    certificate: Certificate,
    unsatisfiable: Callable[[str], bool] | None = None,
    files: dict[str, str] | None = None,
    budget: Budget | None = None,
) -> dict[str, str]:
    """Proves a certificate's obligations anew and returns their scripts.

    Args:
        system: the system the certificate speaks of.
        certificate: the proof.
        unsatisfiable: the solver, script -> bool; Z3 by default.
        files: scripts that came with the certificate; each must be what the model gives.
        budget: limits for the default solver.

    Raises:
        BadCertificate: it is about something else, a file was changed, or an obligation is satisfiable.
        OutOfBudget: the solver gave up.
    """
    scripts = certificate_scripts(system, certificate)
    for name in OBLIGATIONS:
        if files is not None and files.get(name) != scripts[name]:
            raise BadCertificate(f"{name}.smt2 is not the obligation that the model and the clauses give")
    ask = unsatisfiable or solver_of_many(budget)
    for name, text in scripts.items():
        if not ask(text):
            raise BadCertificate(f"{name} does not hold: the clauses prove nothing about {certificate.invariant}")
    return scripts


def hold_together(
    system: TransitionSystem, certificates: Iterable[Certificate], unsatisfiable: Callable[[str], bool]
) -> bool:
    """Whether the obligations of several certificates hold, which is asked in three scripts for all of them.

    A script says that an obligation of some certificate fails, so it is unsatisfiable if, and only if, each certificate's
    own is. What all share, the step above all, is read and worked out once.

    Args:
        system: the system that all speak of.
        certificates: the proofs.
        unsatisfiable: the solver, script -> bool.

    Raises:
        BadCertificate: one is about something else.
        OutOfBudget: the solver gave up.
    """
    relation = system.relation
    before, after, step = transition(relation)
    inside, follows, leaves, breaks = [], [], [], []
    for certificate in certificates:
        whole = connect("and", [clause.term for clause in clauses_of(system, certificate)])
        bad = negate(property_clause(system, certificate.invariant).term)
        (here, wrong), (there,) = renamed(relation, [whole, bad], before), renamed(relation, [whole], after)
        inside.append(here)
        follows.append(there)
        leaves.append(connect("and", (here, negate(there))))
        breaks.append(connect("and", (here, wrong)))
    all_here, all_there = connect("and", inside), connect("and", follows)
    questions = (
        [*start_at(relation, before).about(before, all_here), negate(all_here)],
        [*step.about(after, all_there), connect("or", leaves)],
        [connect("or", breaks)],
    )
    return all(unsatisfiable(_asked(conditions)) for conditions in questions)


def _asked(conditions: list[Term]) -> str:
    script = Script()
    script.lines.append("(set-logic QF_BV)")
    script.assert_all(conditions)
    script.lines.append("(check-sat)")
    return str(script)


def to_json(certificate: Certificate) -> dict[str, Any]:
    """The certificate as JSON data; :func:`from_json` reads it back."""
    return {
        "schema": SCHEMA,
        "system": certificate.system,
        "invariant": certificate.invariant,
        "clauses": list(certificate.clauses),
    }


def from_json(data: Any) -> Certificate:
    """The certificate in JSON data.

    Raises:
        BadCertificate: the data is not a certificate of this schema.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise BadCertificate(f"not a {SCHEMA} file")
    texts, clauses = [data.get(k) for k in ("system", "invariant")], data.get("clauses")
    if not all(isinstance(t, str) for t in texts) or not isinstance(clauses, list):
        raise BadCertificate(f"not a complete {SCHEMA} file")
    if not all(isinstance(c, dict) for c in clauses):
        raise BadCertificate("clauses must be objects")
    return Certificate(str(texts[0]), str(texts[1]), tuple(clauses))
