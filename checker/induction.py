"""Readable inductive invariants: clauses over named facts, learned from what separates reachable from unreachable.

The explicit engine knows exactly which states are reachable. Where a property is not inductive by itself, the solver
shows an unreachable state from which it fails; the shortest clause that holds in every reachable state and not in
that one is added, until nothing is missing. What is left over is then dropped again, so that few clauses remain.
The outcome is trusted by nobody: initiation, consecution and safety are proved anew (see checker.certificate).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from checker.codegen import compile_masks
from checker.dependency import cone_of_influence, depends_only_on, splitter_of
from checker.explicit import Reachable
from checker.inductive import Induction
from checker.limits import Budget, OutOfBudget
from checker.records import dataclass
from checker.state import Leaf
from checker.system import Literals, TransitionSystem
from checker.terms import BOOL, Term, compare, connect, equal, negate, word_op

if TYPE_CHECKING:
    from checker.arrays import WideReachable
    from checker.z3lib import Context

MAX_CLAUSES = 400
"""A proof that needs more clauses than this is given up: nobody would read it."""


FEW_CLAUSES = 60
"""Of a proof with more clauses than this it is not tried whether one could be left out, nor are the rest shown."""


@dataclass(frozen=True)
class Fact:
    """A named Boolean about a state: how it reads when true and when false, and its term over the leaves."""

    yes: str
    no: str
    term: Term


@dataclass(frozen=True)
class Clause:
    """A disjunction of facts and negated facts, a whole property under its own sentence, or the state's typing.

    Attributes:
        text: as a kernel developer reads it.
        term: over the relation's leaves.
        literals: the disjunction, each fact by its name with whether it occurs positively.
        rule: for a clause without literals, the name of the property, or ``typing``.
    """

    text: str
    term: Term
    literals: Literals = ()
    rule: str = ""


@dataclass(frozen=True)
class Proof:
    """An inductive invariant for one property.

    Attributes:
        clauses: the invariant is their conjunction; the first is the property itself.
        shown: the same, with a clause and its images under a symmetry printed once.
    """

    clauses: tuple[Clause, ...]
    shown: tuple[str, ...]


@lru_cache(maxsize=16)
def vocabulary(system: TransitionSystem, every: bool = False) -> tuple[Fact, ...]:
    """The facts an invariant may speak of: declared predicates first, then flags, enumerations and single bits.

    Args:
        system: the system.
        every: also those about immaterial bits, of which a search knows nothing.
    """
    relation = system.relation
    if every and not any(relation.immaterial):
        return vocabulary(system)
    masks = [
        mask if every else mask & ~rest
        for mask, rest in zip(cone_of_influence(relation).masks, relation.immaterial, strict=True)
    ]
    found: dict[Term, Fact] = {}
    for predicate, term in zip(system.predicates, relation.predicates, strict=True):
        _offer(found, Fact(predicate.name, predicate.negated or f"not {predicate.name}", term))
    for leaf, term, mask in zip(relation.leaves, relation.state, masks, strict=True):
        for fact in _leaf_facts(leaf, term, mask):
            _offer(found, fact)
    allowed = {leaf.path: mask for leaf, mask in zip(relation.leaves, masks, strict=True)}
    splitter = splitter_of(relation)
    return tuple(fact for fact in found.values() if depends_only_on(splitter, fact.term, allowed))


def _offer(found: dict[Term, Fact], fact: Fact) -> None:
    if fact.term.op != "const" and fact.term not in found and negate(fact.term) not in found:
        found[fact.term] = fact


def _leaf_facts(leaf: Leaf, term: Term, mask: int) -> list[Fact]:
    if term.width == BOOL:
        return [Fact(leaf.path, f"not {leaf.path}", term)] if mask else []
    if mask == (1 << term.width) - 1 and (leaf.sort.names or term.width <= 3):
        values = range(len(leaf.sort.names) or 1 << term.width)
        return [
            Fact(f"{leaf.path} is {leaf.sort.show(v)}", f"{leaf.path} is not {leaf.sort.show(v)}", equal(term, v))
            for v in values
        ]
    bits = [i for i in range(term.width) if mask >> i & 1]
    return [
        Fact(f"bit {i} of {leaf.path}", f"no bit {i} of {leaf.path}", negate(equal(word_op("band", term, 1 << i), 0)))
        for i in bits
    ]


@dataclass
class _Table:
    """For each fact, the reachable states in which it holds, as one bit a state."""

    facts: tuple[Fact, ...]
    columns: list[int]
    everything: int

    @cached_property
    def numbers(self) -> dict[str, int]:
        """A fact's place by its name."""
        return {fact.yes: k for k, fact in enumerate(self.facts)}

    @classmethod
    def of(cls, system: TransitionSystem, reach: Reachable | WideReachable, facts: tuple[Fact, ...]) -> _Table:
        if not isinstance(reach, Reachable):
            from checker.arrays import fact_columns

            found, count = fact_columns(reach, [fact.term for fact in facts])
            return cls(facts, found, (1 << count) - 1)
        wanted = [v for v, mask in zip(system.relation.state, reach.cone.masks, strict=True) if mask]
        vector = compile_masks(wanted, [fact.term for fact in facts])
        width = len(facts)
        rows = [format(row, f"0{width}b") for row in {vector(state) for state in reach.states}]
        columns = [int("".join(column), 2) for column in zip(*rows, strict=True)]
        return cls(facts, list(reversed(columns)), (1 << len(rows)) - 1)

    def holds(self, literals: Literals) -> bool:
        """Whether the clause holds in every reachable state."""
        total = 0
        for name, positive in literals:
            column = self.columns[self.numbers[name]]
            total |= column if positive else self.everything & ~column
        return total == self.everything

    def fails(self, literals: Literals, state: int) -> bool:
        """Whether the clause fails where the facts have these values, one bit each."""
        return all(bool(state >> self.numbers[name] & 1) != positive for name, positive in literals)

    def separate(self, state: int) -> Literals | None:
        """The shortest clause that holds in every reachable state and fails where the facts have these values."""
        covers = [self.everything & ~column if state >> k & 1 else column for k, column in enumerate(self.columns)]
        chosen = self._exact(covers) or self._greedy(covers)
        return None if chosen is None else tuple((self.facts[k].yes, not state >> k & 1) for k in chosen)

    def _exact(self, covers: list[int]) -> list[int] | None:
        """The first of the smallest sets of at most three facts that cover every state."""
        useful = [k for k, cover in enumerate(covers) if cover]
        for size in (1, 2, 3):
            for chosen in itertools.combinations(useful, size):
                total = 0
                for k in chosen:
                    total |= covers[k]
                if total == self.everything:
                    return list(chosen)
        return None

    def _greedy(self, covers: list[int]) -> list[int] | None:
        missing, chosen = self.everything, []
        while missing:
            best = max(range(len(covers)), key=lambda k: ((covers[k] & missing).bit_count(), -k))
            if not covers[best] & missing:
                return None
            chosen.append(best)
            missing &= ~covers[best]
        return sorted(chosen)


