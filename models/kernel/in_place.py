"""Helpers that work on an entry in memory: what they leave there, what they yield, and whether anything can be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker import terms
from checker.terms import FALSE, TRUE, Term
from models.kernel.architectures import NO_VALUE
from models.kernel.errors import DECLARED, NotThere, Unsupported
from models.kernel.helper import HelperParameter, InPlaceHelper, argument_variable
from models.kernel.kinds import Types
from models.kernel.syntax import TypeName
from models.kernel.tokens import Token
from models.kernel.unit import Function
from models.kernel.values import WIDTH, Opaque, Pointer, Type, Value, joined, wrap
from models.kernel.watch import FOUND
from models.kernel.words import IntType, number

if TYPE_CHECKING:
    from models.kernel.lift import Lifter

_TYPES = {
    "mm": "struct mm_struct *", "vma": "struct vm_area_struct *", "ptep": "pte_t *", "pmdp": "pmd_t *",
    "pudp": "pud_t *", "pte": "pte_t", "pmd": "pmd_t", "pud": "pud_t", "address": "unsigned long",
    "one": "unsigned int", "word": "unsigned long",
}  # fmt: skip
"""Kind of a parameter -> its type; a function may take another integer."""

_LEVELS = {"ptep": "pte", "pmdp": "pmd", "pudp": "pud"}
LOWEST = 1 << 30
"""Where the kernel's addresses start at the lowest, with 1 GB for users."""

USER = f"addresses are a user's: below 0x{LOWEST:x}, and below the kernel's"
_ADDRESS = terms.variable("address", WIDTH)


def lift_in_place(lifter: Lifter, name: str, result: str, kinds: tuple[str, ...]) -> InPlaceHelper:
    """A helper that works on an entry in memory.

    Args:
        lifter: the tree.
        name: the helper's kernel name.
        result: what it yields.
        kinds: the kinds of its parameters.

    Raises:
        Unsupported: it is not there, or not understood.
    """
    place = next(i for i, kind in enumerate(kinds) if kind in _LEVELS)
    parameters, types = _signature(lifter, name, kinds, _LEVELS[kinds[place]])
    variables: dict[str, Value] = {}
    entries: dict[str, Value] = {}
    for index, (kind, found) in enumerate(zip(kinds, types, strict=True)):
        (entries if index == place else variables)[f"ptecheck_argument{index}"] = _argument(index, kind, found)
    call = f"{name}({', '.join(f'ptecheck_argument{index}' for index in range(len(kinds)))})"
    value = lifter.effect(call, variables, entries)
    return _helper(lifter, name, result, parameters, value)


def _signature(
    lifter: Lifter, name: str, kinds: tuple[str, ...], level: str
) -> tuple[tuple[HelperParameter, ...], list[Type]]:
    """The parameters with their types; that of a pointer to the entry is the entry's."""
    token, types = _token(lifter, name), lifter.interpreter.types
    known = [_resolved(types, kind, token) for kind in kinds]
    macro = lifter.sources.macros.lookup(name, lifter.last)
    if macro is not None and macro.params is not None:
        names, found = macro.params, known
    else:
        named = lifter.unit.signature(_function(lifter, name, level))[1]
        names = tuple(parameter.name or f"arg{i}" for i, parameter in enumerate(named))
        found = [types.resolve(parameter.type) for parameter in named]
    if len(found) != len(kinds) or len(names) != len(kinds) or not all(map(_alike, found, known)):
        raise Unsupported("its parameters are not the known ones", token)
    parameters = tuple(HelperParameter(*pair) for pair in zip(names, kinds, strict=True))
    return parameters, [
        types.target(kind, token) if name in _LEVELS and isinstance(kind, Pointer) else kind
        for kind, name in zip(found, kinds, strict=True)
    ]


def _function(lifter: Lifter, name: str, level: str) -> Function:
    """The definition of a helper; what is only declared for a level that maps no user page is not there."""
    try:
        return lifter.function(name, lifter.sources.macros.lookup(name, lifter.last))
    except Unsupported as error:
        declared = lifter.unit.declared.get(name)
        if isinstance(error, NotThere) or declared is None or level in lifter.platform.levels:
            raise
        raise NotThere(DECLARED, declared) from None


def _token(lifter: Lifter, name: str) -> Token:
    file, line = lifter.place(name)
    return Token("word", name, file, line, lifter.last)


def _resolved(types: Types, kind: str, token: Token) -> Type:
    words = _TYPES[kind].split()
    return types.resolve(TypeName(token, tuple(word for word in words if word != "*"), words.count("*")))


def _alike(found: Type, known: Type) -> bool:
    """Whether a parameter is what a helper of that name takes; any integer stands for another."""
    return found == known or (isinstance(found, IntType) and isinstance(known, IntType))


def _argument(index: int, kind: str, of: Type) -> Value:
    """The unknown argument of a kind."""
    if isinstance(of, Pointer):
        return Opaque(of)
    if kind == "one" and isinstance(of, IntType):
        return number(1, of)
    return wrap(of, _ADDRESS if kind == "address" else argument_variable(index))


def _helper(
    lifter: Lifter, name: str, result: str, parameters: tuple[HelperParameter, ...], value: Value | None
) -> InPlaceHelper:
    """What the call has left."""
    token, interpreter, abi = _token(lifter, name), lifter.interpreter, lifter.platform.abi
    watch = interpreter.watch
    assert watch is not None
    if value is None and result != NO_VALUE:
        raise Unsupported("it yields no value", token)
    term = lifter.as_term(value, result) if value is not None and result != NO_VALUE else None
    written = joined(interpreter.memory.cells[watch.cell], abi)
    place = next(i for i, parameter in enumerate(parameters) if parameter.kind in _LEVELS)
    entry = argument_variable(place)
    atomic = watch.is_atomic(entry, written, term, abi) and not _leaves_present(lifter, parameters[place], watch.left)
    found = terms.substitute([written, TRUE if term is None else term], {FOUND: entry})
    known = _of_a_user(found)
    if known is not found:
        interpreter.assume(USER)
    used = tuple(interpreter.used)
    found = known
    if any(term is _ADDRESS for term in terms.subterms(found)):
        raise Unsupported("its effect depends on the address", token)
    return InPlaceHelper(
        name, token.file, token.line, parameters, result, found[1], used, written=found[0], atomic=atomic
    )


def _of_a_user(found: list[Term]) -> list[Term]:
    """The terms where an address that is compared with the start of the kernel's, or its high bits, is a user's."""
    known: dict[Term, Term] = {}
    for term in terms.subterms(found):
        if term.op in ("ult", "ule"):
            first, second = term.args
            if _is_address(first) and second.op == "const" and second.data >= LOWEST:
                known[term] = TRUE
            elif _is_address(second) and first.op == "const" and first.data >= LOWEST:
                known[term] = FALSE
        elif term.op == "band" and any(map(_is_address, term.args)):
            mask = next((argument for argument in term.args if argument.op == "const"), None)
            if mask is not None and mask.data % LOWEST == 0:
                known[term] = terms.constant(0, term.width)
    return terms.substitute(found, known) if known else found


def _is_address(term: Term) -> bool:
    return term is _ADDRESS or (term.op in ("extract", "zext") and _is_address(term.args[0]))


def _leaves_present(lifter: Lifter, pointer: HelperParameter, left: list[Term]) -> bool:
    """Whether a word that an exchange leaves for the time being is a present entry, which a CPU may change."""
    present = lifter.helpers.get(f"{_LEVELS[pointer.kind]}_present")
    return present is not None and any(present(word.data) is not False for word in left)
