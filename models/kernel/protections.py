"""The page protections of user mappings: the architecture's table, or its PAGE_* macros."""

from __future__ import annotations

from collections.abc import Callable

from models.kernel.architectures import CLASSES, MACROS, VM_FLAGS, Platform
from models.kernel.errors import Unsupported, fault
from models.kernel.interpreter import Interpreter
from models.kernel.source import Tree
from models.kernel.tokens import Token
from models.kernel.unit import split_parts
from models.kernel.values import Value, scalar
from models.kernel.words import ULONG, Undefined, convert, number

Evaluate = Callable[[str], Value]
Found = tuple[dict[str, int], dict[str, str]]


def protections(interpreter: Interpreter, platform: Platform, tree: Tree, evaluate: Evaluate) -> Found:
    """The word of each protection class, and the place of each.

    Raises:
        KernelError: the table is there and cannot be read.
    """
    table = interpreter.unit.objects.get("protection_map")
    if table:
        return _from_table(interpreter, table)
    return _from_macros(interpreter, platform, tree, evaluate)


def _from_table(interpreter: Interpreter, tokens: list[Token]) -> Found:
    """The entries ``[index] = value`` of protection_map."""
    words: dict[str, int] = {}
    places: dict[str, str] = {}
    classes = {index: name for name, index in CLASSES.items()}
    for part in split_parts(tokens[1:-1]):
        if not part:
            continue
        close = next((i for i, token in enumerate(part) if token.text == "]"), 0)
        if part[0].text != "[" or close + 1 >= len(part) or part[close + 1].text != "=":
            raise fault(part[0], "an entry of protection_map has a form that is not understood")
        name = classes.get(_constant(interpreter, part[1:close], part[0]))
        if name is not None:
            words[name] = _constant(interpreter, part[close + 2 :], part[0])
            places[name] = f"{part[0].file}:{part[0].line}"
    if len(words) != len(CLASSES):
        raise fault(tokens[0], "protection_map lacks entries")
    return words, places


def _constant(interpreter: Interpreter, tokens: list[Token], place: Token) -> int:
    try:
        node = interpreter.unit.expression(tokens, place)
        interpreter.start({name: number(value, ULONG) for name, value in VM_FLAGS.items()})
        return _integer(interpreter.evaluate(node))
    except (Unsupported, Undefined) as error:
        raise fault(place, f"an entry of protection_map cannot be read: {error}") from None


def _integer(value: Value) -> int:
    term = convert(scalar(value), ULONG).term
    if term.op != "const":
        raise Undefined("its value is not constant")
    return int(term.data)


def _from_macros(interpreter: Interpreter, platform: Platform, tree: Tree, evaluate: Evaluate) -> Found:
    """PAGE_NONE and its like, with the assumption that they are what user mappings get."""
    words: dict[str, int] = {}
    places: dict[str, str] = {}
    for name, macros in MACROS.items():
        for macro in macros:
            found = interpreter.unit.macros.lookup(macro)
            if found is not None and name not in words:
                try:
                    words[name] = _integer(evaluate(macro))
                    places[name] = f"{found.file}:{found.line}"
                except (Unsupported, Undefined):
                    continue
    if words:
        path = platform.protection_map
        why = f"{path} has no protection_map" if tree.has(path) else f"this folder has no {path}"
        interpreter.assume(f"page protections are taken from the PAGE_* macros, because {why}")
    return words, places