def clause_from_literals(facts: dict[str, Fact], literals: Literals) -> Clause:
    """The clause of these literals, as an implication: what must not hold is the premise, what must is the conclusion.

    Raises:
        KeyError: a fact is not in the vocabulary.
    """
    term = connect("or", [facts[name].term if positive else negate(facts[name].term) for name, positive in literals])
    premises = [name for name, positive in literals if not positive]
    conclusions = [name for name, positive in literals if positive]
    if not premises:
        text = "always " + " or ".join(conclusions)
    elif conclusions:
        text = f"if {' and '.join(premises)} then {' or '.join(conclusions)}"
    elif len(premises) == 1:
        text = f"never {premises[0]}"
    else:
        text = f"if {' and '.join(premises[:-1])} then {facts[premises[-1]].no}"
    return Clause(text, term, literals)


def property_clause(system: TransitionSystem, invariant: str) -> Clause:
    """A property as a clause of an invariant.

    Raises:
        KeyError: the system has no such invariant.
    """
    number = {i.name: k for k, i in enumerate(system.invariants)}[invariant]
    return Clause(system.invariants[number].says, system.relation.properties[number], rule=invariant)


def typing_clause(system: TransitionSystem) -> Clause:
    """Every enumeration that matters has one of its named values."""
    relation = system.relation
    masks = cone_of_influence(relation).masks
    conditions = [
        compare("ult", term, len(leaf.sort.names))
        for leaf, term, mask in zip(relation.leaves, relation.state, masks, strict=True)
        if leaf.sort.partial and mask
    ]
    return Clause("every enumeration has one of its values", connect("and", conditions), rule="typing")


