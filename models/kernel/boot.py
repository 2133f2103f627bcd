"""A table that a function of the kernel fills when it boots: :func:`filled`.

Such a function does other things as well, most of which the interpreter does not know. What they are is of no interest
as long as they cannot change a local variable or the table:

- an assignment to a variable of the kernel is passed over, since the interpreter never reads one;
- a loop or switch that neither names the table nor calls anything is passed over, and every local variable that it
  names has no value from there on;
- anything else must be in the subset, or the table is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise

from models.kernel.errors import Unsupported
from models.kernel.interpreter import Frame, Interpreter
from models.kernel.syntax import (
    Assign,
    Block,
    Call,
    Declare,
    Element,
    Evaluate,
    Expression,
    If,
    Member,
    Name,
    Refused,
    Return,
    Statement,
)
from models.kernel.tokens import Token, printable
from models.kernel.unit import Function
from models.kernel.values import Type, Unset, Value, Void

_CONTROL = frozenset({"for", "while", "switch", "if", "sizeof"})

_MAX_CALLS = 20
"""How deep the functions that fill a table may call each other."""


@dataclass(frozen=True)
class Filled:
    """One entry of the table: its value, and where it was given."""

    value: Value
    token: Token


def filled(interpreter: Interpreter, function: str, table: str, kind: Type) -> dict[int, Filled]:
    """The entries that a function without parameters gives to a table of values of a type.

    Raises:
        KernelError: the function takes more steps than any real one.
        Unsupported: the function is not there, or does something that is not understood.
    """
    found = interpreter.unit.functions.get(function)
    if found is None:
        raise Unsupported(f"{function}() is not there to fill {table}")
    interpreter.start({})
    walk = _Walk(interpreter, table, kind, {}, [])
    walk.enter(found, {})
    return walk.entries


@dataclass
class _Walk:
    """The way through the functions that fill a table.

    Attributes:
        interpreter: runs what is in the subset.
        table: the table's name.
        kind: the type of its entries.
        entries: what it holds so far.
        active: the functions that are open.
    """

    interpreter: Interpreter
    table: str
    kind: Type
    entries: dict[int, Filled]
    active: list[str]

    def enter(self, function: Function, arguments: dict[str, Value]) -> None:
        """Runs a function."""
        name = function.name.text
        if name in self.active or len(self.active) >= _MAX_CALLS:
            raise Unsupported(f"{printable(name)}() calls itself, or calls nest too deep", function.name)
        self.active.append(name)
        frame = self.interpreter.frame
        self.interpreter.frame = Frame(arguments, Void())
        self._block(self.interpreter.unit.block(function))
        self.interpreter.frame = frame
        self.active.pop()

    def _block(self, block: Block) -> bool:
        """Runs a block; whether its function has returned."""
        return any(self._statement(statement) for statement in block.statements)

    def _statement(self, statement: Statement) -> bool:
        self.interpreter.enter(statement.token)
        returned = self._run(statement)
        self.interpreter.leave()
        return returned

    def _run(self, statement: Statement) -> bool:
        if isinstance(statement, Block):
            return self._block(statement)
        if isinstance(statement, If):
            return self._if(statement)
        if isinstance(statement, Return) and not _acts(statement.value):
            return True
        if isinstance(statement, Refused) and statement.inner:
            self._forget(statement)
        elif isinstance(statement, Evaluate) and isinstance(statement.value, Assign):
            self._assign(statement, statement.value)
        elif isinstance(statement, Declare) and self.interpreter.variable(statement.name) is not None:
            raise Unsupported(f"a second variable {printable(statement.name)} is not understood", statement.token)
        elif isinstance(statement, Evaluate) and isinstance(statement.value, Call):
            self._call(statement, statement.value)
        else:
            self.interpreter.run(statement)
        return False

    def _if(self, statement: If) -> bool:
        test = self.interpreter.condition(statement.test)
        if test.op != "const":
            raise Unsupported(f"what fills {self.table} depends on something unknown", statement.token)
        branch = statement.then if test.data else statement.otherwise
        return branch is not None and self._statement(branch)

    def _forget(self, loop: Refused) -> None:
        """Passes over a loop: the variables that it names have no value any more."""
        tokens = loop.inner
        calls = [a.text for a, b in pairwise(tokens) if a.kind == "word" and b.text == "("]
        if any(token.text in (self.table, "goto", "return") for token in tokens) or set(calls) - _CONTROL:
            raise Unsupported(loop.reason, loop.token)
        for token in tokens:
            value = self.interpreter.variable(token.text)
            if value is not None:
                self.interpreter.store(token.text, Unset(value.type))

    def _assign(self, statement: Evaluate, assign: Assign) -> None:
        root = _root(assign.target)
        if root is not None and self.interpreter.variable(root) is not None:
            self.interpreter.run(statement)
        elif root == self.table:
            self._fill(assign)
        elif root is None or _acts(assign.value) or _acts(assign.target):
            raise Unsupported("an assignment of this form is not understood", assign.token)

    def _fill(self, assign: Assign) -> None:
        target = assign.target
        if not isinstance(target, Element) or not isinstance(target.base, Name) or assign.op:
            raise Unsupported(f"{self.table} is changed in a way that is not understood", assign.token)
        index = self.interpreter.word(target.index)
        if index.term.op != "const":
            raise Unsupported(f"which entry of {self.table} is filled is not known", target.token)
        value = self.interpreter.converted(assign.value, self.kind)
        self.entries[int(index.term.data)] = Filled(value, target.base.token)

    def _call(self, statement: Evaluate, call: Call) -> None:
        function = self.interpreter.unit.functions.get(call.token.text)
        if function is None:
            self.interpreter.run(statement)
            return
        parameters = self.interpreter.unit.signature(function)[1]
        if len(parameters) != len(call.arguments):
            raise Unsupported(f"{printable(call.token.text)}() takes {len(parameters)} arguments", call.token)
        arguments = {
            parameter.name: self.interpreter.converted(argument, self.interpreter.types.resolve(parameter.type))
            for parameter, argument in zip(parameters, call.arguments, strict=True)
        }
        self.enter(function, arguments)


def _root(target: Expression) -> str | None:
    """The variable that an assignment changes a part of; None if it goes through a pointer."""
    while isinstance(target, Element) or (isinstance(target, Member) and not target.arrow):
        target = target.base
    return target.token.text if isinstance(target, Name) else None


def _acts(node: object) -> bool:
    """Whether evaluating an expression may do more than give a value."""
    if isinstance(node, Assign | Call | Block | Refused):
        return True
    if isinstance(node, tuple):
        return any(_acts(part) for part in node)
    return is_dataclass(node) and any(_acts(getattr(node, part.name)) for part in fields(node))
