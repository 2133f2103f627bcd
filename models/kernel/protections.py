"""The page protections of user mappings: the architecture's table, what fills it at boot, or its PAGE_* macros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from models.kernel.architectures import CLASSES, MACROS, VM_FLAGS, Platform
from models.kernel.boot import filled
from models.kernel.errors import KernelError, Unsupported, fault
from models.kernel.interpreter import Interpreter
from models.kernel.macros import LAST
from models.kernel.source import Tree
from models.kernel.syntax import TypeName
from models.kernel.tables import entries, indices
from models.kernel.tokens import Token
from models.kernel.unit import Function
from models.kernel.values import Value, scalar
from models.kernel.words import Abi, Undefined, as_word, number

ENTRIES, SHARED = 16, 8
"""The length of the table, and the flag that tells its halves."""

Evaluate = Callable[[str], Value]


@dataclass(frozen=True)
class Protections:
    """The page protections of user mappings.

    Attributes:
        table: index (VM_READ 1, VM_WRITE 2, VM_EXEC 4, VM_SHARED 8) -> protection word.
        classes: protection class -> protection word.
        source: protection class -> file and line.
    """

    table: dict[int, int]
    classes: dict[str, int]
    source: dict[str, str]


def protections(interpreter: Interpreter, platform: Platform, tree: Tree, evaluate: Evaluate) -> Protections:
    """What the architecture's own function answers, its table, or what its macros say, as ordinary mappings get it.

    Raises:
        KernelError: the table is there and cannot be read.
    """
    found = _found(interpreter, platform, tree, evaluate)
    if platform.protection is None or not found.table:
        return found
    special, instead = platform.protection
    return replace(found, table={**found.table, special: found.table[instead]})


def _found(interpreter: Interpreter, platform: Platform, tree: Tree, evaluate: Evaluate) -> Protections:
    function = interpreter.unit.functions.get(COMPUTED)
    if function is not None and platform.computes_protections:
        return _of_function(function, platform, evaluate)
    table = interpreter.unit.objects.get("protection_map")
    if table:
        return _of_table(interpreter, table, _added_at_boot(interpreter, platform, evaluate))
    if platform.protection_setup and tree.has(platform.protection_map):
        return _of_setup(interpreter, platform)
    found = _of_index_macros(interpreter, platform, evaluate)
    return found if found.classes else _of_macros(interpreter, platform, tree, evaluate)


def _classified(table: dict[int, int], places: dict[int, str]) -> Protections:
    classes = {name: table[index] for name, index in CLASSES.items() if index in table}
    return Protections(table, classes, {name: places[index] for name, index in CLASSES.items() if index in table})


def _added_at_boot(interpreter: Interpreter, platform: Platform, evaluate: Evaluate) -> int:
    boot = platform.boot_protection
    if boot is None:
        return 0
    interpreter.assume(boot.says)
    try:
        return _integer(evaluate(boot.bits), platform.abi)
    except (Unsupported, Undefined) as error:
        raise KernelError(f"{boot.bits}, which the kernel adds to protection_map, cannot be read: {error}") from None


def _of_table(interpreter: Interpreter, tokens: list[Token], added: int) -> Protections:
    """The entries ``[index] = value`` of protection_map, with the bits that the kernel adds to all of them."""
    words: dict[int, int] = {}
    places: dict[int, str] = {}
    try:
        for place, index_tokens, value in entries(tokens[1:-1]):
            for index in indices(index_tokens, partial(_constant, interpreter, place=place), ENTRIES):
                words[index] = _constant(interpreter, value, place) | added
                places[index] = f"{place.file}:{place.line}"
    except Unsupported as error:
        raise KernelError(f"{error.file}:{error.line}: an entry of protection_map cannot be read: {error}") from None
    found = _classified(words, places)
    if len(found.classes) != len(CLASSES):
        raise fault(tokens[0], "protection_map lacks entries")
    return found


COMPUTED = "vm_get_page_prot"
"""The function that turns a mapping's flags into its page protection, where an architecture has its own."""


