"""A lifted helper: an expression over words that can be called like a function of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from checker import logic, terms
from checker.terms import TRUE, Term
from models.kernel.architectures import ENTRY, NO_VALUE
from models.kernel.values import WIDTH


@dataclass(frozen=True)
class HelperParameter:
    """One parameter.

    Attributes:
        name: as in the kernel's source.
        kind: ``pte``, ``pmd``, ``pgprot``, ``word``, ``wide`` (an integer that is wider than ``long``), ``page`` (its
            frame number is the argument), ``ptep`` and its like (the entry that it points to is), or one of
            :data:`NO_ARGUMENT`.
    """

    name: str
    kind: str


NO_ARGUMENT = frozenset({"vma", "mm", "address", "one"})
"""Kinds of parameters that are not among a lifted helper's: nothing depends on them; a count of entries is one."""


@dataclass(frozen=True)
class LiftedHelper:
    """A helper as the tree defines it.

    Calling it takes plain integers, the checker's terms or Z3 bit-vectors of 64 bits, one for each parameter that is not
    of :data:`NO_ARGUMENT`; those may be passed and are ignored. A test yields a Boolean, everything else a word.

    Attributes:
        name: the kernel's name.
        file: path of its definition inside the tree.
        line: line of its definition.
        parameters: its parameters.
        result: ``test``, ``entry`` or ``word``.
        term: its value over :attr:`variables`.
        assumptions: what its value rests on.
    """

    name: str
    file: str
    line: int
    parameters: tuple[HelperParameter, ...]
    result: str
    term: Term
    assumptions: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[Term, ...]:
        """The unknowns of :attr:`term`, one for each parameter that is an argument."""
        return tuple(argument_variable(i) for i, p in enumerate(self.parameters) if p.kind not in NO_ARGUMENT)

    @property
    def generic(self) -> bool:
        """It is the kernel's for all architectures."""
        return not self.file.startswith("arch/")

    def __call__(self, *args: Any) -> Any:
        return self._applied(self.term, args)

    def _applied(self, term: Term, args: tuple[Any, ...]) -> Any:
        """A term of the helper with its arguments."""
        if len(args) == len(self.parameters):
            args = tuple(a for a, p in zip(args, self.parameters, strict=True) if p.kind not in NO_ARGUMENT)
        variables = self.variables
        if len(args) != len(variables):
            raise TypeError(f"{self.name}() takes {len(variables)} arguments, not {len(args)}")
        if any(isinstance(a, Term) for a in args):
            values = {v: terms.coerce(a, WIDTH) for v, a in zip(variables, args, strict=True)}
            return terms.substitute([term], values)[0]
        if all(isinstance(a, int) for a in args):
            return terms.evaluate([term], dict(zip(variables, args, strict=True)))[0]
        return to_z3(term, dict(zip(variables, args, strict=True)))


@dataclass(frozen=True)
class InPlaceHelper(LiftedHelper):
    """A helper that works on an entry in memory, such as ``ptep_set_wrprotect()``.

    Its first argument is the entry as it is found, the others are words: ``helper(entry, ...)`` is its value, None if
    it has none, and ``helper.after(entry, ...)`` is the entry that it leaves.

    Attributes:
        written: the entry that it leaves, over :attr:`variables`.
        atomic: nothing that a CPU records in the entry meanwhile is lost: every write is one step that makes the new
            entry of what it finds (:mod:`models.kernel.watch`), or a store to an entry that such a step has emptied.
    """

    written: Term = TRUE
    atomic: bool = False

    def __call__(self, *args: Any) -> Any:
        return None if self.result == NO_VALUE else self._applied(self.term, args)

    def as_change(self, name: str) -> LiftedHelper:
        """A helper of another name whose value is the entry that this one leaves."""
        return LiftedHelper(name, self.file, self.line, self.parameters, ENTRY, self.written, self.assumptions)

    def after(self, *args: Any) -> Any:
        """The entry that is left in memory."""
        return self._applied(self.written, args)


def argument_variable(index: int) -> Term:
    """The unknown that stands for a helper's argument."""
    return terms.variable(f"arg{index}", WIDTH)


def to_z3(root: Term, values: dict[Term, Any]) -> Any:
    """A term as a Z3 expression.

    Args:
        root: the term.
        values: Z3 bit-vectors, or integers, for its variables.
    """
    import z3

    done: dict[Term, Any] = {
        v: z3.BitVecVal(value, WIDTH) if isinstance(value, int) else value for v, value in values.items()
    }
    for term in terms.subterms([root]):
        if term not in done:
            done[term] = _operator(z3, term, [done[arg] for arg in term.args])
    return done[root]


_Z3_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "band": lambda a, b: a & b, "bor": lambda a, b: a | b, "bxor": lambda a, b: a ^ b, "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "shl": lambda a, b: a << b, "eq": lambda a, b: a == b,
}  # fmt: skip


def _operator(z3: Any, term: Term, args: list[Any]) -> Any:
    """One operator on Z3 operands."""
    if term.op == "const":
        return z3.BitVecVal(term.data, term.width) if term.width else z3.BoolVal(term.data)
    if term.op in _Z3_BINARY:
        return _Z3_BINARY[term.op](*args)
    if term.op == "extract":
        return z3.Extract(*term.data, args[0])
    if term.op == "zext":
        return z3.ZeroExt(term.width - term.args[0].width, args[0])
    by_name = {"ult": z3.ULT, "ule": z3.ULE, "lshr": z3.LShR, "ite": z3.If}
    if term.op in by_name:
        return by_name[term.op](*args)
    return {"and": logic.both, "or": logic.either, "not": logic.no}[term.op](*args)
