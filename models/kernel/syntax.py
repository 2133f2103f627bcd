"""The syntax tree of the C subset that the lifter knows."""

from __future__ import annotations

from dataclasses import dataclass

from models.kernel.tokens import Token


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as written.

    Attributes:
        token: where it starts.
        words: ``("unsigned", "long")``, ``("pte_t",)``, ``("struct", "page")``.
        pointer: how many pointers lead to that.
        like: the expression of ``typeof(...)``.
    """

    token: Token
    words: tuple[str, ...]
    pointer: int = 0
    like: Expression | None = None

    def __str__(self) -> str:
        return " ".join(self.words) + " *" * bool(self.pointer) + "*" * (self.pointer - 1)


@dataclass(frozen=True, slots=True)
class Number:
    """An integer or character constant."""

    token: Token


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, enumerator or object."""

    token: Token


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x ~x !x +x *x &x``."""

    token: Token
    op: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands, ``&&`` and ``||`` and the comma included."""

    token: Token
    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Assign:
    """``target op= value``; ``op`` is empty for plain assignment."""

    token: Token
    op: str
    target: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class Step:
    """``++x --x``, or ``x++ x--`` with ``after``."""

    token: Token
    op: str
    target: Expression
    after: bool


@dataclass(frozen=True, slots=True)
class Conditional:
    """``test ? then : otherwise``; ``then`` is None in GCC's ``test ?: otherwise``."""

    token: Token
    test: Expression
    then: Expression | None
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A call by name."""

    token: Token
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """``base.name`` or, with ``arrow``, ``base->name``."""

    token: Token
    base: Expression
    name: str
    arrow: bool


@dataclass(frozen=True, slots=True)
class Element:
    """``base[index]``."""

    token: Token
    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """``(type) operand``."""

    token: Token
    type: TypeName
    operand: Expression


@dataclass(frozen=True, slots=True)
class Literal:
    """``(type) { .member = value }`` or an initialiser in braces; a member is "" when not named, dotted when nested."""

    token: Token
    type: TypeName | None
    items: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class BlockValue:
    """GCC's ``({ ...; value; })``."""

    token: Token
    block: Block


@dataclass(frozen=True, slots=True)
class SizeOf:
    """``sizeof(type)``, or of an expression, whose type then is ``typeof`` it."""

    token: Token
    type: TypeName


@dataclass(frozen=True, slots=True)
class Refused:
    """A construct that is C but not in the subset; harmless unless it is reached."""

    token: Token
    reason: str


Expression = (
    Number
    | Name
    | Unary
    | Binary
    | Assign
    | Step
    | Conditional
    | Call
    | Member
    | Element
    | Cast
    | Literal
    | BlockValue
    | SizeOf
    | Refused
)


@dataclass(frozen=True, slots=True)
class Declare:
    """A local variable."""

    token: Token
    type: TypeName
    name: str
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Evaluate:
    """An expression statement."""

    token: Token
    value: Expression


@dataclass(frozen=True, slots=True)
class If:
    """``if (test) then else otherwise``."""

    token: Token
    test: Expression
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True, slots=True)
class Return:
    """``return value``."""

    token: Token
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Block:
    """``{ ... }``."""

    token: Token
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Assembly:
    """A statement of inline assembly; its operands are read when it runs."""

    token: Token
    inner: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """``for``, ``while`` and ``do``.

    Attributes:
        token: where it starts.
        first: what precedes the first round.
        test: whether another round follows; None is always.
        step: what is evaluated between two rounds.
        body: one round.
        after: the first round does not ask for the test.
    """

    token: Token
    first: tuple[Statement, ...]
    test: Expression | None
    step: Expression | None
    body: Statement
    after: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """``break`` or ``continue``."""

    token: Token


@dataclass(frozen=True, slots=True)
class Switch:
    """``switch (test) { ... }``: labels, None for ``default``, with the statements that follow them."""

    token: Token
    test: Expression
    cases: tuple[tuple[tuple[Expression | None, ...], Block], ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """``goto label``."""

    token: Token
    label: str


@dataclass(frozen=True, slots=True)
class Label:
    """``label:``."""

    token: Token


Statement = Declare | Evaluate | If | Return | Block | Loop | Leave | Switch | Assembly | Jump | Label | Refused


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    type: TypeName
    name: str
