"""Runs the C subset on symbolic words: every path at once, merged by if-then-else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from checker import terms
from checker.terms import TRUE, Term
from models.kernel import assembly, atomics, sparc
from models.kernel.architectures import Platform
from models.kernel.control import Control, Flow, Frame, merged
from models.kernel.errors import MAX_DEPTH, MAX_STEPS, Budget, Bug, Unsupported, fault
from models.kernel.kinds import BYTE_ORDERS, byte_ordered
from models.kernel.memory import Memory
from models.kernel.quiet import QUIET, TESTED, acts, changes
from models.kernel.statements import BodyParser
from models.kernel.syntax import Assembly, Assign, Call, Evaluate, Expression, Step
from models.kernel.tokens import Token, printable
from models.kernel.unit import Function, Unit
from models.kernel.values import WIDTH, Hop, Opaque, Pointer, Reference, Value, Void, choose
from models.kernel.watch import Watch
from models.kernel.words import INT, IntType, Undefined, Word, convert, from_truth, number

T = TypeVar("T")

INSTRUCTIONS: dict[str, assembly.Execute] = {"sparc64": sparc.execute}
"""What carries out one instruction, by the name of the instruction set."""

IDENTITIES = frozenset({"likely", "unlikely", "__builtin_expect", "READ_ONCE"})
"""Calls whose value is their first argument."""

PAGE_TO_PFN = frozenset({"page_to_pfn", "__page_to_pfn"})
PFN_TO_PAGE = frozenset({"pfn_to_page", "__pfn_to_page"})
"""The frame number of a page, under its name and under that of include/asm-generic/memory_model.h."""

BYTE_SWAPS = {
    **{f"cpu_to_{kind.strip('_')}": (f"u{kind[4:]}", kind) for kind in sorted(BYTE_ORDERS)},
    **{f"{kind.strip('_')}_to_cpu": (kind, f"u{kind[4:]}") for kind in sorted(BYTE_ORDERS)},
}
"""Calls between the CPU's order of bytes and a fixed one: the type that they take, and the one that they yield."""


