"""What names stand for: variables, enumerators, constant objects and tables, values taken as given."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from models.kernel.architectures import MM_CONSTANTS, VM_FLAGS
from models.kernel.errors import Unsupported
from models.kernel.places import Places
from models.kernel.syntax import Element, Expression, Member, Name
from models.kernel.tables import entries, indices
from models.kernel.tokens import Token, printable
from models.kernel.unit import Unit
from models.kernel.values import Opaque, Value
from models.kernel.words import INT, ULONG, Word, binary, convert, number

T = TypeVar("T")


class Names(Places):
    """Looks names up; values of expressions and bookkeeping are the evaluator's."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._enumerators: dict[str, Word] = {}
        self._constants_open: set[str] = set()

    @abstractmethod
    def assume(self, sentence: str) -> None:
        """Notes an assumption."""

    @abstractmethod
    def isolated(self, action: Callable[[], T]) -> T:
        """Runs something that must not see local variables."""

    @abstractmethod
    def word(self, node: Expression) -> Word:
        """An integer expression's value."""

    def name(self, node: Name) -> Value:
        """What a name stands for."""
        name = node.token.text
        cell = self.cell_of(name)
        if cell is not None:
            return self.memory.cells[cell]
        if name in MM_CONSTANTS:
            return number(MM_CONSTANTS[name], INT)
        if name in VM_FLAGS:
            return number(VM_FLAGS[name], self.platform.abi.ulong)
        if name in ("true", "false"):
            return number(int(name == "true"), INT)
        if name in self._unit.enums:
            return self._enumerator(name)
        runtime = self.platform.runtime.get(name)
        if runtime is not None:
            self.assume(runtime.says)
            ulong = self.platform.abi.ulong
            return number(runtime.value, ulong if runtime.value < 1 << ulong.bits else ULONG)
        if name in self._unit.constants:
            return self._constant_object(name, node.token)
        if name in self._unit.objects:
            raise Unsupported(f"{printable(name)} is a variable whose value is only known at run time", node.token)
        raise Unsupported(f"{printable(name)} is not known", node.token)

    def _constant_object(self, name: str, token: Token) -> Value:
        """A ``static const`` object with its initialiser, which must not depend on anything but constants."""
        if name in self._constants_open:
            raise Unsupported(f"{printable(name)} is defined by itself", token)
        tokens = self._unit.objects[name]
        kind = self.types.resolve(self._unit.type_name(self._unit.constants[name], token))
        self._constants_open.add(name)
        try:
            return self.isolated(lambda: self.converted(self._unit.expression(tokens, token), kind))
        finally:
            self._constants_open.remove(name)

    def _enumerator(self, name: str) -> Word:
        """The value of an enumerator: its own, or one more than that of the one before it."""
        value = number(-1, INT)
        for entry, tokens in self._unit.enums[name]:
            if name in self._enumerators:
                break
            if entry in self._enumerators:
                value = self._enumerators[entry]
            elif tokens:
                value = convert(self.isolated(partial(self.word, self._unit.expression(tokens, tokens[0]))), INT)
            else:
                value = binary("+", value, number(1, INT))
            self._enumerators[entry] = value
        return self._enumerators[name]

    def entry(self, name: str, node: Element) -> Value:
        """An entry of a constant table."""
        tokens = self._unit.objects.get(name)
        if not tokens or tokens[0].text != "{":
            raise Unsupported("an array element is not understood", node.token)
        index = self.index(node)
        for place, where, value in entries(tokens[1:-1]):
            if index in indices(where, self._integer, index + 1):
                return self.isolated(partial(self.evaluate, self._unit.expression(value, place)))
        raise Unsupported(f"{printable(name)} has no entry of this index", node.token)

    def _integer(self, tokens: list[Token]) -> int:
        """A constant of a table."""
        found = self.isolated(lambda: self.word(self._unit.expression(tokens, tokens[0])))
        if found.term.op != "const":
            raise Unsupported("an index that is not constant", tokens[0])
        return int(found.term.data)

    def is_the_kernels(self, target: Expression) -> bool:
        """Whether a target is a variable of the kernel, or in a structure that is known by name: nothing here reads it."""
        while isinstance(target, Element) or (isinstance(target, Member) and not target.arrow):
            target = target.base
        if isinstance(target, Member):
            return self._is_known_by_name(target.base)
        name = target.token.text if isinstance(target, Name) else ""
        tokens = self._unit.objects.get(name)
        read = name in self._unit.constants or (tokens and tokens[0].text == "{")
        return tokens is not None and not read and self.cell_of(name) is None

    def _is_known_by_name(self, node: Expression) -> bool:
        """Whether a pointer leads to a structure of the kernel that holds no entries."""
        if isinstance(node, Member):
            return node.arrow and self._is_known_by_name(node.base)
        cell = self.cell_of(node.token.text) if isinstance(node, Name) else None
        return cell is not None and isinstance(self.memory.cells[cell], Opaque)
