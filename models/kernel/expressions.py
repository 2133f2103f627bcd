"""Values of C expressions over symbolic words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from checker import terms
from checker.terms import Term
from models.kernel.errors import Unsupported
from models.kernel.kinds import Types, is_array
from models.kernel.names import Names
from models.kernel.quiet import acts
from models.kernel.syntax import (
    Assign,
    Binary,
    BlockValue,
    Call,
    Cast,
    Conditional,
    Element,
    Expression,
    Literal,
    Member,
    Name,
    Number,
    Refused,
    SizeOf,
    Step,
    Unary,
)
from models.kernel.syntax import Block as BlockNode
from models.kernel.tokens import Token, printable
from models.kernel.unit import Unit
from models.kernel.values import (
    Address,
    Hop,
    Opaque,
    Pointer,
    Reference,
    Struct,
    StructType,
    Type,
    Union,
    UnionType,
    Unset,
    Value,
    Void,
    choose,
    member_of,
    member_type,
    unset,
    width_of,
    zero,
)
from models.kernel.views import with_inside
from models.kernel.words import (
    INT,
    IntType,
    Undefined,
    Word,
    binary,
    common,
    convert,
    from_truth,
    inverted,
    literal,
    negated,
    number,
    promote,
    truth,
)

T = TypeVar("T")


class Expressions(Names):
    """Evaluates expressions; variables, calls and bookkeeping are the interpreter's.

    Attributes:
        given: cell and path of what was assigned to -> where that was last.
    """

    given: dict[tuple[int, tuple[Hop, ...]], Token]

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self.types = Types(unit, self._type_of, self.platform.abi)
        self._rules: dict[type, Callable[[Any], Value | None]] = {
            Number: self._number, Name: self.name, Unary: self._unary, Binary: self._binary, Assign: self._assign,
            Step: self._step, Conditional: self._conditional, Call: self.call, Member: self._member,
            Element: self._element, Cast: self._cast, Literal: self._literal, BlockValue: self._block_value,
            SizeOf: self._size, Refused: self._refused,
        }  # fmt: skip

    @abstractmethod
    def enter(self, token: Token) -> None:
        """One step, one level deeper."""

    @abstractmethod
    def leave(self) -> None:
        """One level up."""

    @abstractmethod
    def call(self, node: Call) -> Value | None:
        """A call's value."""

    @abstractmethod
    def block_value(self, block: BlockNode) -> Value | None:
        """The value of GCC's ``({ ... })``."""

    @abstractmethod
    def fork(self, condition: Term, yes: Callable[[], T], no: Callable[[], T]) -> tuple[T, T]:
        """Two alternatives on the same variables."""

    @abstractmethod
    def attempt(self, action: Callable[[], T]) -> T | Unsupported:
        """Runs something, or takes it back and yields why it is not understood."""

    @abstractmethod
    def undone(self, action: Callable[[], T]) -> T:
        """Runs something and takes back what it has changed."""

    @contextmanager
    def at(self, token: Token) -> Iterator[None]:
        """Gives an undefined operation the place of a token."""
        try:
            yield
        except Undefined as error:
            raise Unsupported(str(error), token) from None

    def evaluate(self, node: Expression) -> Value:
        """An expression's value.

        Raises:
            Unsupported: it has none, or one that the lifter cannot know.
        """
        value = self.discard(node)
        if isinstance(value, Unset) and value.why is not None:
            raise value.why
        if value is None or isinstance(value, Unset):
            what = "a value that was never set" if value is not None else "no value where one is needed"
            raise Unsupported(what, node.token)
        return value

    def discard(self, node: Expression) -> Value | None:
        """An expression's value, which may be missing."""
        self.enter(node.token)
        try:
            value = self._rules[type(node)](node)
        except Undefined as error:
            raise Unsupported(str(error), node.token) from None
        self.leave()
        return value

    def word(self, node: Expression) -> Word:
        """An integer expression's value."""
        value = self.evaluate(node)
        if isinstance(value, Word):
            return value
        pointer = isinstance(value, Reference | Address | Opaque)
        raise Unsupported("arithmetic on a pointer" if pointer else "an integer is needed here", node.token)

    def condition(self, node: Expression) -> Term:
        """The C truth of an expression, as a Boolean term."""
        return truth(self.word(node).term)

    def converted(self, node: Expression, kind: Type) -> Value:
        """An expression's value as a variable of a type takes it."""
        if isinstance(node, Literal) and node.type is None:
            return self._filled(node, kind)
        if isinstance(kind, Pointer) and isinstance(node, Name) and self.cell_of(node.token.text) is not None:
            place = self.place(node)
            if is_array(place.kind):
                return self._first_of(place, kind, node)
        return self._fit(self.evaluate(node), kind, node.token)

    def _first_of(self, place: Reference, kind: Pointer, node: Name) -> Value:
        """An array where a pointer is wanted: it leads to the first element, and its index to the others."""
        assert isinstance(place.kind, StructType)
        if self.types.target(kind, node.token) != place.kind.members[0][1]:
            raise Unsupported("an array as a pointer to another type", node.token)
        return place

    def _fit(self, value: Value, kind: Type, token: Token) -> Value:
        if isinstance(value, Word) and isinstance(kind, IntType):
            return convert(value, kind)
        if isinstance(kind, Pointer) and not isinstance(value, Unset | Struct | Union):
            return self._as_pointer(value, kind, token)
        if isinstance(value, Address) and isinstance(kind, IntType):
            return convert(value.word, kind)
        if value.type == kind:
            return value
        if isinstance(value, Reference):
            raise Unsupported("the address of a variable or entry is not known", token)
        raise Unsupported("a value of another type is needed here", token)

    def _as_pointer(self, value: Value, kind: Pointer, token: Token) -> Value:
        """A pointer of another type, or an integer made one."""
        if isinstance(value, Word):
            return Address(kind, convert(value, self.platform.abi.ulong))
        if isinstance(value, Address):
            return Address(kind, value.word)
        if isinstance(value, Reference):
            target = self.types.target(kind, token)
            return value if isinstance(target, Void) else Reference(target, value.cell, value.path)
        return value

    def _type_of(self, node: Expression) -> Type:
        """The type of an expression that is not evaluated."""
        value = self.undone(lambda: self.discard(node))
        return value.type if value is not None else Void()

    def _number(self, node: Number) -> Value:
        value, kind = literal(node.token, self.platform.abi)
        return number(value, kind)

    def _unary(self, node: Unary) -> Value:
        if node.op == "*":
            return self.load(self.pointed(node.operand))
        if node.op == "&":
            return self.place(node.operand)
        value = self.word(node.operand)
        if node.op == "!":
            return from_truth(terms.negate(truth(value.term)))
        return {"-": negated, "~": inverted, "+": promote}[node.op](value)

    def _binary(self, node: Binary) -> Value | None:
        if node.op == ",":
            self.discard(node.left)
            return self.discard(node.right)
        if node.op in ("&&", "||"):
            return self._logical(node)
        if node.op == "&":
            absent = self._absent_flag(node)
            if absent is not None:
                return absent
        if node.op == "-" and isinstance(node.right, Name) and node.right.token.text == "mem_map":
            return self._page_index(node)
        return binary(node.op, self.word(node.left), self.word(node.right))

    def _logical(self, node: Binary) -> Value:
        left = self.condition(node.left)
        if left.op == "const" and left.data == (node.op == "||"):
            return from_truth(left)
        reached = left if node.op == "&&" else terms.negate(left)
        if reached.op == "const":
            return from_truth(self.condition(node.right))
        right, _ = self.fork(reached, lambda: self.condition(node.right), lambda: None)
        assert right is not None
        return from_truth(terms.connect("and" if node.op == "&&" else "or", (left, right)))

    def _absent_flag(self, node: Binary) -> Value | None:
        """``vma->vm_flags & FLAG`` for a flag that is taken as clear."""
        for flags, flag in ((node.left, node.right), (node.right, node.left)):
            if isinstance(flags, Member) and flags.arrow and flags.name == "vm_flags" and isinstance(flag, Name):
                owner = self.evaluate(flags.base)
                if isinstance(owner, Opaque) and flag.token.text in self.platform.clear_vm_flags:
                    self.assume(f"vma->vm_flags has no {flag.token.text}")
                    return number(0, self.platform.abi.ulong)
        return None

    def _page_index(self, node: Binary) -> Value:
        """``page - mem_map``: how far a page is from the first one (include/asm-generic/memory_model.h, FLATMEM)."""
        page, place = self.evaluate(node.left), node.right.token
        if not isinstance(page, Opaque) or page.frame is None:
            raise Unsupported("mem_map is subtracted from something that is no page", node.token)
        abi = self.platform.abi
        number_of_page = Word(abi.long, terms.extract(page.frame, abi.bits - 1, 0))
        first = self._unit.expression(
            [Token("word", "ARCH_PFN_OFFSET", place.file, place.line, place.seq)], node.right.token
        )
        if isinstance(first, Name):
            return number_of_page
        return convert(binary("-", number_of_page, self.word(first)), abi.long)

    def _conditional(self, node: Conditional) -> Value | None:
        if node.then is None:
            first = self.word(node.test)
            condition: Term = truth(first.term)
            then, otherwise = self.fork(condition, lambda: first, lambda: self.discard(node.otherwise))
            return self._chosen(condition, then, otherwise)
        condition = self.condition(node.test)
        second = node.then
        then_value, otherwise = self.fork(condition, lambda: self.discard(second), lambda: self.discard(node.otherwise))
        return self._chosen(condition, then_value, otherwise)

    def _chosen(self, condition: Term, then: Value | None, otherwise: Value | None) -> Value | None:
        if isinstance(then, Word) and isinstance(otherwise, Word):
            left, right = promote(then), promote(otherwise)
            kind = common(left.type, right.type)
            return choose(condition, convert(left, kind), convert(right, kind))
        if then is None or otherwise is None:
            return None
        return choose(condition, then, otherwise)

    def _member(self, node: Member) -> Value:
        if node.arrow:
            return self.member_of_pointer(node)
        member = member_of(self.evaluate(node.base), node.name)
        if member is None:
            raise Unsupported(f"there is no member {printable(node.name)}", node.token)
        return member

    def _element(self, node: Element) -> Value:
        """An element of an array, of a constant table, or behind a pointer."""
        if isinstance(node.base, Name) and self.cell_of(node.base.token.text) is None:
            return self.entry(node.base.token.text, node)
        array = self.evaluate(node.base)
        if not isinstance(array, Struct):
            return self.load(self.element_of(self.target(array, node.base), node))
        element = member_of(array, f"[{self.index(node)}]")
        if element is None:
            raise Unsupported("an array element is not understood", node.token)
        return element

    def _cast(self, node: Cast) -> Value | None:
        kind = self.types.resolve(node.type)
        if isinstance(kind, Void):
            self.discard(node.operand)
            return None
        return self._fit(self.evaluate(node.operand), kind, node.token)

    def _literal(self, node: Literal) -> Value:
        if node.type is None:
            raise Unsupported("a list of values is not understood here", node.token)
        return self._filled(node, self.types.resolve(node.type))

    def _filled(self, node: Literal, kind: Type) -> Value:
        """An object of a type with some members given and the rest zero."""
        if isinstance(kind, IntType) and len(node.items) == 1 and not node.items[0][0]:
            return self.converted(node.items[0][1], kind)
        if isinstance(kind, UnionType):
            return self._filled_union(node, kind)
        if not isinstance(kind, StructType):
            raise Unsupported("a list of values for this type is not understood", node.token)
        value, abi = zero(kind), self.platform.abi
        order = [name for name, _ in kind.members]
        place = 0
        for name, item in node.items:
            path = name.split(".") if name else order[place : place + 1]
            if not path or path[0] not in order:
                raise Unsupported(f"there is no member for this value ({printable(name)})", node.token)
            value = with_inside(value, path, self.converted(item, self._type_at(kind, path, node.token)), abi)
            place = order.index(path[0]) + 1
        return value

    def _type_at(self, kind: Type, path: list[str], token: Token) -> Type:
        """The type of the member that a designator names."""
        for name in path:
            member = member_type(kind, name)
            if member is None:
                raise Unsupported(f"there is no member {printable(name)}", token)
            kind = member
        return kind

    def _filled_union(self, node: Literal, kind: UnionType) -> Value:
        """A union with all its bits given by one member; without a name, the first."""
        view = kind.view(node.items[0][0]) if node.items and node.items[0][0] else kind.views[0]
        if len(node.items) != 1 or view is None or width_of(view.type) != kind.bits:
            raise Unsupported("a list of values for this union is not understood", node.token)
        return with_inside(unset(kind), [view.name], self.converted(node.items[0][1], view.type), self.platform.abi)

    def _block_value(self, node: BlockValue) -> Value | None:
        return self.block_value(node.block)

    def _size(self, node: SizeOf) -> Value:
        kind = self.types.resolve(node.type)
        if isinstance(kind, Pointer):
            return number(self.platform.abi.bits // 8, self.platform.abi.ulong)
        while isinstance(kind, StructType) and len(kind.members) == 1:
            kind = kind.members[0][1]
        if isinstance(kind, IntType | UnionType):
            return number(max(kind.bits // 8, 1), self.platform.abi.ulong)
        raise Unsupported("the size of this type is not understood", node.token)

    def _refused(self, node: Refused) -> Value:
        raise Unsupported(node.reason, node.token)

    def _assign(self, node: Assign) -> Value | None:
        if self.is_the_kernels(node.target):
            self._pass_over(node, node.value)
            return None
        place = self.place(node.target)
        if node.op:
            new = self._fit(binary(node.op, self.word(node.target), self.word(node.value)), place.kind, node.token)
        else:
            new = self.converted(node.value, place.kind)
        self.store(place, new)
        self.given[place.cell, place.path] = node.target.token
        return new

    def _pass_over(self, node: Assign | Step, value: Expression | None) -> None:
        if acts(node.target) or acts(value):
            raise Unsupported("an assignment to a variable of the kernel of this form is not understood", node.token)

    def _step(self, node: Step) -> Value | None:
        if self.is_the_kernels(node.target):
            self._pass_over(node, None)
            return None
        place = self.place(node.target)
        pointer = self.content(place)
        if isinstance(pointer, Reference) or (isinstance(pointer, Unset) and isinstance(place.kind, Pointer)):
            # where it leads then is not known, and matters only if it is followed
            self.store(place, Unset(place.kind, Unsupported("arithmetic on a pointer", node.token)))
            return pointer if node.after else None
        old = self.word(node.target)
        new = self._fit(binary(node.op, old, number(1, INT)), place.kind, node.token)
        self.store(place, new)
        return old if node.after else new
