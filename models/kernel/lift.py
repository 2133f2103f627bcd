"""From a kernel tree to helpers as expressions: :func:`lift_tree`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from checker.terms import Term
from models.kernel.architectures import COMMON_SOURCES, IN_PLACE, TEST, Drift, Platform
from models.kernel.coverage import Coverage, coverage
from models.kernel.errors import (
    BUG,
    MAX_CONSTANTS,
    NOT_PRESENT,
    NOTHING,
    Bug,
    KernelError,
    LimitExceeded,
    NotLifted,
    NotThere,
    Unsupported,
)
from models.kernel.helper import HelperParameter, InPlaceHelper, LiftedHelper, argument_variable
from models.kernel.in_place import lift_in_place
from models.kernel.interpreter import Interpreter
from models.kernel.macros import Macro
from models.kernel.platforms import PLATFORMS
from models.kernel.preprocess import Sources
from models.kernel.protections import protections
from models.kernel.quiet import QUIET
from models.kernel.source import Tree
from models.kernel.syntax import Expression, TypeName
from models.kernel.tokens import Token, printable, tokenize
from models.kernel.unit import Function, Unit
from models.kernel.values import Opaque, Pointer, Type, Value, joined, scalar, wrap
from models.kernel.words import IntType, Undefined, Word, as_word, truth

T = TypeVar("T")

MAIN_HEADER = "include/linux/pgtable.h"
MOVED = {"mk_pte": "include/linux/mm.h"}
"""Helpers that are not the architectures' in newer releases, and the header that has them."""
_KIND_OF_TYPE = {"pte_t": "pte", "pmd_t": "pmd", "pud_t": "pud", "pgprot_t": "pgprot", "swp_entry_t": "swp"}
_KIND_OF_POINTER = {"struct vm_area_struct": "vma", "struct page": "page"}


@dataclass(frozen=True)
class LiftedTree:
    """What was read from a kernel tree for one architecture.

    Attributes:
        root: the tree.
        platform: the architecture with the features it was read for.
        version: the kernel's release, or ``unknown``.
        helpers: kernel name -> helper.
        in_place: helpers that work on an entry in memory.
        hardware: what the platform has functions for that say what the CPU does.
        missing: helpers that were not lifted, of both kinds, with the reason.
        constants: macros of page-table bits that have an integer value.
        protections: protection class -> page protection word; empty if none could be read.
        protection_map: the whole table, index (VM_READ 1, VM_WRITE 2, VM_EXEC 4, VM_SHARED 8) -> protection word.
        protection_source: file and line of each class.
        assumptions: what values rest on, as sentences; only what was used.
        configuration: the options that the headers asked for, with their values ("" is not set).
        files: the files read.
        replaced: functions of the tree that the platform puts into C.
    """

    root: Path
    platform: Platform
    version: str
    helpers: Mapping[str, LiftedHelper]
    in_place: Mapping[str, InPlaceHelper]
    missing: tuple[NotLifted, ...]
    constants: Mapping[str, int]
    protections: Mapping[str, int]
    protection_map: Mapping[int, int]
    protection_source: Mapping[str, str]
    assumptions: tuple[str, ...]
    configuration: Mapping[str, str]
    files: tuple[str, ...]
    replaced: tuple[str, ...]
    hardware: Mapping[str, LiftedHelper] = field(default_factory=dict)

    @property
    def architecture(self) -> str:
        """The architecture's name in ptecheck."""
        return self.platform.name

    @property
    def coverage(self) -> dict[str, Coverage]:
        """What became of every helper that was looked for."""
        return coverage((*self.platform.wanted, *IN_PLACE), {**self.helpers, **self.in_place}, self.missing)