@dataclass
class Interpreter(Control):
    """Evaluates helpers of one tree.

    Attributes:
        unit: the declarations.
        platform: the architecture's run-time values, and its features.
        used: assumptions made so far, as sentences.
        memory: what the variables and entries hold.
        watch: the entry that a helper is lifted for, if it is one that works on an entry in memory.
        replaced: functions that the platform puts into C, with the assumption.
        shared: the kernel's variables that every function sees -> their cells.
        given: cell and path of what was assigned to -> where that was last.
    """

    unit: Unit
    platform: Platform
    used: dict[str, None] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    watch: Watch | None = None
    replaced: dict[str, str] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    given: dict[tuple[int, tuple[Hop, ...]], Token] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.unit)
        self.frame = Frame({}, Void())
        self._active: list[str] = []
        self._depth = self._branches = 0
        self._budget = Budget(MAX_STEPS, f"the helpers take more than {MAX_STEPS} steps by here")

    def start(
        self,
        variables: Mapping[str, Value],
        entries: Mapping[str, Value] | None = None,
        shared: Mapping[str, Value] | None = None,
    ) -> None:
        """A fresh frame with these variables.

        Args:
            variables: name -> value.
            entries: name -> the entry that a variable of this name points to; the first is watched.
            shared: the kernel's variables that every function sees, name -> value.
        """
        self.memory, self.watch, self.given = Memory(), None, {}
        self.shared = {name: self.memory.new(value) for name, value in (shared or {}).items()}
        known = dict(variables)
        for name, value in (entries or {}).items():
            cell = self.memory.new(value)
            self.watch = self.watch or Watch.of(cell, self.memory)
            known[name] = Reference(value.type, cell)
        self.frame = Frame({name: self.memory.new(value) for name, value in known.items()}, Void())
        self._active, self._depth, self._branches = [], 0, 0

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
        memory, before = self.memory, self.frame.flow
        mark = memory.begin()
        self._branches += 1
        first = yes()
        then, written = self.frame.flow, memory.undo(mark)
        self.frame.flow = before
        second = no()
        otherwise = self.frame.flow
        for cell, old in memory.before(mark).items():
            written.setdefault(cell, old)
        for cell, value in written.items():
            memory.write(cell, self._merged(condition, cell, (then, value), (otherwise, memory.cells.get(cell))))
        self.frame.flow = merged(condition, then, otherwise)
        memory.end()
        self._branches -= 1
        return first, second

    def _merged(
        self, condition: Term, cell: int, then: tuple[Flow, Value | None], otherwise: tuple[Flow, Value | None]
    ) -> Value | None:
        """What a cell holds after two alternatives: one that has returned leaves the function's variables to the other."""
        local = cell >= self.frame.first
        first, second = then[1], otherwise[1]
        if first is None or (local and then[0].returned is TRUE):
            return second if second is not None else first
        if second is None or (local and otherwise[0].returned is TRUE):
            return first
        return choose(condition, first, second)

    def undone(self, action: Callable[[], T]) -> T:
        """Runs something and takes back what it has changed."""
        flow, watch = self.frame.flow, replace(self.watch) if self.watch else None
        mark = self.memory.begin()
        found = action()
        self.memory.undo(mark)
        self.memory.end()
        self.frame.flow, self.watch = flow, watch
        return found

    def attempt(self, action: Callable[[], T]) -> T | Unsupported:
        """Runs something, or takes it back and yields why it is not understood."""
        frame, names, flow = self.frame, dict(self.frame.names), self.frame.flow
        watch, active = replace(self.watch) if self.watch else None, list(self._active)
        depth, branches, mark, opened = self._depth, self._branches, self.memory.begin(), self.memory.depth
        try:
            found = action()
        except Bug:
            raise
        except (Unsupported, Undefined) as error:
            self.memory.abandon(mark, opened)
            self.frame, frame.names, frame.flow = frame, names, flow
            self.watch, self._active, self._depth, self._branches = watch, active, depth, branches
            return error if isinstance(error, Unsupported) else Unsupported(str(error))
        self.memory.end()
        return found

    def isolated(self, action: Callable[[], T]) -> T:
        """Runs something that must not see local variables."""
        outer, self.frame = self.frame, Frame({}, Void(), self.memory.count + 1)
        found = action()
        self.frame = outer
        return found

    def cell_of(self, name: str) -> int | None:
        """The cell of a local variable or parameter, or of a variable that every function sees."""
        return self.frame.names.get(name, self.shared.get(name))

    def run_assembly(self, statement: Assembly) -> None:
        """Inline assembly."""
        execute = INSTRUCTIONS.get(self.platform.assembly)
        if execute is None:
            raise Unsupported("inline assembly is not understood", statement.token)
        token = statement.token
        parser = BodyParser(list(statement.inner), self.unit.is_type, token.file, token.line)
        assembly.run(self, assembly.parsed(parser), execute)

    def statement(self, node: Evaluate) -> None:
        """An expression statement."""
        value = node.value
        if isinstance(value, Call) and value.token.text in TESTED:
            self._quiet(value)
        else:
            self.discard(value)

    def call(self, node: Call) -> Value | None:
        """A call: a helper of the tree inlined, or something whose value is known."""
        name = node.token.text
        known = self._known_call(node, name)
        if known is not None:
            return known
        if self.is_quiet(node) or name == "BUG_ON":
            self._quiet(node)
            return None
        if name in ("BUG", "BUILD_BUG"):
            raise Bug(f"{name}() ends the helper without a value", node.token, always=not self._branches)
        function = self.unit.functions.get(name)
        if function is not None:
            return self._inline(node, function)
        if name in atomics.OPERATIONS:
            return atomics.operate(self, node)
        if name == "WRITE_ONCE" and len(node.arguments) == 2:
            place = self.place(node.arguments[0])
            self.store(place, self.converted(node.arguments[1], place.kind))
            return None
        raise Unsupported(self._why_not(name), node.token)

    def is_quiet(self, node: Expression) -> bool:
        """Whether an expression leaves every entry as it is: a call that is known to, or a change of something else."""
        if isinstance(node, Step | Assign):
            value = node.value if isinstance(node, Assign) else None
            return self.is_the_kernels(node.target) and not (acts(node.target) or acts(value))
        name = node.token.text
        return isinstance(node, Call) and (name in QUIET or name in self.platform.quiet)

    def _quiet(self, call: Call) -> None:
        """A call that leaves every entry alone: passed over, unless it assigns to something on the way."""
        if any(changes(argument, self.points) for argument in call.arguments):
            raise Unsupported(f"an assignment inside {printable(call.token.text)}()", call.token)
        if call.token.text == "BUG_ON":
            self.assume(f"BUG_ON() at {call.token.file}:{call.token.line} does not fire")

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
        if name in self.replaced:
            self.assume(self.replaced[name])
        if name in self._active:
            raise Unsupported(f"{printable(name)}() calls itself", node.token)
        result_name, parameters = self.unit.signature(function)
        if len(parameters) != len(node.arguments):
            wrong = f"{printable(name)}() takes {len(parameters)} arguments, not {len(node.arguments)}"
            raise fault(node.token, wrong)
        arguments = [
            (parameter.name, self.initial(argument, self.types.parameter(parameter.type)))
            for parameter, argument in zip(parameters, node.arguments, strict=True)
        ]
        first = self.memory.count + 1
        names = {name: self.memory.new(value) for name, value in arguments}
        caller, self.frame = self.frame, Frame(names, self.types.resolve(result_name), first)
        self._active.append(name)
        self.run(self.unit.block(function))
        self._active.pop()
        done, self.frame = self.frame, caller
        for cell in range(first, self.memory.count + 1):
            if cell in self.memory.cells:
                self.memory.write(cell, None)
        return self._result(done, function)

    def _result(self, frame: Frame, function: Function) -> Value | None:
        if isinstance(frame.result_type, Void):
            return None
        if frame.flow.returned is not TRUE or frame.flow.result is None:
            place = function.name
            raise Unsupported(f"{printable(place.text)}() may end without a value", place)
        return frame.flow.result
