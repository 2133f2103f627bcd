"""What can be read and written: variables, entries behind a pointer, and their members.

A pointer leads to one cell that is known, or it is refused. There is no arithmetic on pointers and no guess about what
else may lie behind one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from models.kernel.architectures import Platform
from models.kernel.errors import Unsupported
from models.kernel.kinds import Types, array, is_array
from models.kernel.memory import Memory
from models.kernel.syntax import Element, Expression, Member, Name, Unary
from models.kernel.tokens import printable
from models.kernel.values import (
    Hop,
    Opaque,
    Pointer,
    Reference,
    Type,
    Value,
    Void,
    joined,
    member_type,
    width_of,
)
from models.kernel.views import inside, seen_as, with_inside
from models.kernel.watch import Watch
from models.kernel.words import Word

KNOWN_MEMBERS = {("struct vm_area_struct", "vm_mm"): "struct mm_struct"}
"""Members of things known only by name that are such things themselves."""


class Places(ABC):
    """Reads and writes cells; values of expressions are the evaluator's."""

    platform: Platform
    types: Types
    memory: Memory
    watch: Watch | None

    @abstractmethod
    def evaluate(self, node: Expression) -> Value:
        """An expression's value."""

    @abstractmethod
    def converted(self, node: Expression, kind: Type) -> Value:
        """An expression's value as a variable of a type takes it."""

    @abstractmethod
    def cell_of(self, name: str) -> int | None:
        """The cell of a local variable or parameter."""

    def points(self, name: str) -> bool:
        """Whether a local variable points to another one or to an entry."""
        cell = self.cell_of(name)
        return cell is not None and isinstance(self.memory.cells.get(cell), Reference)

    def place(self, node: Expression) -> Reference:
        """Where an expression stands.

        Raises:
            Unsupported: it stands nowhere, or somewhere that is not known.
        """
        if isinstance(node, Name):
            cell = self.cell_of(node.token.text)
            if cell is not None:
                return Reference(self.memory.cells[cell].type, cell)
        if isinstance(node, Unary) and node.op == "*":
            return self.pointed(node.operand)
        if isinstance(node, Element):
            return self.element_of(self._array(node), node)
        if isinstance(node, Member):
            return self._part(self.pointed(node.base) if node.arrow else self.place(node.base), node.name, node)
        raise Unsupported("an assignment to, or the address of, something that is no local variable", node.token)

    def pointed(self, node: Expression) -> Reference:
        """What a pointer leads to."""
        if isinstance(node, Name) and self.cell_of(node.token.text) is None:
            raise Unsupported(f"what {printable(node.token.text)} points to is not known: it reads memory", node.token)
        return self.target(self.evaluate(node), node)

    def target(self, value: Value, node: Expression) -> Reference:
        """What a pointer that is the value of an expression leads to."""
        if isinstance(value, Reference) and not isinstance(value.kind, Void):
            if value.cell not in self.memory.cells:
                raise Unsupported("a pointer to a variable that is gone", node.token)
            return value
        raise Unsupported("a pointer whose target is not known: it reads memory", node.token)

    def _array(self, node: Element) -> Reference:
        """The array, or the one entry behind a pointer, that an element is of."""
        if isinstance(node.base, Name) and self.cell_of(node.base.token.text) is None:
            raise Unsupported("an array element is not understood", node.token)
        if not isinstance(node.base, Name | Member | Element):
            return self.pointed(node.base)
        place = self.place(node.base)
        return place if is_array(place.kind) else self.target(self.load(place), node.base)

    def element_of(self, place: Reference, node: Element) -> Reference:
        """An element of an array, which is a member of it; behind a pointer to one entry, there is only the first."""
        index = self.index(node)
        if is_array(place.kind):
            return self._part(place, f"[{index}]", node)
        if index:
            raise Unsupported("an array element other than [0] is not understood", node.token)
        return place

    def index(self, node: Element) -> int:
        """The index of an element, which must be constant."""
        index = self.evaluate(node.index)
        if not isinstance(index, Word) or index.term.op != "const":
            raise Unsupported("an array element whose index is not known", node.token)
        return int(index.term.data)

    def _part(self, place: Reference, name: str, node: Expression) -> Reference:
        """A member of what stands at a place, which may be seen there as another type."""
        kind = member_type(place.kind, name)
        if kind is None:
            raise Unsupported(
                f"there is no {'element' if name.startswith('[') else 'member'} {printable(name)}", node.token
            )
        return Reference(kind, place.cell, (*self._path(place), name))

    def _path(self, place: Reference) -> tuple[Hop, ...]:
        """The path to what stands at a place as the type that it is seen as there.

        What is narrower than what stands there is the first part of it.
        """
        found = inside(self.memory.cells[place.cell], place.path, self.platform.abi).type
        if found == place.kind or isinstance(found, Pointer):
            return place.path
        parts, rest = divmod(width_of(found), width_of(place.kind))
        if parts > 1 and not rest:
            return (*place.path, array("", place.kind, parts), "[0]")
        return (*place.path, place.kind)

    def member_of_pointer(self, node: Member) -> Value:
        """``p->name``."""
        if not isinstance(node.base, Name) or self.cell_of(node.base.token.text) is not None:
            owner = self.evaluate(node.base)
            if isinstance(owner, Reference):
                return self.load(self._part(self.target(owner, node), node.name, node))
            to = KNOWN_MEMBERS.get((owner.type.to, node.name)) if isinstance(owner, Opaque) else None
            if to is not None:
                return Opaque(Pointer(to))
        raise Unsupported(f"->{printable(node.name)} reads memory", node.token)

    def load(self, place: Reference) -> Value:
        """What stands there, as the type that it is read as."""
        if self.watch is not None and place.cell == self.watch.cell:
            self.watch.loaded(self.memory)
        return self.content(place)

    def content(self, place: Reference) -> Value:
        """The same, without a look."""
        return inside(self.memory.cells[place.cell], self._path(place), self.platform.abi)

    def put(self, place: Reference, value: Value) -> None:
        """Replaces what stands there."""
        whole, abi = self.memory.cells[place.cell], self.platform.abi
        self.memory.write(place.cell, with_inside(whole, self._path(place), value, abi))

    def store(self, place: Reference, value: Value) -> None:
        """A plain store."""
        if self.watch is not None and place.cell == self.watch.cell:
            self.watch.stored(self.memory, self._is_whole(place))
        self.put(place, value)

    def exchange(self, place: Reference, value: Value) -> Value:
        """Replaces what stands there in one step and yields it."""
        old, abi = self.content(place), self.platform.abi
        if self.watch is not None and place.cell == self.watch.cell:
            found = self.watch.exchange(self.memory, self._is_whole(place), joined(value, abi))
            if found is not None:
                old = seen_as(found, place.kind, abi)
        self.put(place, value)
        return old

    def _is_whole(self, place: Reference) -> bool:
        return width_of(place.kind) == width_of(self.memory.cells[place.cell].type)