def lift_tree(tree: Tree | Path, architecture: str | Platform, features: tuple[str, ...] = ()) -> LiftedTree:
    """Reads the page-table helpers and bits of one architecture from a kernel tree.

    Nothing of the tree is run or compiled, and nothing outside it is read.

    Args:
        tree: a git checkout, an unpacked tarball or Debian's ``linux-headers-*-common`` folder; or what
            :func:`models.kernel.open_tree` made of one.
        architecture: a name in :data:`models.kernel.platforms.PLATFORMS`, or one of somebody's own.
        features: options in force, ``("shstk",)``; none: the platform's default.

    Raises:
        KernelError: the folder is no kernel tree, lacks the architecture, or cannot be read.
    """
    platform = architecture if isinstance(architecture, Platform) else PLATFORMS.get(architecture)
    if platform is None:
        assert isinstance(architecture, str)
        near = difflib.get_close_matches(architecture, PLATFORMS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "see ptecheck list architectures"
        raise KernelError(f"helpers of {architecture} cannot be read from a kernel tree: {hint}")
    folder = _opened(tree)
    chosen = features or platform.default
    for name in chosen:
        clash = platform.features[name].excludes & set(chosen) if name in platform.features else None
        if clash:
            raise KernelError(f"{platform.name}: {name} and {min(clash)} exclude each other")
    platform = platform.with_features(chosen)
    _check_layout(folder, platform)
    platform = platform.as_told(partial(_told, folder))
    sources = Sources(folder, platform.folder, platform.headers, platform.config, platform.folders)
    sources.macros.fixed = frozenset((*platform.runtime, *platform.calls, *platform.quiet, *QUIET))
    for header in (*platform.first, MAIN_HEADER):
        if folder.has(header) or not platform.headers.get(header.split("include/", 1)[-1]):
            sources.read(header)
    lifter = Lifter(sources, platform)
    lifter.read_sources()
    return lifter.result()


def liftable(tree: Tree | Path, platforms: Mapping[str, Platform] = PLATFORMS) -> list[str]:
    """The architectures of a kernel tree that can be lifted, by their names in ptecheck.

    Args:
        tree: as for :func:`lift_tree`.
        platforms: those to look for.

    Raises:
        KernelError: the folder is no kernel tree, or has none of them.
    """
    folder = _opened(tree)
    found = [name for name, platform in platforms.items() if _is_there(folder, platform)]
    if not found:
        _check_layout(folder, next(iter(platforms.values())))
    return found


def _is_there(tree: Tree, platform: Platform) -> bool:
    return tree.has(f"arch/{platform.folder}") and (not platform.needs or any(map(tree.has, platform.needs)))


def _opened(tree: Tree | Path) -> Tree:
    """The tree with nothing read from it so far."""
    return tree.fresh() if isinstance(tree, Tree) else Tree.open(tree)


def _told(tree: Tree, drift: Drift) -> bool:
    return tree.has(drift.path) and re.search(drift.says, tree.read(drift.path)) is not None


def _check_layout(tree: Tree, platform: Platform) -> None:
    """Says what was looked for in a folder that has not got it."""
    wanted = f"arch/{platform.folder}/include/asm/pgtable.h"
    if not (tree.has("arch") and tree.has("include")):
        raise KernelError(
            f"{tree.label} is no kernel tree: looked for {wanted} and {MAIN_HEADER} and found no arch/ and include/"
        )
    if not tree.has(f"arch/{platform.folder}"):
        present = ", ".join(tree.folders("arch")[:40]) or "nothing"
        raise KernelError(
            f"{tree.label} has no arch/{platform.folder}, so it does not support {platform.name} (arch/ has {present})"
        )
    if platform.needs and not any(map(tree.has, platform.needs)):
        raise KernelError(
            f"{tree.label} has no {' and no '.join(platform.needs)}, so it does not support {platform.name}"
        )
    for path in (wanted, MAIN_HEADER):
        if not tree.has(path):
            raise KernelError(f"{tree.label} is no complete kernel tree: {path} is missing")


class Lifter:
    """The work on one tree."""

    def __init__(self, sources: Sources, platform: Platform) -> None:
        self.sources = sources
        self.platform = platform
        self.unit = Unit(sources.macros)
        self.unit.add(sources.tokens)
        self.last = sources.macros.seq
        self.interpreter = Interpreter(self.unit, platform)
        self.helpers: dict[str, LiftedHelper] = {}
        self.in_place: dict[str, InPlaceHelper] = {}
        self.hardware: dict[str, LiftedHelper] = {}
        self.missing: list[NotLifted] = []

    def read_sources(self) -> None:
        """Reads the C files that the tree has."""
        for path in (*self.platform.sources, *COMMON_SOURCES):
            if self.sources.tree.has(path):
                self.sources.tokens = []
                self.sources.read(path)
                self.unit.add(self.sources.tokens)
        for name, instead in self.platform.instead.items():
            found = self.unit.functions.get(name)
            named = {token.text for token in found.body} if found is not None else set()
            if not instead.where or instead.where in named:
                place = found.name if found is not None else Token("word", name, instead.file, instead.line, 0)
                self.interpreter.replaced[name] = instead.says
                self.sources.macros.fixed |= {name}
                self.unit.add(tokenize(instead.text, place.file, place.line, self.last))

    def result(self) -> LiftedTree:
        """Everything that was found."""
        for name, (result, kinds) in self.platform.wanted.items():
            helper = self._lift(name, partial(self._helper, name, result, kinds))
            if helper is not None:
                self.helpers[name] = helper
        for name, (result, kinds) in IN_PLACE.items():
            changer = self._lift(name, partial(lift_in_place, self, name, result, kinds))
            if changer is not None:
                self.in_place[name] = changer
        for name, result in self.platform.hardware.items():
            rule = self._lift(name, partial(self._helper, name, result, ("word",)))
            if rule is not None:
                self.hardware[name] = rule
        constants = self._constants()
        found = protections(self.interpreter, self.platform, self.sources.tree, self.value)
        asked = sorted(self.sources.macros.asked)
        return LiftedTree(
            root=self.sources.tree.root,
            platform=self.platform,
            version=self.sources.tree.version(),
            helpers=self.helpers,
            in_place=self.in_place,
            missing=tuple(self.missing),
            constants=constants,
            protections=found.classes,
            protection_map=found.table,
            protection_source=found.source,
            assumptions=(
                *self.interpreter.used,
                *self.platform.assumes,
                *self.sources.tree.remarks(self.sources.files),
            ),
            configuration={name: self.platform.config.get(name, "") for name in asked},
            files=tuple(self.sources.files),
            replaced=tuple(self.interpreter.replaced),
            hardware=self.hardware,
        )

    def _lift(self, name: str, read: Callable[[], T]) -> T | None:
        """A helper, or None with its reason among the missing ones."""
        earlier = self.interpreter.used
        self.interpreter.used = {}
        try:
            helper = read()
        except (Unsupported, Undefined) as error:
            self.missing.append(self._not_lifted(name, error))
            self.interpreter.used = earlier
            return None
        self.interpreter.used = {**earlier, **self.interpreter.used}
        return helper

    def _not_lifted(self, name: str, error: Unsupported | Undefined) -> NotLifted:
        file, line = (error.file, error.line) if isinstance(error, Unsupported) else self.place(name)
        if isinstance(error, Bug) and error.always:
            return NotLifted(name, file, line, NOT_PRESENT, BUG)
        if isinstance(error, NotThere):
            return NotLifted(name, file, line, NOT_PRESENT, error.supplies)
        return NotLifted(name, file, line, str(error))

    def place(self, name: str) -> tuple[str, int]:
        """File and line of a helper's definition."""
        found = self.sources.macros.lookup(name, self.last) or self.unit.functions.get(name)
        if isinstance(found, Macro):
            return found.file, found.line
        return (found.name.file, found.name.line) if found else ("", 0)

    def _helper(self, name: str, result: str, kinds: tuple[str, ...]) -> LiftedHelper:
        macro = self.sources.macros.lookup(name, self.last)
        if macro is not None and macro.params is not None:
            parameters = self._macro_parameters(macro, kinds)
            types = [self._type_of_kind(parameter.kind, macro) for parameter in parameters]
        else:
            function = self.function(name, macro)
            named = self.unit.signature(function)[1]
            types = [self.interpreter.types.parameter(parameter.type) for parameter in named]
            parameters = tuple(
                HelperParameter(p.name or f"arg{i}", _kind(p.type, t, self.platform.abi.bits))
                for i, (p, t) in enumerate(zip(named, types, strict=True))
            )
        file, line = self.place(name)
        value = self._call(name, types)
        used = tuple(self.interpreter.used)
        return LiftedHelper(name, file, line, parameters, result, self.as_term(value, result), used)

    def as_term(self, value: Value, result: str) -> Term:
        """The helper's value as one term: a Boolean, or 64 bits."""
        if result == TEST:
            return truth(scalar(value).term)
        return joined(value, self.platform.abi)

    def _macro_parameters(self, macro: Macro, kinds: tuple[str, ...]) -> tuple[HelperParameter, ...]:
        names = macro.params or ()
        if len(names) > len(kinds) or macro.variadic:
            raise Unsupported(f"the parameters of the macro {macro.name} are not the known ones", macro)
        return tuple(HelperParameter(name, kind) for name, kind in zip(names, kinds, strict=False))

    def _type_of_kind(self, kind: str, macro: Macro) -> Type:
        """The type that a macro's argument has by the kernel's convention."""
        for table, pointer in ((_KIND_OF_TYPE, False), (_KIND_OF_POINTER, True)):
            for words, known in table.items():
                if known == kind:
                    token = Token("word", words, macro.file, macro.line, self.last)
                    return self.interpreter.types.resolve(TypeName(token, tuple(words.split()), pointer))
        return self.platform.abi.ulong

    def function(self, name: str, macro: Macro | None) -> Function:
        """The function of a helper, also behind ``#define helper other_helper``."""
        function = self.unit.functions.get(name)
        if function is not None and (macro is None or macro.text.strip() == name):
            return function
        if macro is not None and macro.text.strip() in self.unit.functions:
            return self.unit.functions[macro.text.strip()]
        if macro is not None and macro.text.strip() != name:
            raise Unsupported(f"{name} is defined as {printable(macro.text.strip())!r}, which is not understood", macro)
        declared = self.unit.declared.get(name)
        if declared is None:
            raise NotThere(self._elsewhere(name) or NOTHING)
        sources = {**COMMON_SOURCES, **self.platform.sources}
        where = next((path for path, names in sources.items() if name in names), "")
        gone = (
            f", defined in {where}, which this folder does not have"
            if where and not self.sources.tree.has(where)
            else ""
        )
        raise Unsupported(f"declared{gone}" if gone else "declared, but its definition was not found", declared)

    def _elsewhere(self, name: str) -> str:
        """What has the helper instead of the architecture's headers."""
        path, tree = MOVED.get(name, ""), self.sources.tree
        there = path and tree.has(path) and re.search(rf"\b{name}\(", tree.read(path))
        return f"a function for all architectures in {path}, which is not read" if there else ""

    def _call(self, name: str, types: list[Type]) -> Value:
        """The value of a call with an unknown for each argument."""
        arguments = {f"ptecheck_argument{i}": _argument(i, kind) for i, kind in enumerate(types)}
        return self.value(f"{name}({', '.join(arguments)})", arguments)

    def value(self, text: str, arguments: Mapping[str, Value] | None = None) -> Value:
        """The value of an expression as it would be at the end of the headers."""
        self.interpreter.start(arguments or {})
        return self.interpreter.evaluate(self._parsed(text))

    def effect(self, text: str, arguments: Mapping[str, Value], entries: Mapping[str, Value]) -> Value | None:
        """The same of a statement where some arguments point to entries; it may have no value."""
        self.interpreter.start(arguments, entries)
        return self.interpreter.discard(self._parsed(f"({{ {text}; }})"))

    def _parsed(self, text: str) -> Expression:
        tokens = tokenize(text, "(ptecheck)", 1, self.last)
        return self.unit.expression(tokens, tokens[0])

    def _constants(self) -> dict[str, int]:
        """The values of the macros that name bits and masks."""
        found: dict[str, int] = {}
        names = [name for name in self.sources.macros.names() if name.startswith(self.platform.constants)]
        if len(names) > MAX_CONSTANTS:
            raise KernelError(f"{self.sources.tree.label}: more than {MAX_CONSTANTS} macros with page-table names")
        for name in names:
            macro = self.sources.macros.lookup(name, self.last)
            value = self._constant(name) if macro is not None and macro.params is None else None
            if value is not None:
                found[name] = value
        return found

    def _constant(self, name: str) -> int | None:
        earlier = dict(self.interpreter.used)
        try:
            value = self.value(name)
            if isinstance(value, Word) and value.term.op == "const":
                return int(as_word(value, self.platform.abi).data)
        except LimitExceeded:
            raise
        except (Unsupported, Undefined, KernelError):
            # a macro with such a name may well be something else than an integer
            pass
        self.interpreter.used = earlier
        return None


def _kind(named: TypeName, kind: Type, bits: int) -> str:
    words = [word for word in named.words if word not in ("const", "volatile")]
    if isinstance(kind, Pointer):
        found = _KIND_OF_POINTER.get(kind.to)
    else:
        found = _KIND_OF_TYPE.get(words[-1]) if words else None
        found = found or (("word" if kind.bits <= bits else "wide") if isinstance(kind, IntType) else None)
    if found is None:
        raise Unsupported(f"a parameter of type {named} is not understood", named.token)
    return found


def _argument(index: int, kind: Type) -> Value:
    """The unknown argument of a type."""
    if isinstance(kind, Pointer):
        return Opaque(kind, argument_variable(index) if kind.to == "struct page" else None)
    return wrap(kind, argument_variable(index))
