"""Runs the C subset on symbolic words: every path at once, merged by if-then-else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TypeVar

from checker import terms
from checker.terms import FALSE, TRUE, Term
from models.kernel import assembly, sparc
from models.kernel.architectures import Platform
from models.kernel.errors import MAX_DEPTH, MAX_STEPS, MAX_VARIABLES, Budget, Unsupported, fault
from models.kernel.expressions import Expressions
from models.kernel.kinds import BYTE_ORDERS, byte_ordered
from models.kernel.statements import BodyParser
from models.kernel.syntax import (
    Assembly,
    Assign,
    Block,
    Call,
    Declare,
    Evaluate,
    Expression,
    If,
    Name,
    Return,
    Statement,
)
from models.kernel.tokens import Token, printable
from models.kernel.unit import Function, Unit
from models.kernel.values import WIDTH, Opaque, Pointer, Type, Unset, Value, Void, choose, unset
from models.kernel.words import INT, ULONG, IntType, Word, convert, from_truth, number, signed

T = TypeVar("T")

INSTRUCTIONS: dict[str, Callable[[assembly.Instruction, assembly.Registers], None]] = {"sparc64": sparc.execute}
"""What runs one instruction, by the name of the instruction set."""

IDENTITIES = frozenset({"likely", "unlikely", "__builtin_expect", "READ_ONCE"})
"""Calls whose value is their first argument."""

NO_EFFECT = frozenset(
    "WARN WARN_ON WARN_ONCE WARN_ON_ONCE VM_WARN_ON VM_WARN_ONCE VM_WARN_ON_ONCE VM_BUG_ON VM_BUG_ON_PAGE BUILD_BUG_ON "
    "BUILD_BUG_ON_MSG static_assert _Static_assert pr_err pr_warn barrier".split()
)
"""Calls that leave every entry as it is; their arguments must not change anything either."""

TESTED = frozenset({"WARN", "WARN_ON", "WARN_ONCE", "WARN_ON_ONCE"})
"""Of these, the calls whose value is the truth of their first argument."""

PAGE_TO_PFN = frozenset({"page_to_pfn", "__page_to_pfn"})
PFN_TO_PAGE = frozenset({"pfn_to_page", "__pfn_to_page"})
"""The frame number of a page, under its name and under that of include/asm-generic/memory_model.h."""

BYTE_SWAPS = {
    **{f"cpu_to_{kind.strip('_')}": (f"u{kind[4:]}", kind) for kind in sorted(BYTE_ORDERS)},
    **{f"{kind.strip('_')}_to_cpu": (kind, f"u{kind[4:]}") for kind in sorted(BYTE_ORDERS)},
}
"""Calls between the CPU's order of bytes and a fixed one: the type that they take, and the one that they yield."""


@dataclass
class Frame:
    """The variables of one function call, and whether and with what it has returned."""

    variables: dict[str, Value]
    result_type: Type
    returned: Term = FALSE
    result: Value | None = None

    def copy(self) -> Frame:
        """A frame that can change on its own."""
        return Frame(dict(self.variables), self.result_type, self.returned, self.result)