def _of_function(function: Function, platform: Platform, evaluate: Evaluate) -> Protections:
    """What vm_get_page_prot() answers."""
    place = f"{function.name.file}:{function.name.line}"
    try:
        words = {index: _integer(evaluate(f"{COMPUTED}({index})"), platform.abi) for index in range(ENTRIES)}
    except (Unsupported, Undefined) as error:
        raise fault(function.name, f"{COMPUTED}() cannot be read: {error}") from None
    return _classified(words, dict.fromkeys(words, place))


def _of_setup(interpreter: Interpreter, platform: Platform) -> Protections:
    """The entries that a function gives to protection_map when the kernel boots."""
    place, setup = Token("word", "pgprot_t", platform.protection_map, 1, LAST), platform.protection_setup
    try:
        kind = interpreter.types.resolve(TypeName(place, ("pgprot_t",)))
        found = filled(interpreter, setup, "protection_map", kind, ENTRIES)
        words = {index: _integer(entry.value, platform.abi) for index, entry in found.items()}
    except (Unsupported, Undefined) as error:
        at = error if isinstance(error, Unsupported) and error.file else place
        raise fault(at, f"{setup}(), which fills protection_map, cannot be read: {error}") from None
    table = _classified(words, {index: f"{entry.token.file}:{entry.token.line}" for index, entry in found.items()})
    if len(table.classes) != len(CLASSES):
        raise fault(place, f"{setup}() does not fill protection_map")
    return table


def _of_index_macros(interpreter: Interpreter, platform: Platform, evaluate: Evaluate) -> Protections:
    """The macros ``__P000`` to ``__S111`` of kernels before 6.0 (execute, write, read), with what is added at boot."""
    words: dict[int, int] = {}
    places: dict[int, str] = {}
    for index in range(ENTRIES):
        name = f"__{'S' if index & SHARED else 'P'}{index & (SHARED - 1):03b}"
        macro = interpreter.unit.macros.lookup(name)
        if macro is not None:
            try:
                words[index] = _integer(evaluate(name), platform.abi)
            except (Unsupported, Undefined) as error:
                raise fault(macro, f"the protection {name} cannot be read: {error}") from None
            places[index] = f"{macro.file}:{macro.line}"
    added = _added_at_boot(interpreter, platform, evaluate) if words else 0
    return _classified({index: word | added for index, word in words.items()}, places)


def _constant(interpreter: Interpreter, tokens: list[Token], place: Token) -> int:
    try:
        node = interpreter.unit.expression(tokens, place)
        interpreter.start({name: number(value, interpreter.platform.abi.ulong) for name, value in VM_FLAGS.items()})
        return _integer(interpreter.evaluate(node), interpreter.platform.abi)
    except (Unsupported, Undefined) as error:
        raise fault(place, f"an entry of protection_map cannot be read: {error}") from None


def _integer(value: Value, abi: Abi) -> int:
    term = as_word(scalar(value), abi)
    if term.op != "const":
        raise Undefined("its value is not constant")
    return int(term.data)


def _of_macros(interpreter: Interpreter, platform: Platform, tree: Tree, evaluate: Evaluate) -> Protections:
    """PAGE_NONE and its like, with the assumption that they are what user mappings get."""
    words: dict[str, int] = {}
    places: dict[str, str] = {}
    for name, macros in MACROS.items():
        for macro in macros:
            found = interpreter.unit.macros.lookup(macro)
            if found is not None and name not in words:
                try:
                    words[name] = _integer(evaluate(macro), platform.abi)
                    places[name] = f"{found.file}:{found.line}"
                except (Unsupported, Undefined):
                    continue
    if words:
        path = platform.protection_map
        why = f"{path} has no protection_map" if tree.has(path) else f"this folder has no {path}"
        interpreter.assume(f"page protections are taken from the PAGE_* macros, because {why}")
    return Protections({index: words[name] for name, index in CLASSES.items() if name in words}, words, places)
