"""Variables and entries in memory: one cell for each, with a trail that takes a branch back."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.kernel.values import Value


@dataclass
class Memory:
    """What every cell holds.

    A cell is a number; numbers are never used twice, so that a pointer to a variable that is gone leads nowhere. While
    a branch is open, the trail keeps what each write replaced.

    Attributes:
        cells: cell -> its value.
        count: how many cells there have been.
    """

    cells: dict[int, Value] = field(default_factory=dict)
    count: int = 0
    _trail: list[tuple[int, Value | None]] = field(default_factory=list)
    _open: int = 0

    def new(self, value: Value) -> int:
        """A cell that holds a value."""
        self.count += 1
        self.write(self.count, value)
        return self.count

    def write(self, cell: int, value: Value | None) -> None:
        """Replaces what a cell holds; None for a variable that is gone."""
        if self._open:
            self._trail.append((cell, self.cells.get(cell)))
        if value is None:
            self.cells.pop(cell, None)
        else:
            self.cells[cell] = value

    def begin(self) -> int:
        """Opens a branch; the mark ends it."""
        self._open += 1
        return len(self._trail)

    def abandon(self, mark: int, depth: int) -> None:
        """Takes everything back since a mark, however many branches are still open inside it."""
        self._open = depth
        self.undo(mark)
        self.end()

    @property
    def depth(self) -> int:
        """How many branches are open."""
        return self._open

    def end(self) -> None:
        """Closes a branch; the trail stays as long as an outer one may be taken back."""
        self._open -= 1
        if not self._open:
            self._trail.clear()

    def before(self, mark: int) -> dict[int, Value | None]:
        """The cells that were written since a mark, with what they held there."""
        found: dict[int, Value | None] = {}
        for cell, value in self._trail[mark:]:
            found.setdefault(cell, value)
        return found

    def undo(self, mark: int) -> dict[int, Value | None]:
        """Takes everything back since a mark; the cells that were written, with what they held until now."""
        written = self.before(mark)
        after = {cell: self.cells.get(cell) for cell in written}
        for cell, value in written.items():
            self._put(cell, value)
        del self._trail[mark:]
        return after

    def _put(self, cell: int, value: Value | None) -> None:
        if value is None:
            self.cells.pop(cell, None)
        else:
            self.cells[cell] = value
