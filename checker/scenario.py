"""Scenarios as data: what a file asks of which systems, and what it expects, each part with its place in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Place:
    """A position in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


MAX_MESSAGE = 300
"""What a message quotes from a file may be long; no more characters than these are said."""


class ScenarioError(ValueError):
    """A scenario that is not one, or that names what does not exist; one sentence that begins with FILE:LINE:COLUMN."""

    def __init__(self, place: Place, message: str) -> None:
        said = message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 3] + "..."
        super().__init__(f"{place}: {said}")
        self.place = place


class Answer(Enum):
    """What running a scenario can say; the value is how files, reports and JSON write it."""

    HOLDS = "holds"
    VIOLATED = "violated"
    FOUND = "found"
    NOT_FOUND = "not found"
    STUCK = "stuck"
    UNDECIDED = "not decided"


@dataclass(frozen=True)
class Word:
    """A name as the file has it."""

    text: str
    place: Place


@dataclass(frozen=True)
class Fact:
    """A fact of the world (written in double quotes), or an invariant (written without)."""

    name: str
    quoted: bool
    place: Place


@dataclass(frozen=True)
class Not:
    """The operand does not hold."""

    operand: Formula


@dataclass(frozen=True)
class Connected:
    """Several operands under one of ``and`` and ``or``."""

    connective: str
    operands: tuple[Formula, ...]


Formula = Fact | Not | Connected


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        kind: ``never``, ``always`` (of every state the steps pass through) or ``exists`` (of the states at the end).
        formula: of one state.
        text: the formula as the file has it.
        place: of the kind.
    """

    kind: str
    formula: Formula
    text: str
    place: Place


@dataclass(frozen=True)
class Do:
    """A step: one operation of the world."""

    operation: Word

    @property
    def place(self) -> Place:
        """Where the step stands."""
        return self.operation.place

    def __str__(self) -> str:
        return self.operation.text


@dataclass(frozen=True)
class Access:
    """A step: a store or a load with the faults it needs; ``kind`` is ``write`` or ``read``."""

    kind: str
    process: Word
    place: Place

    def __str__(self) -> str:
        return f"{self.kind} {self.process.text}"


@dataclass(frozen=True)
class AnyOrder:
    """A step: at most ``depth`` operations in any order, of those named or, where ``operations`` is None, of all."""

    depth: int
    operations: tuple[Word, ...] | None
    place: Place

    def __str__(self) -> str:
        return f"any order to depth {self.depth}"


Step = Do | Access | AnyOrder


@dataclass(frozen=True)
class Beginning:
    """The start: its name, and the inputs that are given, each with the text of its value."""

    name: Word
    inputs: tuple[tuple[Word, Word], ...] = ()


@dataclass(frozen=True)
class Expectation:
    """An expected answer, and for which configurations and kernels; an empty tuple stands for all."""

    answer: Answer
    patterns: tuple[Word, ...]
    kernels: tuple[str, ...]
    place: Place

    def covers(self, config: str, kernel: str) -> bool:
        """Whether it speaks of this configuration under this kernel."""
        named = not self.patterns or any(fnmatchcase(config, p.text) for p in self.patterns)
        return named and (not self.kernels or kernel in self.kernels)


@dataclass(frozen=True)
class Vocabulary:
    """The names a scenario file may use that do not depend on the system.

    Attributes:
        configurations: everything ``on`` can select from.
        default: what a scenario without ``on`` is about.
        worlds: the first is the default, and the only one with kernels and choices.
        kernels: which generic mm there is.
        choices: further lines of the head, by keyword: the values each may have.
        several: the keywords among them whose line may list more than one value.
    """

    configurations: tuple[str, ...]
    default: tuple[str, ...]
    worlds: tuple[str, ...] = ("mm", "pte")
    kernels: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Setting:
    """One system a scenario is about.

    Attributes:
        config: the configuration's full name.
        world: the world.
        kernel: which generic mm; "" in a world without.
        choices: (keyword, value) of what replaces the kernel's own way; a keyword may have several.
    """

    config: str
    world: str
    kernel: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    def chosen(self) -> dict[str, list[str]]:
        """The values by keyword."""
        found: dict[str, list[str]] = {}
        for keyword, value in self.choices:
            found.setdefault(keyword, []).append(value)
        return found


@dataclass(frozen=True)
class Scenario:
    """One scenario file.

    Attributes:
        file: the file's name, as messages give it.
        name: short.
        says: one sentence.
        sources: where the situation comes from.
        configurations: the configurations it is about, in the vocabulary's order.
        world: which world.
        kernels: which generic mm; ("",) in a world without.
        choices: (keyword, value) of what replaces the kernel's own way.
        begin: how it starts.
        steps: what happens, in order.
        question: what is asked.
        expectations: the rule, then its exceptions.
    """

    file: str
    name: str
    says: str
    sources: tuple[str, ...]
    configurations: tuple[str, ...]
    world: str
    kernels: tuple[str, ...]
    choices: tuple[tuple[str, str], ...]
    begin: Beginning
    steps: tuple[Step, ...]
    question: Question
    expectations: tuple[Expectation, ...]

    def settings(self) -> list[Setting]:
        """Every system it is about, in order."""
        return [Setting(c, self.world, k, self.choices) for c in self.configurations for k in self.kernels]

    def expected(self, setting: Setting) -> Expectation:
        """The expectation for one system: the last that covers it."""
        return [e for e in self.expectations if e.covers(setting.config, setting.kernel)][-1]


SHOWN_NAMES = 8
"""A message lists at most so many known names."""


def hint(wrong: str, known: Iterable[str]) -> str:
    """``did you mean 'X'?``, or what the known names are."""
    names = list(known)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    if not names:
        return "there is none"
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"known are {', '.join(names[:SHOWN_NAMES])}{more}"
