"""Statements of the C subset over symbolic words: every path at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from checker import terms
from checker.terms import FALSE, TRUE, Term
from models.kernel.errors import MAX_ROUNDS, MAX_VARIABLES, Unsupported, fault
from models.kernel.expressions import Expressions
from models.kernel.quiet import changes
from models.kernel.syntax import (
    Assembly,
    Block,
    Declare,
    Evaluate,
    Expression,
    If,
    Jump,
    Label,
    Leave,
    Loop,
    Refused,
    Return,
    Statement,
    Switch,
)
from models.kernel.tokens import printable
from models.kernel.unit import Unit
from models.kernel.values import Type, Unset, Value, Void, choose, unset
from models.kernel.words import Word, binary, promote, truth


@dataclass(frozen=True)
class Flow:
    """Whether, and with what, a function has returned, and whether its loop or the round of it is left."""

    returned: Term = FALSE
    broken: Term = FALSE
    continued: Term = FALSE
    result: Value | None = None

    @property
    def gone(self) -> Term:
        """Whether what follows is not reached."""
        return terms.connect("or", (self.returned, self.broken, self.continued))

    def surely_gone(self) -> Flow:
        """The flow where it is known that what follows is not reached."""
        if self.broken is FALSE and self.continued is FALSE:
            return replace(self, returned=TRUE)
        if self.returned is FALSE and self.continued is FALSE:
            return replace(self, broken=TRUE)
        return replace(self, continued=TRUE) if self.returned is FALSE and self.broken is FALSE else self


def merged(condition: Term, then: Flow, otherwise: Flow) -> Flow:
    """The flow after two alternatives."""
    if then.result is None or otherwise.result is None:
        result = otherwise.result if then.result is None else then.result
    else:
        result = choose(condition, then.result, otherwise.result)
    return Flow(
        terms.choose(condition, then.returned, otherwise.returned),
        terms.choose(condition, then.broken, otherwise.broken),
        terms.choose(condition, then.continued, otherwise.continued),
        result,
    )


@dataclass
class Frame:
    """One function call.

    Attributes:
        names: what its variables are called -> their cells.
        result_type: what it returns.
        first: its variables' cells start here; those before are its callers'.
        flow: how far it has come.
    """

    names: dict[str, int]
    result_type: Type
    first: int = 0
    flow: Flow = field(default_factory=Flow)


class Control(Expressions):
    """Executes statements; bookkeeping and calls are the interpreter's."""

    frame: Frame

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self._statements: dict[type, Callable[[Any], None]] = {
            Block: self._run_block, Declare: self._run_declare, Evaluate: self._run_evaluate, If: self._run_if,
            Return: self._run_return, Loop: self._run_loop, Leave: self._run_leave, Switch: self._run_switch,
            Assembly: self.run_assembly, Refused: self._run_refused, Jump: self._run_jump, Label: self._run_jump,
        }  # fmt: skip

    @abstractmethod
    def run_assembly(self, statement: Assembly) -> None:
        """A statement of inline assembly."""

    @abstractmethod
    def statement(self, node: Evaluate) -> None:
        """An expression statement."""

    @abstractmethod
    def is_quiet(self, node: Expression) -> bool:
        """Whether an expression leaves every entry as it is."""

    def run(self, statement: Statement) -> None:
        """Executes a statement where the function has not returned and its loop is not left."""
        gone = self.frame.flow.gone
        if gone is TRUE:
            return
        self.enter(statement.token)
        if gone is FALSE:
            self._statements[type(statement)](statement)
        else:
            self._unless(gone, lambda: self._statements[type(statement)](statement))
        self.leave()

    def _unless(self, gone: Term, action: Callable[[], None]) -> None:
        """Runs something on the paths that reach it."""
        flow = self.frame.flow

        def stay() -> None:
            self.frame.flow = flow.surely_gone()

        def go_on() -> None:
            self.frame.flow = replace(flow, returned=FALSE, broken=FALSE, continued=FALSE)
            action()

        self.fork(gone, stay, go_on)

    def block_value(self, block: Block) -> Value | None:
        """The value of GCC's ``({ ... })``: that of its last expression."""
        if not block.statements or not isinstance(block.statements[-1], Evaluate):
            self.run(block)
            return None
        outer = dict(self.frame.names)
        for statement in block.statements[:-1]:
            self.run(statement)
        value = self.discard(block.statements[-1].value)
        self.frame.names = outer
        return value

    def _run_block(self, block: Block) -> None:
        outer = dict(self.frame.names)
        for statement in block.statements:
            self.run(statement)
        self.frame.names = outer

    def _run_declare(self, statement: Declare) -> None:
        kind = self.types.resolve(statement.type)
        if isinstance(kind, Void):
            raise Unsupported("a variable without a type", statement.token)
        if len(self.frame.names) >= MAX_VARIABLES:
            raise fault(statement.token, f"a function has more than {MAX_VARIABLES} variables")
        value = unset(kind) if statement.value is None else self.initial(statement.value, kind)
        self.frame.names[statement.name] = self.memory.new(value)

    def initial(self, node: Expression, kind: Type) -> Value:
        """The first value of a variable; one that is not understood matters only where the variable is used."""
        value = self.attempt(lambda: self.converted(node, kind))
        if not isinstance(value, Unsupported):
            return value
        if changes(node, self.points):
            raise value
        return Unset(kind, value)

    def _run_evaluate(self, statement: Evaluate) -> None:
        self.statement(statement)

    def _run_if(self, statement: If) -> None:
        if self._is_idle(statement) and not changes(statement.test, self.points):
            return
        condition = self.condition(statement.test)
        otherwise = statement.otherwise
        if condition.op == "const":
            chosen = statement.then if condition.data else otherwise
            if chosen is not None:
                self.run(chosen)
            return
        with self.at(statement.token):
            self.fork(condition, lambda: self.run(statement.then), lambda: self.run(otherwise) if otherwise else None)

    def _is_idle(self, statement: Statement | None) -> bool:
        """Whether a statement leaves everything as it is, whatever a condition in it says."""
        if isinstance(statement, Block):
            return all(map(self._is_idle, statement.statements))
        if isinstance(statement, If):
            return self._is_idle(statement.then) and self._is_idle(statement.otherwise)
        return statement is None or (isinstance(statement, Evaluate) and self.is_quiet(statement.value))

    def _run_return(self, statement: Return) -> None:
        result = self.frame.flow.result
        if statement.value is not None:
            kind = self.frame.result_type
            if isinstance(kind, Void):
                self.discard(statement.value)
            else:
                result = self.converted(statement.value, kind)
        self.frame.flow = replace(self.frame.flow, returned=TRUE, result=result)

    def _run_refused(self, statement: Refused) -> None:
        raise Unsupported(statement.reason, statement.token)

    def _run_jump(self, statement: Jump | Label) -> None:
        raise Unsupported(f"a jump or label ({printable(statement.token.text)}) is not understood", statement.token)

    def _run_leave(self, statement: Leave) -> None:
        flow = self.frame.flow
        leaves = statement.token.text == "break"
        self.frame.flow = replace(flow, broken=TRUE) if leaves else replace(flow, continued=TRUE)

    def _run_loop(self, loop: Loop) -> None:
        """Round after round, as long as it is known whether another one follows; a round may be left on some paths."""
        outer = dict(self.frame.names)
        for statement in loop.first:
            self.run(statement)
        if loop.after or self._goes_on(loop):
            self._rounds(loop, 1)
        self.frame.flow = replace(self.frame.flow, broken=FALSE)
        self.frame.names = outer

    def _rounds(self, loop: Loop, count: int) -> None:
        while True:
            if count > MAX_ROUNDS:
                raise Unsupported(f"a loop of more than {MAX_ROUNDS} rounds is not understood", loop.token)
            self.run(loop.body)
            flow = self.frame.flow = replace(self.frame.flow, continued=FALSE)
            if flow.gone is not FALSE:
                break
            count += 1
            if not self._goes_on(loop, between=True):
                return
        if flow.gone is not TRUE:
            self.enter(loop.token)
            with self.at(loop.token):
                self._unless(flow.gone, lambda: self._rounds_after(loop, count + 1))
            self.leave()

    def _rounds_after(self, loop: Loop, count: int) -> None:
        if self._goes_on(loop, between=True):
            self._rounds(loop, count)

    def _goes_on(self, loop: Loop, between: bool = False) -> bool:
        """Whether a round follows."""
        if between and loop.step is not None:
            self.discard(loop.step)
        condition = TRUE if loop.test is None else self.condition(loop.test)
        if condition.op != "const":
            raise Unsupported("a loop whose end depends on an unknown is not understood", loop.token)
        return bool(condition.data)

    def _run_switch(self, switch: Switch) -> None:
        value = promote(self.word(switch.test))
        groups = [(self._matches(value, labels), block) for labels, block in switch.cases]
        other = terms.negate(terms.connect("or", (match for match, _ in groups)))
        defaults = [any(label is None for label in labels) for labels, _ in switch.cases]
        if sum(defaults) > 1:
            raise Unsupported("a switch with two defaults", switch.token)
        chosen = [
            (terms.connect("or", (match, other)) if default else match, block, block is not groups[-1][1])
            for (match, block), default in zip(groups, defaults, strict=True)
        ]
        with self.at(switch.token):
            self._case([case for case in chosen if case[0] is not FALSE])
        self.frame.flow = replace(self.frame.flow, broken=FALSE)

    def _matches(self, value: Word, labels: tuple[Expression | None, ...]) -> Term:
        found = []
        for label in labels:
            if label is not None:
                constant = self.word(label)
                if constant.term.op != "const":
                    raise Unsupported("a case that is no constant", label.token)
                found.append(truth(binary("==", value, constant).term))
        return terms.connect("or", found)

    def _case(self, cases: list[tuple[Term, Block, bool]]) -> None:
        """The first case that matches, or one of the others."""
        if not cases:
            return
        (match, block, followed), *others = cases
        if match is TRUE or not others:
            self._one_case(match, block, followed)
            return
        self.enter(block.token)
        self.fork(match, lambda: self._group(block, followed), lambda: self._case(others))
        self.leave()

    def _one_case(self, match: Term, block: Block, followed: bool) -> None:
        if match is TRUE:
            self._group(block, followed)
        else:
            self.fork(match, lambda: self._group(block, followed), lambda: None)

    def _group(self, block: Block, followed: bool) -> None:
        self.run(block)
        if followed and self.frame.flow.gone is not TRUE and not _ends(block):
            raise Unsupported("a switch whose case falls through to the next is not understood", block.token)


def _ends(statement: Statement | None) -> bool:
    """Whether a statement plainly leads nowhere but away."""
    if isinstance(statement, Block):
        return bool(statement.statements) and _ends(statement.statements[-1])
    if isinstance(statement, If):
        return _ends(statement.then) and _ends(statement.otherwise)
    return isinstance(statement, Leave | Return)