def _images(system: TransitionSystem, literals: Literals) -> list[tuple[str, Literals]]:
    """The clause under each symmetry that knows all of its facts, with the symmetry's announcement."""
    return [
        (symmetry.says, tuple((symmetry.names[name], sign) for name, sign in literals))
        for symmetry in system.symmetries
        if all(name in symmetry.names for name, _ in literals)
    ]


def prove(
    system: TransitionSystem,
    reach: Reachable | WideReachable,
    properties: list[int],
    budget: Budget | None = None,
    context: Context | None = None,
) -> dict[int, Proof]:
    """Inductive invariants for properties that hold in every reachable state.

    Args:
        system: the system.
        reach: its complete explicit search.
        properties: numbers of invariants that were not violated.
        budget: limits.
        context: of Z3, in which nothing was asked before; by default a new one.

    Raises:
        OutOfBudget: no proof was found within the limits.
    """
    if not properties:
        return {}
    table = _Table.of(system, reach, vocabulary(system))
    induction = Induction(system, budget or Budget(), context)
    numbers = {k: induction.add(property_clause(system, system.invariants[k].name)) for k in properties}
    typed = typing_clause(system)
    if typed.term.op != "const" and _holds_everywhere(system, reach, typed):
        induction.add(typed)
    _complete(induction, table, reach)
    return {k: _minimal(induction, number) for k, number in numbers.items()}


def proof_of(
    system: TransitionSystem,
    goal: str,
    clauses: Iterable[Literals],
    budget: Budget | None = None,
    others: Iterable[str] = (),
    induction: Induction | None = None,
) -> Proof:
    """The clauses of an inductive invariant that a property needs, as a proof.

    Args:
        system: the system.
        goal: the name of the property.
        clauses: every step keeps them and the properties.
        budget: limits.
        others: the names of further properties that the clauses may need.
        induction: knows what earlier proofs of the system took; it is of no further use where this one fails.

    Raises:
        OutOfBudget: a limit was reached, or the clauses are not inductive.
    """
    induction = induction or Induction(system, budget or Budget())
    known = {(clause.rule, clause.term): k for k, clause in enumerate(induction.pool)}
    facts = {fact.yes: fact for fact in vocabulary(system, every=True)}
    typed, about = typing_clause(system), [property_clause(system, name) for name in (goal, *others)]
    about += [typed] if typed.term.op != "const" else []
    for clause in (*about, *(clause_from_literals(facts, literals) for literals in clauses)):
        if (clause.rule, clause.term) not in known:
            known[clause.rule, clause.term] = induction.add(clause)
    number, everything = known[about[0].rule, about[0].term], list(range(len(induction.pool)))
    open_ = [number]
    while open_:
        if induction.breaks(open_[-1], everything):
            raise OutOfBudget(f"the clauses found are not inductive: {induction.pool[open_[-1]].text}")
        induction.needs.setdefault(open_[-1], set())
        open_ = [k for n in induction.needs.values() for k in n if k not in induction.needs]
    kept = induction.closure(number)
    if len(kept) <= FEW_CLAUSES:
        return _minimal(induction, number)
    ordered = [number, *sorted((k for k in kept if k != number), key=lambda k: induction.pool[k].text)]
    chosen = tuple(induction.pool[k] for k in ordered)
    more = f"and {len(chosen) - FEW_CLAUSES} more clauses, which the certificate has"
    return Proof(chosen, (*(clause.text for clause in chosen[:FEW_CLAUSES]), more))


def _holds_everywhere(system: TransitionSystem, reach: Reachable | WideReachable, clause: Clause) -> bool:
    if not isinstance(reach, Reachable):
        from checker.arrays import holds_everywhere

        return holds_everywhere(reach, clause.term)
    wanted = [v for v, mask in zip(system.relation.state, reach.cone.masks, strict=True) if mask]
    holds = compile_masks(wanted, [clause.term])
    return all(holds(state) for state in reach.states)