@dataclass
class Interpreter(Expressions):
    """Evaluates helpers of one tree.

    Attributes:
        unit: the declarations.
        platform: the architecture's run-time values, and its features.
        used: assumptions made so far, as sentences.
    """

    unit: Unit
    platform: Platform
    used: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.unit)
        self.frame = Frame({}, Void())
        self._active: list[str] = []
        self._depth = 0
        self._budget = Budget(MAX_STEPS, f"the helpers take more than {MAX_STEPS} steps by here")

    def start(self, variables: dict[str, Value]) -> None:
        """A fresh frame."""
        self.frame = Frame(variables, Void())
        self._active, self._depth = [], 0

    def enter(self, token: Token) -> None:
        """One step, one level deeper.

        Raises:
            KernelError: too many, or too deep.
        """
        self._budget.spend(1, token)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise fault(token, f"calls and expressions nest deeper than the limit of {MAX_DEPTH}")

    def leave(self) -> None:
        """One level up."""
        self._depth -= 1

    def assume(self, sentence: str) -> None:
        """Notes an assumption that the present value rests on."""
        self.used[sentence] = None

    def fork(self, condition: Term, yes: Callable[[], T], no: Callable[[], T]) -> tuple[T, T]:
        """Runs two alternatives on the same variables and merges what they leave."""
        before = self.frame.copy()
        first = yes()
        after, self.frame = self.frame, before
        second = no()
        self.frame = _merge(condition, after, self.frame)
        return first, second

    def isolated(self, action: Callable[[], T]) -> T:
        """Runs something that must not see local variables."""
        outer, self.frame = self.frame, Frame({}, Void())
        found = action()
        self.frame = outer
        return found

    def variable(self, name: str) -> Value | None:
        """The value of a local variable or parameter."""
        return self.frame.variables.get(name)

    def store(self, name: str, value: Value) -> None:
        """Assigns to a local variable."""
        self.frame.variables[name] = value

    def block_value(self, block: Block) -> Value | None:
        """The value of GCC's ``({ ... })``: that of its last expression."""
        if not block.statements or not isinstance(block.statements[-1], Evaluate):
            self.run(block)
            return None
        outer = self._declared(block)
        for statement in block.statements[:-1]:
            self.run(statement)
        value = self.evaluate(block.statements[-1].value)
        self._restore(outer)
        return value

    def run(self, statement: Statement) -> None:
        """Executes a statement where the function has not returned yet."""
        if self.frame.returned is TRUE:
            return
        self.enter(statement.token)
        gone = self.frame.returned
        if gone is FALSE:
            self._run(statement)
        else:
            old = self.frame.copy()
            self.frame.returned = FALSE
            self._run(statement)
            old.returned = TRUE
            self.frame = _merge(gone, old, self.frame)
        self.leave()

    def _run(self, statement: Statement) -> None:
        if isinstance(statement, Block):
            self._run_block(statement)
        elif isinstance(statement, Declare):
            self._run_declare(statement)
        elif isinstance(statement, Evaluate):
            self._run_evaluate(statement)
        elif isinstance(statement, If):
            self._run_if(statement)
        elif isinstance(statement, Return):
            self._run_return(statement)
        elif isinstance(statement, Assembly):
            self._run_assembly(statement)
        else:
            raise Unsupported(statement.reason, statement.token)

    def _run_block(self, block: Block) -> None:
        outer = self._declared(block)
        for statement in block.statements:
            self.run(statement)
        self._restore(outer)

    def _declared(self, block: Block) -> dict[str, Value | None]:
        """What the names that a block declares stand for outside it."""
        return {s.name: self.variable(s.name) for s in block.statements if isinstance(s, Declare)}

    def _restore(self, outer: dict[str, Value | None]) -> None:
        for name, value in outer.items():
            if value is None:
                self.frame.variables.pop(name, None)
            else:
                self.frame.variables[name] = value

    def _run_declare(self, statement: Declare) -> None:
        kind = self.types.resolve(statement.type)
        if isinstance(kind, Void):
            raise Unsupported("a variable without a type", statement.token)
        if len(self.frame.variables) >= MAX_VARIABLES:
            raise fault(statement.token, f"a function has more than {MAX_VARIABLES} variables")
        value = unset(kind) if statement.value is None else self.converted(statement.value, kind)
        self.store(statement.name, value)

    def _run_evaluate(self, statement: Evaluate) -> None:
        value = statement.value
        if isinstance(value, Call) and value.token.text in NO_EFFECT | {"BUG_ON"}:
            self._without_effect(value)
        elif isinstance(value, Call) and value.token.text in ("BUG", "BUILD_BUG"):
            raise Unsupported(f"{value.token.text}() ends the helper without a value", value.token)
        else:
            self.discard(value)

    def _without_effect(self, call: Call) -> None:
        """A warning or build-time check: passed over, unless it assigns to something on the way."""
        if any(_assigns(argument) for argument in call.arguments):
            raise Unsupported(f"an assignment inside {call.token.text}()", call.token)
        if call.token.text == "BUG_ON":
            self.assume(f"BUG_ON() at {call.token.file}:{call.token.line} does not fire")

    def _run_if(self, statement: If) -> None:
        condition = self.condition(statement.test)
        if condition.op == "const":
            chosen = statement.then if condition.data else statement.otherwise
            if chosen is not None:
                self.run(chosen)
            return
        otherwise = statement.otherwise
        with self.at(statement.token):
            self.fork(condition, lambda: self.run(statement.then), lambda: self.run(otherwise) if otherwise else None)

    def _run_return(self, statement: Return) -> None:
        if statement.value is not None:
            kind = self.frame.result_type
            if isinstance(kind, Void):
                self.discard(statement.value)
            else:
                self.frame.result = self.converted(statement.value, kind)
        self.frame.returned = TRUE

    def _run_assembly(self, statement: Assembly) -> None:
        execute = INSTRUCTIONS.get(self.platform.assembly)
        if execute is None:
            raise Unsupported("inline assembly is not understood", statement.token)
        token = statement.token
        found = assembly.parsed(BodyParser(list(statement.inner), self.unit.is_type, token.file, token.line))
        lines = assembly.lines(found.template)
        self._budget.spend(len(lines), token)
        registers = assembly.Registers(self._operands(found))
        for instruction in assembly.program(lines, self.platform.patches, self.platform.chosen):
            execute(instruction, registers)
        for operand, register in zip(found.outputs, registers.operands, strict=False):
            self._give(operand, register.value)

    def _operands(self, statement: assembly.Statement) -> list[assembly.Register]:
        """The registers and constants of a statement of assembly before it runs."""
        found: list[assembly.Register] = []
        for operand in statement.outputs:
            if operand.constraint not in ("=r", "=&r"):
                raise Unsupported(f"the output {printable(operand.constraint)!r} is not understood", operand.token)
            found.append(assembly.Register(output=True, early=operand.constraint == "=&r"))
        for operand in statement.inputs:
            value = self.word(operand.value)
            if operand.constraint == "i" and value.term.op == "const":
                found.append(assembly.Register(constant=signed(value)))
            elif operand.constraint == "r" and value.type.bits == WIDTH:
                found.append(assembly.Register(value=value.term))
            elif _ties(operand.constraint, len(statement.outputs)) and value.type.bits == WIDTH:
                found.append(found[int(operand.constraint)])
                found[-1].value = value.term
            else:
                raise Unsupported(f"the input {printable(operand.constraint)!r} is not understood", operand.token)
        return found

    def _give(self, operand: assembly.Operand, value: Term | None) -> None:
        """Assigns an output of assembly; one that no instruction wrote leaves its variable without a value."""
        if value is None and isinstance(operand.value, Name) and self.variable(operand.value.token.text) is not None:
            self.store(operand.value.token.text, Unset(ULONG))
            return
        if value is None:
            raise Unsupported("an output that no instruction writes", operand.token)
        result = Token("word", "%", operand.token.file, operand.token.line, operand.token.seq)
        self.store(result.text, Word(ULONG, value))
        self.discard(Assign(operand.token, "", operand.value, Name(result)))
        self.frame.variables.pop(result.text)

    def call(self, node: Call) -> Value | None:
        """A call: a helper of the tree inlined, or something whose value is known."""
        name = node.token.text
        known = self._known_call(node, name)
        if known is not None:
            return known
        function = self.unit.functions.get(name)
        if function is None:
            raise Unsupported(self._why_not(name), node.token)
        return self._inline(node, function)

    def _why_not(self, name: str) -> str:
        place = self.unit.declared.get(name)
        if place is not None:
            return f"{printable(name)}() is declared in {place.file}:{place.line}, but its definition was not found"
        return f"{printable(name)}() is not known"

    def _known_call(self, node: Call, name: str) -> Value | None:
        """The value of a call that no tree has to define."""
        if name in IDENTITIES and node.arguments:
            return self.evaluate(node.arguments[0])
        if name in TESTED and node.arguments:
            return from_truth(self.condition(node.arguments[0]))
        given = self.platform.calls.get(name)
        if given is not None:
            self.assume(given.says)
            return number(given.value, INT if given.value < 1 << 31 else self.platform.abi.ulong)
        if name in self.platform.cpu_tests and len(node.arguments) == 1:
            return self._cpu_test(node.arguments[0], name)
        if name == "__builtin_ffs" and len(node.arguments) == 1:
            return self._first_set(node.arguments[0])
        if name in BYTE_SWAPS and len(node.arguments) == 1:
            taken, yielded = (self._byte_ordered(kind) for kind in BYTE_SWAPS[name])
            return Word(yielded, convert(self.word(node.arguments[0]), taken).term)
        if name in PAGE_TO_PFN | PFN_TO_PAGE and len(node.arguments) == 1:
            return self._frame(name, node.arguments[0])
        return None

    def _frame(self, name: str, argument: Expression) -> Value | None:
        """A page is known by its frame number."""
        value, ulong = self.evaluate(argument), self.platform.abi.ulong
        if name in PAGE_TO_PFN and isinstance(value, Opaque) and value.frame is not None:
            return Word(ulong, terms.extract(value.frame, ulong.bits - 1, 0))
        if name in PFN_TO_PAGE and isinstance(value, Word):
            return Opaque(Pointer("struct page"), terms.extend(convert(value, ulong).term, WIDTH))
        return None

    def _first_set(self, argument: Expression) -> Value:
        """The place of the lowest bit, counted from 1, of an ``int`` that is constant."""
        term = convert(self.word(argument), INT).term
        if term.op != "const":
            raise Unsupported("the lowest bit of a value that is not constant", argument.token)
        return number((term.data & -term.data).bit_length(), INT)

    def _byte_ordered(self, name: str) -> IntType:
        return byte_ordered(name, self.platform.abi) if name in BYTE_ORDERS else IntType(int(name[1:]), False)

    def _cpu_test(self, argument: Expression, name: str) -> Value:
        flag = argument.token.text
        if flag not in self.platform.cpu_features:
            raise Unsupported(f"{name}({printable(flag)}) depends on the processor", argument.token)
        truth_value = self.platform.cpu_features[flag] in self.platform.chosen
        self.assume(f"{name}({flag}) is taken as {'true' if truth_value else 'false'}")
        return number(int(truth_value), INT)

    def _inline(self, node: Call, function: Function) -> Value | None:
        name = node.token.text
        if name in self._active:
            raise Unsupported(f"{printable(name)}() calls itself", node.token)
        result_name, parameters = self.unit.signature(function)
        if len(parameters) != len(node.arguments):
            wrong = f"{printable(name)}() takes {len(parameters)} arguments, not {len(node.arguments)}"
            raise fault(node.token, wrong)
        arguments = {
            parameter.name: self.converted(argument, self.types.parameter(parameter.type))
            for parameter, argument in zip(parameters, node.arguments, strict=True)
        }
        caller, self.frame = self.frame, Frame(arguments, self.types.resolve(result_name))
        self._active.append(name)
        self.run(self.unit.block(function))
        self._active.pop()
        done, self.frame = self.frame, caller
        return self._result(done, function)

    def _result(self, frame: Frame, function: Function) -> Value | None:
        if isinstance(frame.result_type, Void):
            return None
        if frame.returned is not TRUE or frame.result is None:
            place = function.name
            raise Unsupported(f"{printable(place.text)}() may end without a value", place)
        return frame.result


def _ties(constraint: str, outputs: int) -> bool:
    """Whether an input has the register of an output, by its number."""
    return constraint.isdecimal() and len(constraint) < 3 and int(constraint) < outputs


def _assigns(node: object) -> bool:
    """Whether an expression holds an assignment anywhere."""
    if isinstance(node, Assign | Assembly):
        return True
    if isinstance(node, tuple):
        return any(_assigns(part) for part in node)
    return is_dataclass(node) and any(_assigns(getattr(node, part.name)) for part in fields(node))


def _merge(condition: Term, then: Frame, otherwise: Frame) -> Frame:
    """The frame after an ``if``: a branch that has returned leaves the variables to the other one."""
    returned = terms.choose(condition, then.returned, otherwise.returned)
    if then.returned is TRUE:
        variables = otherwise.variables
    elif otherwise.returned is TRUE:
        variables = then.variables
    else:
        names = [name for name in then.variables if name in otherwise.variables]
        variables = {name: choose(condition, then.variables[name], otherwise.variables[name]) for name in names}
    if then.result is None or otherwise.result is None:
        result = otherwise.result if then.result is None else then.result
    else:
        result = choose(condition, then.result, otherwise.result)
    return Frame(variables, then.result_type, returned, result)
