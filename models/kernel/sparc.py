"""What the instructions of SPARC V9 do that the kernel's inline assembly uses, on registers of 64 bits.

The SPARC Architecture Manual, Version 9, appendix A (Logical Operations, Shift, SETHI, No Operation) and appendix G
(synthetic instructions: ``mov`` is an ``or`` with %g0). The assembler's operators take parts of a constant:
``%uhi`` bits 63 to 42, ``%ulo`` 41 to 32, ``%hi`` 31 to 10, ``%lo`` 9 to 0. An immediate operand has 13 bits with a sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from checker import terms
from checker.terms import Term
from models.kernel.assembly import Instruction, Registers
from models.kernel.errors import Unsupported
from models.kernel.tokens import Token, printable

WIDTH = 64
_ALL = (1 << WIDTH) - 1
_FORM = re.compile(r"([a-z]+)(?:\s+(.*))?", re.DOTALL)
_REGISTER = re.compile(r"%(\d+)")
_PART = re.compile(r"%%(uhi|ulo|hi|lo)\s*\(\s*%(\d+)\s*\)")
_NUMBER = re.compile(r"-?(?:0x[0-9a-fA-F]{1,16}|0|[1-9][0-9]{0,18})")

_UPPER = {"uhi": 42, "hi": 10}
"""The operators for SETHI, which takes 22 bits: where the bits start."""

_LOWER = {"ulo": 32, "lo": 0}
"""The operators for an immediate operand, 10 bits: where the bits start."""

_LOGICAL: dict[str, Callable[[Term, Term], Term]] = {
    "and": lambda left, right: terms.word_op("band", left, right),
    "or": lambda left, right: terms.word_op("bor", left, right),
    "andn": lambda left, right: terms.word_op("band", left, terms.word_op("bxor", right, _ALL)),
}
_SHIFTS = {"sllx": "shl", "srlx": "lshr"}


def execute(instruction: Instruction, registers: Registers) -> None:
    """Carries out one instruction.

    Raises:
        Unsupported: an instruction or a form of it that is not known.
    """
    found = _FORM.fullmatch(instruction.text)
    name, rest = (found.group(1), found.group(2)) if found else ("", None)
    operands = [part.strip() for part in rest.split(",")] if rest else []
    token = instruction.token
    if name == "nop" and not operands:
        return
    if name == "sethi" and len(operands) == 2:
        result = terms.constant(_upper(operands[0], registers, token) << 10, WIDTH)
    elif name == "mov" and len(operands) == 2:
        result = _second(operands[0], registers, token)
    elif name in _LOGICAL and len(operands) == 3:
        left = registers.read(_register(operands[0], token), token)
        result = _LOGICAL[name](left, _second(operands[1], registers, token))
    elif name in _SHIFTS and len(operands) == 3:
        left = registers.read(_register(operands[0], token), token)
        result = terms.word_op(_SHIFTS[name], left, _count(operands[1], registers, token))
    else:
        raise Unsupported(f"the instruction {printable(instruction.text)!r} is not understood", token)
    registers.write(_register(operands[-1], token), result, token)


def _register(text: str, token: Token) -> str:
    """The number of an operand in a register."""
    found = _REGISTER.fullmatch(text)
    if not found:
        raise Unsupported(f"the register {printable(text)!r} is not understood", token)
    return found.group(1)


def _upper(text: str, registers: Registers, token: Token) -> int:
    """The 22 bits of SETHI."""
    found = _PART.fullmatch(text)
    if not found or found.group(1) not in _UPPER:
        raise Unsupported(f"sethi of {printable(text)!r} is not understood", token)
    return registers.constant(found.group(2), token) >> _UPPER[found.group(1)] & 0x3FFFFF


def _second(text: str, registers: Registers, token: Token) -> Term:
    """The second operand of an instruction: a register or an immediate."""
    found = _REGISTER.fullmatch(text)
    if found and registers.operand(found.group(1), token).constant is None:
        return registers.read(found.group(1), token)
    return terms.constant(_immediate(text, registers, token), WIDTH)


def _immediate(text: str, registers: Registers, token: Token) -> int:
    part = _PART.fullmatch(text)
    if part and part.group(1) in _LOWER:
        return registers.constant(part.group(2), token) >> _LOWER[part.group(1)] & 0x3FF
    value = _number(text, registers, token)
    if not -(1 << 12) <= value < 1 << 12:
        raise Unsupported(f"{value:#x} does not fit the 13 bits of an immediate operand", token)
    return value


def _number(text: str, registers: Registers, token: Token) -> int:
    found = _REGISTER.fullmatch(text)
    if found:
        return registers.constant(found.group(1), token)
    if not _NUMBER.fullmatch(text):
        raise Unsupported(f"the operand {printable(text)!r} is not understood", token)
    return int(text, 0)


def _count(text: str, registers: Registers, token: Token) -> int:
    """By how many bits to shift."""
    value = _number(text, registers, token)
    if not 0 <= value < WIDTH:
        raise Unsupported(f"a shift by {value} bits is not understood", token)
    return value
