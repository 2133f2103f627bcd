"""The circuit behind the formats of hardware model checkers: inputs, latches that begin at zero, and bad outputs.

In the first step the input ``choice`` is the number of a start, afterwards the number of an operation; the other inputs
are the free values of starts. The latch ``started`` is 0 until an initial state is loaded, so every depth is one larger
than ptecheck's, and nothing is bad before. A choice that is impossible (no such number, a guard that does not hold, a
free value out of its domain) leaves every latch as it is: such a step repeats a state that was possible already, which
can neither break anything new nor shorten a run, and needs no constraint that a tool might ignore.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from checker import __version__
from checker.export.model import Exported, Variable
from checker.terms import BOOL, TRUE, Term, connect, equal, negate, variable, word_op

STARTED = variable("?started", BOOL)
"""The latch that says that an initial state was loaded; no variable of a system has a name like this."""


@dataclass(frozen=True)
class Latch:
    """A part of the state.

    Attributes:
        name: unique in the circuit and without white space.
        term: the variable that stands for it.
        mask: the bits that can be set (0 or 1 for a Boolean).
        updates: (condition, next value); at most one condition holds at a time, and with none the value stays.
    """

    name: str
    term: Term
    mask: int
    updates: tuple[tuple[Term, Term], ...]


@dataclass(frozen=True)
class Input:
    """A value that is free in every step; only the bits in ``mask`` are looked at."""

    name: str
    term: Term
    mask: int
    says: str


@dataclass(frozen=True, eq=False)
class Circuit:
    """A system as a circuit.

    Attributes:
        model: what it was made from.
        inputs: the first is the choice, the others are the starts' free values in order.
        latches: the first is :data:`STARTED`, the others are the model's variables in order.
        bads: (name without white space, when it is bad), one for each property.
    """

    model: Exported
    inputs: tuple[Input, ...]
    latches: tuple[Latch, ...]
    bads: tuple[tuple[str, Term], ...]


def circuit(model: Exported) -> Circuit:
    """The circuit of a system."""
    count = max(len(model.starts), len(model.steps))
    pick = variable("?choice", max(1, (count - 1).bit_length()))
    begins = [connect("and", (negate(STARTED), equal(pick, k), s.domain)) for k, s in enumerate(model.starts)]
    moves = [connect("and", (STARTED, equal(pick, k), step.guard)) for k, step in enumerate(model.steps)]
    values = [row.values for row in model.starts] + [row.values for row in model.steps]
    conditions = [*begins, *moves]
    free = [v for start in model.starts for v in start.inputs]
    names = _names(["choice", "started", *(v.path for v in (*model.variables, *free))])
    inputs = [Input(names[0], pick, (1 << pick.width) - 1, "which start, then which operation")]
    inputs += [
        Input(name, v.term, v.mask, "a free value of a start")
        for name, v in zip(names[2 + len(model.variables) :], free, strict=True)
    ]
    latches = [Latch(names[1], STARTED, 1, ((connect("or", begins), TRUE),))]
    for i, v in enumerate(model.variables):
        changes = [(c, row[i]) for c, row in zip(conditions, values, strict=True) if not _keeps(row[i], v)]
        latches.append(Latch(names[2 + i], v.term, v.mask, tuple(changes)))
    bads = [connect("and", (STARTED, negate(holds))) for _, holds in model.properties]
    labels = _names([name for name, _ in model.properties])
    return Circuit(model, tuple(inputs), tuple(latches), tuple(zip(labels, bads, strict=True)))


def _keeps(value: Term, v: Variable) -> bool:
    return value is v.term or (v.term.width != BOOL and value is word_op("band", v.term, v.mask))


def _names(wanted: list[str]) -> list[str]:
    """The names without white space, and each once."""
    found: dict[str, None] = {}
    for name in wanted:
        plain = "_".join(name.split()) or "state"
        others = (f"{plain}_{number}" for number in itertools.count(2))
        found[plain if plain not in found else next(other for other in others if other not in found)] = None
    return list(found)


def explanation(circuit: Circuit) -> list[str]:
    """What a reader of the file has to know, for its comments."""
    model = circuit.model
    lines = [
        *preamble(model),
        "Depths are one larger than ptecheck's: the first step only loads an initial state.",
        f"{circuit.latches[0].name}: 0 until an initial state is loaded; nothing is bad before.",
        f"{circuit.inputs[0].name}: in the first step the number of a start, afterwards that of an operation.",
        "A choice that is impossible leaves everything as it is.",
        "A run that is found here is tried on the system itself by: ptecheck witness.",
    ]
    lines += [f"start {k}: {start.name}" for k, start in enumerate(model.starts)]
    lines += [f"operation {k}: {step.name}" for k, step in enumerate(model.steps)]
    lines += [f"{i.name}: {i.says}; {_bits(i.term, i.mask)}" for i in circuit.inputs[1:]]
    lines += [f"bad {k}: {name} does not hold" for k, (name, _) in enumerate(model.properties)]
    return [" ".join(line.split()) for line in lines]


def preamble(model: Exported) -> list[str]:
    """What is said of a system in every format: whose it is, and what was left out of it."""
    lines = [
        f"{model.system.name}, written by ptecheck {__version__}",
        "Bits of the state that cannot matter are zero.",
    ]
    if model.system.immaterial:
        lines.append("So are free bits that are declared not to matter, which only ptecheck's own search confirms.")
    return lines


def _bits(term: Term, mask: int) -> str:
    return "yes or no" if term.width == BOOL else f"bits {mask:#x} matter"
