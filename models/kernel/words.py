"""C integers: types, constants, conversions and operators, over the checker's terms.

Widths follow the LP64 model, or ILP32 where a machine has 32 bits (:class:`Abi`). Signed overflow wraps and a signed
left shift moves bits, because the kernel is built with -fno-strict-overflow by compilers that define both so; whatever
stays undefined is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from checker import terms
from checker.terms import FALSE, TRUE, Term
from models.kernel.tokens import Token, printable


@dataclass(frozen=True, slots=True)
class IntType:
    """An integer type; ``_Bool`` is the unsigned type of one bit.

    Attributes:
        bits: its width.
        signed: whether it is.
        swapped: its bytes stand in the order that is not the CPU's, as in ``__be64`` on a little-endian one. A term of
            this type is the number that ``be64_to_cpu()`` yields, so that masks and tests need no bytes moved.
    """

    bits: int
    signed: bool
    swapped: bool = False


BOOL = IntType(1, False)
CHAR = IntType(8, True)
INT, UINT = IntType(32, True), IntType(32, False)
LONG, ULONG = IntType(64, True), IntType(64, False)
"""``long long`` everywhere, and ``long`` of a 64-bit machine."""


@dataclass(frozen=True, slots=True)
class Abi:
    """What the compiler of an architecture takes for granted.

    Attributes:
        bits: of ``long`` and of a pointer.
        big_endian: the most significant byte of a word comes first.
        physical: bits of ``phys_addr_t``.
    """

    bits: int = 64
    big_endian: bool = False
    physical: int = 64

    @property
    def long(self) -> IntType:
        """``long``."""
        return IntType(self.bits, True)

    @property
    def ulong(self) -> IntType:
        """``unsigned long``."""
        return IntType(self.bits, False)


LP64 = Abi()


@dataclass(frozen=True, slots=True)
class Word:
    """An integer value."""

    type: IntType
    term: Term


class Undefined(ValueError):
    """An operation whose result C leaves open, or that these words cannot express."""


_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uUlL]*)$")
_SUFFIXES = {"": 0, "l": 1, "ll": 1}
_CHARS = {"\\0": 0, "\\n": 10, "\\t": 9, "\\\\": 92, "\\'": 39}


def literal(token: Token, abi: Abi = LP64) -> tuple[int, IntType]:
    """Value and type of an integer or character constant.

    Raises:
        Undefined: it is neither, or too large.
    """
    if token.kind == "char":
        inner = token.text[1:-1]
        if inner in _CHARS or len(inner) == 1:
            return _CHARS.get(inner, ord(inner[0])), INT
        raise Undefined(f"the character {printable(token.text)} is not understood")
    found = _NUMBER.match(token.text)
    suffix = found.group(2).lower() if found else ""
    if not found or suffix.replace("u", "", 1) not in _SUFFIXES:
        raise Undefined(f"{printable(token.text)} is no integer constant")
    digits = found.group(1)
    if len(digits) > 70:
        raise Undefined(f"{printable(token.text)} does not fit any integer type")
    value = _digits(digits)
    return value, _literal_type(value, suffix, abi, decimal=not digits.startswith("0") or digits == "0")


def _digits(text: str) -> int:
    if text[:2] in ("0x", "0X", "0b", "0B"):
        return int(text, 0)
    if not text.startswith("0"):
        return int(text)
    if set(text) & set("89"):
        raise Undefined(f"{text} is no integer constant")
    return int(text, 8)


def _literal_type(value: int, suffix: str, abi: Abi, decimal: bool) -> IntType:
    unsigned = "u" in suffix
    ranks = (INT, UINT, abi.long, abi.ulong, LONG, ULONG)
    for kind in ranks[2 * suffix.count("l") :]:
        if (kind.signed and unsigned) or (not kind.signed and decimal and not unsigned):
            continue
        if value < 1 << (kind.bits - kind.signed):
            return kind
    raise Undefined(f"{value} does not fit any integer type")


def number(value: int, kind: IntType) -> Word:
    """A constant of a type."""
    return Word(kind, terms.constant(value, kind.bits))


_TRUTH_DEPTH = 6
"""How many nested if-then-else truth() looks into; deeper ones are compared with zero as they are."""


def truth(term: Term, depth: int = _TRUTH_DEPTH) -> Term:
    """Whether a word is not zero, as a Boolean term; conditions that C turned into 0 and 1 come back as they were."""
    if term.width == terms.BOOL:
        return term
    if term.op == "const":
        return TRUE if term.data else FALSE
    if term.op == "zext":
        return truth(term.args[0], depth)
    if term.op == "ite" and depth:
        return terms.choose(term.args[0], truth(term.args[1], depth - 1), truth(term.args[2], depth - 1))
    if term.op == "extract" and term.data[1] == 0:
        whole = term.args[0]
        return truth(terms.word_op("band", whole, (1 << term.width) - 1)) if whole.op == "band" else _not_zero(term)
    return _not_zero(term)


def _not_zero(term: Term) -> Term:
    return terms.negate(terms.equal(term, 0))


def from_truth(condition: Term, kind: IntType = INT) -> Word:
    """0 or 1."""
    return Word(kind, terms.choose(condition, terms.constant(1, kind.bits), terms.constant(0, kind.bits)))


def convert(word: Word, kind: IntType) -> Word:
    """The value converted to a type as C does."""
    if word.type == kind:
        return word
    if kind == BOOL:
        return from_truth(truth(word.term), BOOL)
    term = reversed_bytes(word.term) if word.type.swapped else word.term
    resized = _resize(term, word.type, kind.bits)
    return Word(kind, reversed_bytes(resized) if kind.swapped else resized)


def reversed_bytes(term: Term) -> Term:
    """The word with its bytes in the opposite order."""
    if term.op == "const":
        return terms.constant(int.from_bytes(term.data.to_bytes(term.width // 8, "little"), "big"), term.width)
    found = terms.constant(0, term.width)
    for low in range(0, term.width, 8):
        byte = terms.word_op("band", terms.word_op("lshr", term, low), 0xFF)
        found = terms.word_op("bor", found, terms.word_op("shl", byte, term.width - 8 - low))
    return found


def _resize(term: Term, source: IntType, bits: int) -> Term:
    if bits == term.width:
        return term
    if _two_constants(term):
        return terms.choose(term.args[0], _resize(term.args[1], source, bits), _resize(term.args[2], source, bits))
    if bits < term.width:
        return terms.extract(term, bits - 1, 0)
    wide = terms.extend(term, bits)
    if not source.signed:
        return wide
    sign = 1 << (source.bits - 1)
    return terms.word_op("sub", terms.word_op("bxor", wide, sign), sign)


def as_word(word: Word, abi: Abi) -> Term:
    """The value as ``unsigned long``, zero-extended to 64 bits; a wider one as it is."""
    word = unswapped(word)
    kept = word if word.type.bits > abi.bits else convert(word, abi.ulong)
    return terms.extend(kept.term, 64) if kept.type.bits < 64 else kept.term


def promote(word: Word) -> Word:
    """The integer promotions."""
    return convert(word, INT) if word.type.bits < INT.bits else word


def common(left: IntType, right: IntType) -> IntType:
    """The type of the usual arithmetic conversions, for promoted operands."""
    if left.bits != right.bits:
        return left if left.bits > right.bits else right
    return IntType(left.bits, left.signed and right.signed, left.swapped and right.swapped)


_PLAIN = {"+": "add", "-": "sub", "*": "mul", "&": "band", "|": "bor", "^": "bxor"}


def _two_constants(term: Term) -> bool:
    """An if-then-else between constants."""
    return term.op == "ite" and term.args[1].op == term.args[2].op == "const"


def plain(op: str, left: Term, right: Term) -> Term:
    """A word operator, kept simple where one operand chooses between two masks, as x86's pmd_flags() does."""
    if op != "sub" and (left.op == "const" or (_two_constants(left) and right.op != "const")):
        left, right = right, left
    if right.op == "const" and _two_constants(left):
        return terms.choose(left.args[0], plain(op, left.args[1], right), plain(op, left.args[2], right))
    if op == "band" and right.op == "const" and left.op == "band" and _two_constants(left.args[1]):
        return plain(op, left.args[0], plain(op, left.args[1], right))
    return terms.word_op(op, left, right)


