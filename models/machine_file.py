"""A machine that somebody describes in a file of their own: TOML, in which the CPU's rules are conditions in C.

The file is data. Its conditions are read as the tree's own C is, with the tree's macros; nothing of it is run.
docs/porting.md shows one.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.kernel.errors import KernelError
from models.kernel.tokens import printable, tokenize

MAX_BYTES = 1 << 16
"""Larger files are refused."""

MAX_CONDITION = 2_000
"""The longest condition, in characters."""

MAX_ENTRIES = 200
"""The most entries of one list or table."""

LEVELS = ("pte", "pmd", "pud")

CONDITIONS = ("readable", "silent", "recording", "handler", "executable")
"""The conditions on an entry, each a C expression over ``pte``."""

CHANGES = {"records": "recording", "handled": "handler", "loaded": ""}
"""What an entry becomes, each a C expression over ``pte``; and the condition that it belongs to."""

RULES = (*CONDITIONS, *CHANGES)


@dataclass(frozen=True)
class MachineFile:
    """A description as it was read from disk.

    Attributes:
        path: its name, for messages.
        text: what it holds.
    """

    path: str
    text: str


@dataclass(frozen=True)
class Rule:
    """One expression about an entry.

    Attributes:
        text: C.
        line: where it stands.
    """

    text: str
    line: int


@dataclass(frozen=True)
class Description:
    """What a file says.

    Attributes:
        path: the file.
        name: the machine's name.
        arch: its folder under ``arch/``.
        says: one sentence.
        source: where the rules come from, manual and low-level handlers.
        word: bits of ``long`` and of a pointer.
        big_endian: the most significant byte of a word comes first.
        page_shift, physical_bits: bits of an offset inside a page, and of a physical address.
        levels: the levels whose entries map user pages.
        protections: the C file with protection_map.
        headers: further headers that are read.
        sources: further C files.
        folders: further folders where included headers are looked for.
        given: variable or macro -> the value that it is taken to have in a running kernel.
        config: kernel options, name -> value.
        rules: level -> name of the rule -> expression.
        serves_writable, young_gates: see :class:`models.pte.Hardware`.
        bits: macro -> letter and meaning.
        fixed: macro -> the value that the CPU has it at.
        exceptions: requirement -> why it is broken on purpose.
        lines: key of ``bits``, ``fixed`` or ``exceptions`` -> line.
    """

    path: str
    name: str
    arch: str
    says: str
    source: str
    word: int
    big_endian: bool
    page_shift: int
    physical_bits: int
    levels: tuple[str, ...]
    protections: str
    headers: tuple[str, ...]
    sources: tuple[str, ...]
    folders: tuple[str, ...]
    given: Mapping[str, int]
    config: Mapping[str, str]
    rules: Mapping[str, Mapping[str, Rule]]
    serves_writable: bool
    young_gates: bool
    bits: Mapping[str, tuple[str, str]]
    fixed: Mapping[str, int]
    exceptions: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)


def read_machine(path: str) -> MachineFile:
    """The file, with its form checked.

    Raises:
        KernelError: it cannot be read, or is no description; the message names file and line.
    """
    name = printable(path, 200)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as why:
        raise KernelError(
            f"{name} cannot be read: {getattr(why, 'strerror', None) or 'its name is malformed'}"
        ) from None
    if len(content) > MAX_BYTES:
        raise KernelError(f"{name} is larger than {MAX_BYTES} bytes, the limit for the description of a machine")
    try:
        found = MachineFile(printable(Path(path).name, 100), content.decode("utf-8"))
    except UnicodeDecodeError:
        raise KernelError(f"{name} is not UTF-8 text") from None
    description(found)
    return found


@lru_cache(maxsize=4)
def description(file: MachineFile) -> Description:
    """What a file says.

    Raises:
        KernelError: it is no description; the message names file and line.
    """
    try:
        data = tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as why:
        line = re.search(r"line (\d+)", str(why))
        at = line.group(1) if line else file.text.count("\n") + 1
        raise KernelError(f"{file.path}:{at}: not TOML: {printable(str(why), 200)}") from None
    except (RecursionError, ValueError) as why:
        raise KernelError(f"{file.path}: not TOML: {printable(str(why), 200)}") from None
    return _Reader(file, data).description()


_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_FOLDER = re.compile(r"[a-z0-9_]{1,40}")
_MACRO = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_PATH = re.compile(r"(?!/)(?!.*\.\.)[A-Za-z0-9_./-]{1,200}")
_OPTION = re.compile(r"[A-Z0-9_]{1,80}(=[A-Za-z0-9]{1,20})?")

_TOP = (
    "name arch says source word big_endian page_shift physical_bits levels protections headers sources folders config "
    "cpu bits fixed given exceptions"
).split()


_NOTED = ("bits", "fixed", "exceptions")


class _Reader:
    """The work on one file."""

    def __init__(self, file: MachineFile, data: dict[str, Any]) -> None:
        self.file, self.data = file, data

    def description(self) -> Description:
        self._known(self.data, _TOP, "")
        name = self._text("name", _NAME, "lower-case letters, digits and dashes")
        levels = self._list("levels", re.compile("|".join(LEVELS)), "pte, pmd or pud", ["pte"])
        if levels[:1] != ("pte",) or levels != LEVELS[: len(levels)]:
            raise self.error("", "levels", 'begin with "pte" and leave none out')
        cpu = self._table("", "cpu", required=True)
        self._known(cpu, (*RULES, "serves_writable", "young_gates", *levels), "cpu")
        bits, fixed = self._table("", "bits"), self._table("", "fixed")
        return Description(
            path=self.file.path,
            name=name,
            arch=self._text("arch", _FOLDER, "the name of a folder of arch/", name),
            says=self._sentence("", "says", self.data.get("says", "described in " + self.file.path)),
            source=self._sentence("", "source", self.data.get("source")),
            word=self._number("", "word", self.data.get("word"), (32, 64)),
            big_endian=self._flag("", "big_endian", self.data.get("big_endian", False)),
            page_shift=self._number("", "page_shift", self.data.get("page_shift", 12), range(10, 21)),
            physical_bits=self._number("", "physical_bits", self.data.get("physical_bits"), range(20, 61)),
            levels=levels,
            protections=self._text("protections", _PATH, "a path inside the tree"),
            headers=self._list("headers", _PATH, "a name as in #include <...>", []),
            sources=self._list("sources", _PATH, "a path inside the tree", []),
            folders=self._list("folders", _PATH, "a path inside the tree", []),
            given={name: self._fixed("given", name, value) for name, value in self._table("", "given").items()},
            config=self._config(),
            rules={level: self._rules(cpu, level) for level in levels},
            serves_writable=self._flag("cpu", "serves_writable", cpu.get("serves_writable")),
            young_gates=self._flag("cpu", "young_gates", cpu.get("young_gates")),
            bits={macro: self._bit(macro, value) for macro, value in bits.items()},
            fixed={macro: self._fixed("fixed", macro, value) for macro, value in fixed.items()},
            exceptions={
                key: self._sentence("exceptions", key, value)
                for key, value in self._table("", "exceptions").items()
            },
            lines={key: self.line(table, key) for table in _NOTED for key in self._table("", table)},
        )  # fmt: skip

    def line(self, table: str, key: str) -> int:
        """Where a key of a table stands, as near as can be told."""
        within, best = "", 1
        for number, text in enumerate(self.file.text.splitlines(), 1):
            head = re.match(r"\s*\[([^\]]*)\]", text)
            if head:
                within = head.group(1).strip()
                best = number if within in (table or key, f"{table}.{key}") else best
            elif within == table and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", text):
                return number
        return best

    def error(self, table: str, key: str, what: str) -> KernelError:
        """The error at a key."""
        return KernelError(f"{self.file.path}:{self.line(table, key)}: {printable(key)}: {what}")

    def _known(self, found: Mapping[str, Any], known: Iterable[str], table: str) -> None:
        for key in found:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise self.error(table, key, f"no such key{f' in [{table}]' if table else ''}: {hint}")

    def _table(self, table: str, key: str, required: bool = False) -> dict[str, Any]:
        found = (self.data if not table else self.data[table]).get(key, None if required else {})
        if not isinstance(found, dict):
            raise self.error(table, key, f"a table [{key}] is needed")
        if len(found) > MAX_ENTRIES:
            raise self.error(table, key, f"more than {MAX_ENTRIES} entries")
        return found

    def _text(self, key: str, form: re.Pattern[str], what: str, default: str | None = None) -> str:
        found = self.data.get(key, default)
        if not isinstance(found, str) or not form.fullmatch(found):
            raise self.error("", key, f"{what} is needed, in quotes")
        return found

    def _sentence(self, table: str, key: str, found: object) -> str:
        if not isinstance(found, str) or not found.strip() or len(found) > MAX_CONDITION:
            raise self.error(table, key, "a sentence in quotes is needed")
        return printable(" ".join(found.split()), MAX_CONDITION)

    def _number(self, table: str, key: str, found: object, allowed: Iterable[int]) -> int:
        numbers = list(allowed)
        if not isinstance(found, int) or isinstance(found, bool) or found not in numbers:
            which = " or ".join(map(str, numbers)) if len(numbers) < 4 else f"{numbers[0]} to {numbers[-1]}"
            raise self.error(table, key, f"a number is needed, {which}")
        return found

    def _flag(self, table: str, key: str, found: object) -> bool:
        if not isinstance(found, bool):
            raise self.error(table, key, "true or false is needed")
        return found

    def _list(self, key: str, form: re.Pattern[str], what: str, default: list[str]) -> tuple[str, ...]:
        found = self.data.get(key, default)
        if not isinstance(found, list) or len(found) > MAX_ENTRIES:
            raise self.error("", key, "a list of texts is needed")
        for entry in found:
            if not isinstance(entry, str) or not form.fullmatch(entry):
                raise self.error("", key, f"{printable(str(entry))!r} is not {what}")
        return tuple(found)

    def _config(self) -> dict[str, str]:
        found = self._list("config", _OPTION, "an option such as SMP or PGTABLE_LEVELS=2", [])
        pairs = (option.partition("=") for option in found)
        return {f"CONFIG_{name}": value if equals else "1" for name, equals, value in pairs}

    def _rules(self, cpu: Mapping[str, Any], level: str) -> dict[str, Rule]:
        """The rules of a level: those of all, with its own in their place."""
        own = cpu.get(level, {})
        if not isinstance(own, dict):
            raise self.error("cpu", level, f"a table [cpu.{level}] is needed")
        self._known(own, RULES, f"cpu.{level}")
        found = {}
        for key in RULES:
            table, where = (own, f"cpu.{level}") if key in own else (cpu, "cpu")
            if key in table:
                found[key] = Rule(self._condition(where, key, table[key]), self.line(where, key))
        for key in ("readable", "silent"):
            if key not in found:
                raise self.error("cpu", key, "a C expression over pte is needed, in quotes")
        for change, condition in CHANGES.items():
            if condition and (change in found) != (condition in found):
                raise self.error("cpu", condition, f"{condition} and {change} belong together")
        return found

    def _condition(self, table: str, key: str, found: object) -> str:
        if not isinstance(found, str) or not found.strip() or len(found) > MAX_CONDITION:
            raise self.error(table, key, "a C expression over pte is needed, in quotes")
        text = " ".join(found.split())
        tokens = tokenize(text, self.file.path, self.line(table, key), 0)
        for token in tokens:
            if token.kind not in ("word", "number", "punct") or token.text in _NOT_IN_CONDITIONS:
                raise self.error(table, key, f"{printable(token.text)} has no place in a C expression over pte")
        if not _balanced([token.text for token in tokens]):
            raise self.error(table, key, "its parentheses do not match")
        return text

    def _bit(self, macro: str, found: object) -> tuple[str, str]:
        form = re.fullmatch(r"(\S) +(\S.*)", found) if isinstance(found, str) else None
        if not form or not _MACRO.fullmatch(macro):
            raise self.error("bits", macro, 'a letter and a few words are needed: "W writable"')
        return printable(form.group(1)), printable(form.group(2), 100)

    def _fixed(self, table: str, macro: str, found: object) -> int:
        number = isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 64
        if not isinstance(found, int) or not number or not _MACRO.fullmatch(macro):
            raise self.error(table, macro, "a name of C and a number of at most 64 bits are needed")
        return found


_NOT_IN_CONDITIONS = frozenset("{ } ; # = ++ -- += -= *= /= %= &= |= ^= <<= >>= [ ] . -> ##".split())
"""Tokens of C that change something, or that no condition on one word needs."""


def _balanced(tokens: list[str]) -> bool:
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if depth < 0:
            return False
    return depth == 0
