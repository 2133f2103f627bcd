"""A state in few words, for the nodes of a picture: facts of the world, and only those that the search keeps apart.

A search leaves out the bits that cannot matter. A fact that depends on such a bit is the same question for several states,
so it has no answer on a node and is not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from checker.codegen import Values, compile_masks
from checker.dependency import Cone, depends_only_on, splitter_of

if TYPE_CHECKING:
    from checker.cli.jobs import Job
    from checker.state import Leaf
    from checker.system import TransitionSystem

Label = Callable[[Values], tuple[str, ...]]

ENTRY_WORDS = {
    "present": "present",
    "hardware-writable": "hw-wr",
    "readable": "hw-rd",
    "write": "write",
    "dirty": "dirty",
    "young": "young",
    "a local copy": "local copy",
    "COW-shared": "shared",
    "unsaved data": "unsaved",
}
"""Facts about one entry, and the words for them that traces use."""

PROCESS_WORDS = {
    " hardware-writable": "hw-wr",
    " write": "write",
    " dirty": "dirty",
    "'s page shared": "shared",
    "'s page exclusive": "excl",
    "'s page dirty": "+D",
    " maps the zero page": "zero",
    "'s page a KSM page": "+K",
    "'s page pinned": "+P",
}
"""The same behind a process's name."""

WRONG = "WRONG DATA"
"""Stands where a process reads what it never wrote or inherited."""


class _Facts:
    """The facts of a system that have one answer for each state that the search keeps."""

    def __init__(self, system: TransitionSystem, cone: Cone) -> None:
        relation = system.relation
        masks = {leaf.path: mask for leaf, mask in zip(relation.leaves, cone.masks, strict=True)}
        splitter = splitter_of(relation)
        named = zip(system.predicates, relation.predicates, strict=True)
        known = [(fact.name, term) for fact, term in named if depends_only_on(splitter, term, masks)]
        variables = [v for v, mask in zip(relation.state, cone.masks, strict=True) if mask]
        self.names = [name for name, _ in known]
        self.unknown = {fact.name for fact in system.predicates} - set(self.names)
        self.leaves = [leaf for leaf, mask in zip(relation.leaves, cone.masks, strict=True) if mask]
        self._answers = compile_masks(variables, [term for _, term in known])

    def holding(self, values: Values) -> set[str]:
        """The names of the facts that hold."""
        answers = self._answers(values)
        return {name for number, name in enumerate(self.names) if answers >> number & 1}

    def leaf(self, path: str) -> int | None:
        """The place of a leaf among the values that are kept; None if it is not."""
        return next((k for k, leaf in enumerate(self.leaves) if leaf.path == path), None)


def label_maker(job: Job, system: TransitionSystem, cone: Cone) -> tuple[Label, tuple[str, ...]]:
    """What writes a state's label, a line for each entry; and the words that no label has, whatever the state."""
    facts = _Facts(system, cone)
    if job.world in ("mm", "kernel"):
        from models.mm.state import names

        who = names(job.processes)
        unsaid = [word for suffix, word in PROCESS_WORDS.items() if who[0] + suffix in facts.unknown]
        return lambda values: tuple(_process(facts, values, p, name) for p, name in enumerate(who)), tuple(unsaid)
    unsaid = [word for name, word in ENTRY_WORDS.items() if name in facts.unknown]
    if not facts.names:
        return lambda values: _numbers(facts.leaves, values), ()
    return lambda values: (_entry(facts, values),), tuple(unsaid)


def _entry(facts: _Facts, values: Values) -> str:
    holding = facts.holding(values)
    kind = [] if "a huge page" not in facts.names else ["pmd" if "a huge page" in holding else "pte"]
    return " ".join([*kind, *(word for name, word in ENTRY_WORDS.items() if name in holding)]) or "-"


def _process(facts: _Facts, values: Values, p: int, name: str) -> str:
    holding = facts.holding(values)
    where = facts.leaf(f"processes[{p}].level")
    kind = "" if where is None else facts.leaves[where].sort.show(values[where])
    if kind == "absent":
        return f"{name} -"
    words = [name, kind] if kind else [name]
    if f"{name} has a page" in holding:
        words += [word for suffix, word in PROCESS_WORDS.items() if name + suffix in holding]
    may_write = f"{name}'s VMA writable"
    words += ["ro-vma"] if may_write in facts.names and may_write not in holding else []
    said = f"{name} reads its own data"
    return " ".join([*words, *([WRONG] if said in facts.names and said not in holding else [])])


def _numbers(leaves: list[Leaf], values: Values) -> tuple[str, ...]:
    """Every value, where a world has no facts."""
    shown = [f"{leaf.path} {leaf.sort.show(value)}" for leaf, value in zip(leaves, values, strict=True) if value]
    return tuple(shown) or ("0",)


def whole_state(leaves: list[Leaf], values: dict[str, Any]) -> str:
    """Every value of a state, for those who want to know more than its label."""
    return ", ".join(f"{leaf.path} {leaf.sort.show(values[leaf.path])}" for leaf in leaves)
