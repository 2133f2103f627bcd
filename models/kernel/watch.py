"""Whether an entry in memory is changed in one atomic step, so that nothing is lost that another CPU records in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from checker import terms
from checker.terms import FALSE, TRUE, Term
from models.kernel.memory import Memory
from models.kernel.values import WIDTH, Value, joined, wrap
from models.kernel.words import BOOL, Abi, Word

FOUND = terms.variable("found", WIDTH)
"""What an exchange finds in the entry; a CPU may have changed it since it was last read."""


@dataclass
class Watch:
    """The entry that a helper is lifted for.

    A step is atomic if it makes the new entry of what it finds: a bit operation, a compare and exchange that succeeds,
    or an exchange whose finding the helper yields or goes on with. An entry that an exchange left empty belongs to the
    helper until it is stored again. What a helper yields beside the entry may have been read before the step.

    Attributes:
        cell: the entry's cell.
        initial: what it holds at first.
        emptied: a cell that tells whether an exchange has left the entry empty.
        read: a cell that tells whether the entry was read, so that a copy of it may be about.
        plain: a store that may lose what a CPU records has happened.
        raced: an exchange has found what may be something else than what was read before.
        replaced: an exchange has left a new entry, so that what it found is lost unless the helper yields it.
        left: the words that exchanges have left; an empty entry is one that is not present.
    """

    cell: int
    initial: Value
    emptied: int
    read: int
    plain: bool = False
    raced: bool = False
    replaced: bool = False
    left: list[Term] = field(default_factory=list)

    @staticmethod
    def of(cell: int, memory: Memory) -> Watch:
        """A watch on a cell."""
        return Watch(cell, memory.cells[cell], memory.new(Word(BOOL, FALSE)), memory.new(Word(BOOL, FALSE)))

    def loaded(self, memory: Memory) -> None:
        """The entry is read."""
        if _state(memory, self.read) is FALSE:
            memory.write(self.read, Word(BOOL, TRUE))

    def stored(self, memory: Memory, whole: bool) -> None:
        """The entry, or a part of it, is overwritten."""
        if _state(memory, self.emptied) is not TRUE:
            self.plain = True
        elif whole:
            memory.write(self.emptied, Word(BOOL, FALSE))

    def exchange(self, memory: Memory, whole: bool, new: Term) -> Value | None:
        """The entry, or a part of it, is exchanged; what is found, or None if that is known.

        Where the entry was read before, what is found may be something else than what was read.
        """
        found = None
        if _state(memory, self.emptied) is not TRUE:
            self.replaced |= new.op != "const"
            if not whole or memory.cells[self.cell] is not self.initial:
                self.plain = True
            elif _state(memory, self.read) is not FALSE:
                found, self.raced = wrap(self.initial.type, FOUND), True
        empty = whole and new.op == "const"
        if empty:
            self.left.append(new)
        memory.write(self.emptied, Word(BOOL, TRUE if empty else FALSE))
        return found

    def is_atomic(self, entry: Term, written: Term, result: Term | None, abi: Abi) -> bool:
        """Whether nothing that a CPU records in the entry meanwhile is lost.

        Args:
            entry: the unknown that stands for the entry at first.
            written: what is left in it.
            result: what the helper yields.
            abi: how wide words are.
        """
        if self.plain:
            return False
        if result is joined(wrap(self.initial.type, FOUND) if self.raced else self.initial, abi):
            return True
        if self.replaced or not self.raced:
            return not self.replaced
        # a value read before the exchange must not stand for what the exchange found
        return all(term is not entry for term in terms.subterms([written] if result is None else [written, result]))


def _state(memory: Memory, cell: int) -> Term:
    """Whether what a cell tells is so."""
    state = memory.cells[cell]
    assert isinstance(state, Word)
    return state.term