def _usable_lemmas(system: TransitionSystem, table: _Table) -> list[tuple[Literals, Literals]]:
    """The model's lemmas that hold in every reachable state, and their images, each with the lemma it comes from."""
    names = {fact.yes for fact in table.facts}
    return [
        (form, lemma)
        for lemma in system.lemmas
        for form in (lemma, *(image for _, image in _images(system, lemma)))
        if all(name in names for name, _ in (*form, *lemma)) and table.holds(form) and table.holds(lemma)
    ]


def _complete(induction: Induction, table: _Table, reach: Reachable | WideReachable) -> None:
    """Adds clauses until the pool is inductive."""
    relation = induction.system.relation
    wanted = [k for k, mask in enumerate(reach.cone.masks) if mask]
    vector = compile_masks([relation.state[k] for k in wanted], [fact.term for fact in table.facts])
    lemmas = _usable_lemmas(induction.system, table)
    todo = list(range(len(induction.pool)))
    while todo:
        number = todo.pop(0)
        while induction.breaks(number, list(range(len(induction.pool)))):
            values = reach.cone.project(tuple(induction.solver.values(list(induction.before))))
            state = vector(tuple(values[k] for k in wanted))
            literals = next((lemma for form, lemma in lemmas if table.fails(form, state)), None) or table.separate(
                state
            )
            if literals is None:
                raise OutOfBudget("the vocabulary cannot tell an unreachable state from the reachable ones")
            added = _add_with_images(induction, table, literals)
            if not added:
                raise OutOfBudget("a clause that should exclude an unreachable state does not")
            if len(induction.pool) >= MAX_CLAUSES:
                raise OutOfBudget(f"no inductive invariant with {MAX_CLAUSES} clauses or fewer")
            todo.extend(added)


def _add_with_images(induction: Induction, table: _Table, literals: Literals) -> list[int]:
    """Adds a clause and those of its images that hold in every reachable state, too."""
    facts = {fact.yes: fact for fact in table.facts}
    first = clause_from_literals(facts, literals)
    if any(known.term is first.term for known in induction.pool):
        return []
    number = induction.add(first)
    added = {first.term: number}
    induction.twins[number] = []
    for says, image in _images(induction.system, literals):
        if not all(name in facts for name, _ in image):
            continue
        clause = clause_from_literals(facts, image)
        if clause.term not in added and table.holds(image):
            added[clause.term] = induction.add(clause)
            induction.twins[number].append((says, added[clause.term]))
    return list(added.values())


def _minimal(induction: Induction, goal: int) -> Proof:
    """The property and a set of supporting clauses from which none can be left out."""
    kept = induction.closure(goal)
    before: list[int] = []
    while kept != before:  # a clause may only become superfluous when another has gone
        before = kept
        for candidate in reversed([k for k in kept if k != goal]):
            smaller = _without(induction, kept, candidate, goal) if candidate in kept else None
            kept = kept if smaller is None else smaller
    # By text, so that proofs that need the same clauses look the same whatever order they were found in.
    ordered = [goal, *sorted((k for k in kept if k != goal), key=lambda k: induction.pool[k].text)]
    return Proof(tuple(induction.pool[k] for k in ordered), tuple(_shown(induction, ordered)))


def _shown(induction: Induction, numbers: list[int]) -> list[str]:
    lines: list[str] = []
    images = {twin for k in numbers for _, twin in induction.twins.get(k, [])}
    for k in numbers:
        if k not in images:
            says = [says for says, twin in induction.twins.get(k, []) if twin in numbers]
            lines.append("; ".join([induction.pool[k].text, *says]))
    return lines


def _without(induction: Induction, kept: list[int], candidate: int, goal: int) -> list[int] | None:
    """The clauses still needed when one is left out, or None when the rest is not inductive."""
    rest = [k for k in kept if k != candidate]
    saved = dict(induction.needs)
    for k in rest:
        if candidate in induction.needs[k] and induction.breaks_with(k, rest):
            induction.needs = saved
            return None
    return induction.closure(goal)