def binary(op: str, left: Word, right: Word) -> Word:
    """An operator on two integers, except ``&&``, ``||`` and the comma.

    Raises:
        Undefined: the result is not defined or cannot be expressed.
    """
    if op in ("<<", ">>"):
        return _shift(op, unswapped(promote(left)), unswapped(promote(right)))
    left, right = _agreed(op, promote(left), promote(right))
    kind = left.type
    if op in _PLAIN:
        return Word(kind, plain(_PLAIN[op], left.term, right.term))
    if op in ("==", "!="):
        same = _equal(left.term, right.term)
        return from_truth(same if op == "==" else terms.negate(same))
    if op in ("<", ">", "<=", ">="):
        return from_truth(_order(op, left, right))
    return _divide(op, left, right)


_ANY_ORDER = frozenset({"&", "|", "^", "==", "!="})
"""Operators that mean the same for numbers whose bytes are all in the other order."""


def _agreed(op: str, left: Word, right: Word) -> tuple[Word, Word]:
    """Two promoted operands converted to their common type.

    Where bytes stand in the other order, a constant is turned round rather than what is not known.
    """
    kind = common(left.type, right.type)
    if op in _ANY_ORDER and left.type.bits == right.type.bits and left.type.swapped != right.type.swapped:
        plain_one = right if left.type.swapped else left
        kind = replace(kind, swapped=plain_one.term.op == "const")
    elif kind.swapped and (op not in _ANY_ORDER or left.type.bits != right.type.bits):
        kind = replace(kind, swapped=False)
    return convert(left, kind), convert(right, kind)


