"""GCC's inline assembly: operands, the template, and instructions that the kernel replaces when it boots.

What an instruction does is the business of an instruction set (:mod:`models.kernel.sparc`). Everything is refused that
is not written here: another constraint, another directive, a label that is no number, a section whose use is not known.

The compiler is free to put an output in the register of an input that it does not tie to it, unless the output is
marked as written early (``=&``). Assembly that reads an input after it wrote such an output has no one meaning, so it is
refused; so are a write to an input and a read of an output that was not written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.terms import Term
from models.kernel.architectures import Patch
from models.kernel.errors import Unsupported
from models.kernel.expressions import Expressions
from models.kernel.statements import BodyParser
from models.kernel.syntax import Expression
from models.kernel.tokens import Token, printable
from models.kernel.values import WIDTH, Unset
from models.kernel.words import ULONG, Word, signed

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_LABEL = re.compile(r"(\d+):")
_SECTION = re.compile(r'\.section\s+(\.[\w.]+)\s*,\s*"ax"')
_WORD = re.compile(r"\.word\s+(\d+)b")


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand as written: ``"=r" (value)``."""

    token: Token
    constraint: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Statement:
    """The parts of a statement of assembly; what it says it overwrites besides is of no interest here."""

    template: tuple[Token, ...]
    outputs: tuple[Operand, ...]
    inputs: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction as written, operands not replaced."""

    text: str
    token: Token


@dataclass
class _Entry:
    """An entry of a section of replacements: which instruction is the first one replaced, and by what."""

    section: str
    at: int
    token: Token
    instructions: list[Instruction] = field(default_factory=list)


def parsed(parser: BodyParser) -> Statement:
    """The operands of a statement, parentheses not included.

    Raises:
        KernelError: a syntax error.
        Unsupported: operands of a form that is not known.
    """
    template = _strings(parser)
    outputs = _operands(parser) if parser.accept(":") else ()
    inputs = _operands(parser) if parser.accept(":") else ()
    if parser.accept(":"):
        while _strings(parser) and parser.accept(","):
            pass
    token = parser.peek()
    if token.kind != "end":
        raise Unsupported(f"{printable(token.text)!r} in inline assembly is not understood", token)
    return Statement(tuple(template), outputs, inputs)


def _strings(parser: BodyParser) -> list[Token]:
    found: list[Token] = []
    while parser.peek().kind == "string":
        found.append(parser.take())
    return found


def _operands(parser: BodyParser) -> tuple[Operand, ...]:
    found: list[Operand] = []
    while parser.peek().kind == "string":
        token = parser.take()
        parser.expect("(")
        value = parser.expression()
        parser.expect(")")
        found.append(Operand(token, token.text[1:-1], value))
        if not parser.accept(","):
            break
    return tuple(found)


def lines(template: Sequence[Token]) -> list[Instruction]:
    """The lines of a template that are not blank, each with the string that it starts in.

    Raises:
        Unsupported: an escape that is not known.
    """
    found: list[Instruction] = []
    text, start = "", template[0] if template else None
    for token in template:
        for index, piece in enumerate(re.split(r"[\n;]", _unescaped(token))):
            if index and start is not None:
                found.append(Instruction(text.strip(), start))
            text, start = (piece, token) if index or not text.strip() else (text + piece, start)
    if start is not None:
        found.append(Instruction(text.strip(), start))
    return [line for line in found if line.text]


def _unescaped(token: Token) -> str:
    unknown = [found for found in _ESCAPE.findall(token.text[1:-1]) if found not in _ESCAPES]
    if unknown:
        raise Unsupported(f"the escape \\{printable(unknown[0])} in inline assembly is not understood", token)
    return _ESCAPE.sub(lambda found: _ESCAPES[found.group(1)], token.text[1:-1])


def program(
    found: Sequence[Instruction], patches: Mapping[str, Patch], chosen: frozenset[str]
) -> tuple[Instruction, ...]:
    """The instructions that run once the kernel has put its replacements in place.

    Args:
        found: the lines of the template.
        patches: the sections of replacements that are known, in the order in which the kernel takes them.
        chosen: the features in force.

    Raises:
        Unsupported: a directive, label or section that is not known, or replacements that do not fit.
    """
    code, entries = _split(found, patches)
    for section, patch in patches.items():
        for entry in entries:
            if entry.section != section:
                continue
            if len(entry.instructions) != patch.length or entry.at + patch.length > len(code):
                raise Unsupported(f"the entry in {section} does not replace {patch.length} instructions", entry.token)
            if patch.features & chosen:
                code[entry.at : entry.at + patch.length] = entry.instructions
    return tuple(code)


def _split(found: Sequence[Instruction], patches: Mapping[str, Patch]) -> tuple[list[Instruction], list[_Entry]]:
    """The instructions as they are compiled, and the entries of all sections."""
    code: list[Instruction] = []
    entries: list[_Entry] = []
    labels: dict[str, int] = {}
    section, body = "", code
    for line in found:
        opened, word = _SECTION.fullmatch(line.text), _WORD.fullmatch(line.text)
        if opened and not section and opened.group(1) in patches:
            section, body = opened.group(1), []
        elif line.text == ".previous" and section:
            section, body = "", code
        elif word and section and word.group(1) in labels:
            entries.append(_Entry(section, labels[word.group(1)], line.token))
            body = entries[-1].instructions
        elif line.text.startswith(".") or (section and not _continues(entries, body, line)):
            raise Unsupported(f"{printable(line.text)!r} in inline assembly is not understood", line.token)
        else:
            label = _LABEL.match(line.text)
            text = line.text[label.end() :].strip() if label else line.text
            if label:
                labels[label.group(1)] = len(code)
            if text:
                body.append(replace(line, text=text))
    if section:
        raise Unsupported(f"the section {section} is not left", found[-1].token)
    return code, entries


def _continues(entries: list[_Entry], body: list[Instruction], line: Instruction) -> bool:
    """Whether a line of a section belongs to an entry; a label there would be one that the rest may mean."""
    return bool(entries) and body is entries[-1].instructions and not _LABEL.match(line.text)


@dataclass
class Register:
    """What an operand stands for.

    Attributes:
        output: it is written.
        early: it is written before all inputs were read, so that it has a register of its own.
        value: what is in it; None before it is written.
        constant: the number that stands in its place; None for a register.
    """

    output: bool = False
    early: bool = False
    value: Term | None = None
    constant: int | None = None


@dataclass
class Registers:
    """The operands of one statement while it runs, ``%0`` first."""

    operands: list[Register]
    shared: bool = False

    def operand(self, number: str, token: Token) -> Register:
        """The operand of a number."""
        index = int(number) if len(number) < 4 else len(self.operands)
        if index >= len(self.operands):
            raise Unsupported(f"%{printable(number)} is no operand of this assembly", token)
        return self.operands[index]

    def constant(self, number: str, token: Token) -> int:
        """The value of an operand that is a constant."""
        value = self.operand(number, token).constant
        if value is None:
            raise Unsupported(f"%{number} is no constant", token)
        return value

    def read(self, number: str, token: Token) -> Term:
        """The value of a register."""
        register = self.operand(number, token)
        if register.value is None:
            raise Unsupported(f"%{number} is read and has no value", token)
        if self.shared and not register.output:
            raise Unsupported(f"%{number} is read after an output was written that may be in its register", token)
        return register.value

    def write(self, number: str, value: Term, token: Token) -> None:
        """Gives an output its value."""
        register = self.operand(number, token)
        if not register.output:
            raise Unsupported(f"%{number} is written and is no output", token)
        register.value = value
        self.shared = self.shared or not register.early


Execute = Callable[[Instruction, Registers], None]
"""What carries out one instruction."""


def run(interpreter: Expressions, statement: Statement, execute: Execute) -> None:
    """Runs a statement of assembly on the variables of a function.

    Args:
        interpreter: has the variables.
        statement: the statement.
        execute: carries out one instruction.

    Raises:
        Unsupported: an operand or an instruction that is not known.
    """
    platform, template = interpreter.platform, lines(statement.template)
    for line in template:
        interpreter.enter(line.token)
        interpreter.leave()
    registers = Registers(_registers(interpreter, statement))
    for instruction in program(template, platform.patches, platform.chosen):
        execute(instruction, registers)
    for operand, register in zip(statement.outputs, registers.operands, strict=False):
        place = interpreter.place(operand.value)
        # an output that no instruction wrote leaves its variable without a value
        value = Unset(place.kind) if register.value is None else Word(ULONG, register.value)
        interpreter.store(place, value)


def _registers(interpreter: Expressions, statement: Statement) -> list[Register]:
    """The registers and constants of a statement before it runs."""
    found: list[Register] = []
    for operand in statement.outputs:
        if operand.constraint not in ("=r", "=&r"):
            raise Unsupported(f"the output {printable(operand.constraint)!r} is not understood", operand.token)
        found.append(Register(output=True, early=operand.constraint == "=&r"))
    for operand in statement.inputs:
        value = interpreter.word(operand.value)
        if operand.constraint == "i" and value.term.op == "const":
            found.append(Register(constant=signed(value)))
        elif operand.constraint == "r" and value.type.bits == WIDTH:
            found.append(Register(value=value.term))
        elif _ties(operand.constraint, len(statement.outputs)) and value.type.bits == WIDTH:
            found.append(found[int(operand.constraint)])
            found[-1].value = value.term
        else:
            raise Unsupported(f"the input {printable(operand.constraint)!r} is not understood", operand.token)
    return found


def _ties(constraint: str, outputs: int) -> bool:
    """Whether an input has the register of an output, by its number."""
    return constraint.isdecimal() and len(constraint) < 3 and int(constraint) < outputs
