"""Re-checks a set of states that the plain engine found with an evaluation of single bits, of all states at a time.

The plain engine runs Python that is made from a system's words. Here the same terms, taken apart into Booleans
(:mod:`checker.bitstep`), are looked at for all states together: the value of one is an integer with a bit for each state.
"""

from __future__ import annotations

from collections.abc import Sequence

from checker.bitstep import Bit, BitSteps, bit_steps
from checker.dependency import Cone
from checker.explicit import Reachable, initial_states
from checker.limits import Budget
from checker.system import TransitionSystem
from checker.terms import Term, subterms

AT_ONCE = 4096
"""States that are looked at together."""

ENABLED = "1"
"""What every state's row begins with; that of a state to which an operation does not lead begins otherwise."""


class NotBitwise(Exception):
    """The system has arithmetic, which is not taken apart into bits."""


def not_closed(system: TransitionSystem, reach: Reachable, budget: Budget, every: int) -> str:
    """Why a set of states is not closed or what its verdicts say is not so; "" if nothing was found.

    Args:
        system: the system that was searched.
        reach: the search.
        budget: limits.
        every: look at every so many states.

    Raises:
        OutOfBudget: a limit was reached.
        NotBitwise: the system has arithmetic.
    """
    steps = bit_steps(system.relation)
    if steps is None:
        raise NotBitwise
    rows = _rows(reach.cone, reach.states)
    known = frozenset(rows)
    if not known.issuperset(_rows(reach.cone, list(initial_states(system, reach.cone, budget)))):
        return "an initial state was not found"
    looking = _Looking(system, reach, steps, known)
    for begin in range(0, len(rows), every * AT_ONCE):
        budget.check()
        found = looking.doubt(rows[begin : begin + every * AT_ONCE : every])
        if found:
            number, what = found
            return f"state {begin + number * every} {what}"
    return ""


class _Looking:
    """Looks at states: what holds there, and where they lead.

    Args:
        system: that was searched.
        reach: the search.
        steps: the system bit by bit.
        known: the states that were found, as rows.
    """

    def __init__(self, system: TransitionSystem, reach: Reachable, steps: BitSteps, known: frozenset[str]) -> None:
        self.steps, self.known = steps, known
        self.names = [step.name for step in system.relation.steps]
        self.open = [holds for n, holds in enumerate(steps.properties) if n not in reach.first_violation]
        self.places = _places(reach.cone, [leaf.path for leaf in system.relation.leaves])
        self.columns = [self.places[bit] for bit in steps.bits]
        self.width = len(ENABLED) + sum(mask.bit_length() for mask in reach.cone.masks)
        self.order = subterms([*steps.guards, *self.open, *(value for values in steps.values for value in values)])

    def doubt(self, rows: Sequence[str]) -> tuple[int, str] | None:
        """The number of the first of these states with something wrong, and what; None if there is none."""
        everywhere = (1 << len(rows)) - 1
        values = self._values(rows, everywhere)
        for holds in self.open:
            if wrong := everywhere & ~values[holds.serial]:
                return len(rows) - wrong.bit_length(), "violates what was said to hold"
        for name, guard, nexts in zip(self.names, self.steps.guards, self.steps.values, strict=True):
            if values[guard.serial]:
                after = self._after(values, guard, nexts, len(rows))
                missing = {row for row in set(after) - self.known if row.startswith(ENABLED)}
                if missing:
                    number = next(n for n, row in enumerate(after) if row in missing)
                    return number, f"has a successor under {name} that was not found"
        return None

    def _values(self, rows: Sequence[str], everywhere: int) -> dict[int, int]:
        """Serial number of a term -> its value in every state, the first state's in the highest bit."""
        columns = ["".join(column) for column in zip(*rows, strict=True)]
        values: dict[int, int] = {}
        for term in self.order:
            if term.op == "var":
                bit = term.data if isinstance(term.data, tuple) else (term.data, 0)
                values[term.serial] = int(columns[self.places[bit]], 2)
            else:
                values[term.serial] = _value(term, values, everywhere)
        return values

    def _after(self, values: dict[int, int], guard: Term, nexts: Sequence[Term], count: int) -> list[str]:
        """For each state the row of the one that an operation leads to; it begins otherwise where that is not enabled."""
        columns = ["0" * count] * self.width
        columns[0] = format(values[guard.serial], f"0{count}b")
        for place, value in zip(self.columns, nexts, strict=True):
            columns[place] = format(values[value.serial], f"0{count}b")
        return list(map("".join, zip(*columns, strict=True)))


def _value(term: Term, values: dict[int, int], everywhere: int) -> int:
    """A Boolean operator on all states at a time."""
    op = term.op
    if op == "const":
        return everywhere if term.data else 0
    args = [values[a.serial] for a in term.args]
    if op == "not":
        return everywhere & ~args[0]
    if op == "ite":
        return args[0] & args[1] | everywhere & ~args[0] & args[2]
    if op == "eq":
        return everywhere & ~(args[0] ^ args[1])
    found = args[0]
    for value in args[1:]:
        found = found & value if op == "and" else found | value
    return found


def _rows(cone: Cone, states: Sequence[tuple[int, ...]]) -> list[str]:
    """States as the search keeps them, each as :data:`ENABLED` and the digits of its words."""
    row = (ENABLED + "".join(f"{{:0{mask.bit_length()}b}}" for mask in cone.masks if mask)).format
    return [row(*state) for state in states]


def _places(cone: Cone, paths: Sequence[str]) -> dict[Bit, int]:
    """Where the digit of each bit is in a row."""
    places: dict[Bit, int] = {}
    begin = len(ENABLED)
    for path, mask in zip(paths, cone.masks, strict=True):
        width = mask.bit_length()
        places |= {(path, k): begin + width - 1 - k for k in range(width) if mask >> k & 1}
        begin += width
    return places