def unswapped(word: Word) -> Word:
    """The same number with its bytes in the CPU's order."""
    return convert(word, replace(word.type, swapped=False)) if word.type.swapped else word


def _equal(left: Term, right: Term) -> Term:
    """Equality; of two conditions, directly."""
    if all(_is_condition(term) for term in (left, right)):
        return terms.equal(truth(left), truth(right))
    return terms.equal(left, right)


def _is_condition(term: Term) -> bool:
    values = [arg.data for arg in term.args[1:]] if _two_constants(term) else []
    return sorted(values) == [0, 1] or (term.op == "const" and term.data in (0, 1))


def _order(op: str, left: Word, right: Word) -> Term:
    sign = 1 << (left.type.bits - 1) if left.type.signed else 0
    small, large = (left.term, right.term) if op in ("<", "<=") else (right.term, left.term)
    compare = "ult" if op in ("<", ">") else "ule"
    return terms.compare(compare, terms.word_op("bxor", small, sign), terms.word_op("bxor", large, sign))


def _shift(op: str, value: Word, amount: Word) -> Word:
    if amount.term.op != "const":
        raise Undefined("a shift by an amount that is not constant")
    steps = signed(amount)
    bits = value.type.bits
    if not 0 <= steps < bits:
        raise Undefined(f"a shift of {bits} bits by {steps}, which C leaves undefined")
    if op == "<<":
        return Word(value.type, terms.word_op("shl", value.term, steps))
    shifted = terms.word_op("lshr", value.term, steps)
    if value.type.signed and steps:
        sign = 1 << (bits - 1 - steps)
        shifted = terms.word_op("sub", terms.word_op("bxor", shifted, sign), sign)
    return Word(value.type, shifted)


def signed(word: Word) -> int:
    """The value of a constant."""
    value = int(word.term.data)
    return value - (1 << word.type.bits) if word.type.signed and value >> (word.type.bits - 1) else value


def _divide(op: str, left: Word, right: Word) -> Word:
    kind = left.type
    if right.term.op != "const":
        raise Undefined("a division by a value that is not constant")
    divisor = signed(right)
    if divisor == 0:
        raise Undefined("a division by zero")
    if left.term.op == "const":
        value = signed(left)
        quotient = abs(value) // abs(divisor) * (1 if (value < 0) == (divisor < 0) else -1)
        return number(quotient if op == "/" else value - quotient * divisor, kind)
    if kind.signed or divisor & (divisor - 1):
        raise Undefined("a division that is no shift")
    if op == "%":
        return Word(kind, terms.word_op("band", left.term, divisor - 1))
    return Word(kind, terms.word_op("lshr", left.term, divisor.bit_length() - 1))


def negated(word: Word) -> Word:
    """``-x``."""
    value = unswapped(promote(word))
    return Word(value.type, terms.word_op("sub", terms.constant(0, value.type.bits), value.term))


def inverted(word: Word) -> Word:
    """``~x``."""
    value = promote(word)
    return Word(value.type, plain("bxor", value.term, terms.constant(-1, value.type.bits)))
