"""Reads scenario files: text nobody vouches for becomes a scenario, or one sentence that says where and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from checker.scenario import (
    Access,
    Answer,
    AnyOrder,
    Beginning,
    Do,
    Expectation,
    Place,
    Question,
    Scenario,
    ScenarioError,
    Step,
    Vocabulary,
    Word,
    hint,
)
from checker.scenario_formula import parse_formula

MAX_BYTES, MAX_LINE, MAX_STEPS, MAX_DEPTH = 1 << 16, 1000, 500, 10_000
"""The size of a file, the characters of a line, the steps of a scenario, and the depth of ``any order``."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?=\s|$)")
OPERATION = re.compile(r'(?:[^\s"(),]|\([^()"]*\))+')
LISTED = re.compile(r'[^\s",]+')
INPUTS = re.compile(r"\swith\s+(?=[A-Za-z_][\w.\[\]]*\s*=)")
INPUT = re.compile(r"([A-Za-z_][\w.\[\]]*)\s*=\s*([^,=]*[^,=\s])\s*")
ORDER = re.compile(r"any\s+order\s+to\s+depth\s+([0-9]{1,9})(?=\s|$)\s*")

ANSWERS_TO = {
    "never": (Answer.HOLDS, Answer.VIOLATED, Answer.STUCK),
    "always": (Answer.HOLDS, Answer.VIOLATED, Answer.STUCK),
    "exists": (Answer.FOUND, Answer.NOT_FOUND, Answer.STUCK),
}
"""The answers each question can have."""

HEAD, STEPS, QUESTION, EXPECT = range(4)
"""The parts of a file, in their order."""


@dataclass(frozen=True)
class Line:
    """The rest of a line, from some column on, without its comment and the blanks around it."""

    text: str
    place: Place

    def after(self, count: int) -> Line:
        """What follows so many characters and the blanks after them."""
        rest = self.text[count:]
        blanks = len(rest) - len(rest.lstrip())
        return Line(rest[blanks:], Place(self.place.file, self.place.line, self.place.column + count + blanks))

    def at(self, count: int) -> Place:
        """The place so many characters on."""
        return Place(self.place.file, self.place.line, self.place.column + count)

    def must_end(self, after: str) -> None:
        """Raises ScenarioError if anything is left."""
        if self.text:
            raise ScenarioError(self.place, f"expected the line to end after {after}")


@dataclass
class _Draft:
    """What has been read so far."""

    vocabulary: Vocabulary
    part: int = HEAD
    once: dict[str, Place] = field(default_factory=dict)
    name: str = ""
    says: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    patterns: tuple[Word, ...] = ()
    world: str = ""
    kernels: tuple[str, ...] = ()
    choices: list[tuple[str, str]] = field(default_factory=list)
    begin: Beginning | None = None
    steps: list[Step] = field(default_factory=list)
    question: Question | None = None
    expectations: list[Expectation] = field(default_factory=list)


def parse_bytes(data: bytes, file: str, vocabulary: Vocabulary) -> Scenario:
    """The scenario in a file's bytes.

    Args:
        data: the content.
        file: its name, for messages.
        vocabulary: the names that may be used.

    Raises:
        ScenarioError: the content is not a scenario.
    """
    if len(data) > MAX_BYTES:
        raise ScenarioError(Place(file, 1, 1), f"expected a file of at most {MAX_BYTES} bytes, not {len(data)}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as why:
        before = data[: why.start].decode("utf-8")
        place = Place(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        raise ScenarioError(place, "expected text in UTF-8") from None
    return parse_scenario(text, file, vocabulary)


def parse_scenario(text: str, file: str, vocabulary: Vocabulary) -> Scenario:
    """The scenario in a text; see :func:`parse_bytes`."""
    draft = _Draft(vocabulary)
    rows = text.split("\n")
    for number, raw in enumerate(rows, 1):
        line = _line(raw.removesuffix("\r"), Place(file, number, 1))
        if line.text:
            _read(draft, line)
    return _finished(draft, Place(file, len(rows), 1))


def _line(raw: str, place: Place) -> Line:
    if len(raw) > MAX_LINE:
        raise ScenarioError(
            Place(place.file, place.line, MAX_LINE + 1), f"expected a line of at most {MAX_LINE} characters"
        )
    for column, character in enumerate(raw, 1):
        if not character.isprintable() and character != "\t":
            where = Place(place.file, place.line, column)
            raise ScenarioError(where, f"expected a printable character, not U+{ord(character):04X}")
    return Line(_without_comment(raw).rstrip(), place).after(0)


def _without_comment(raw: str) -> str:
    """The line up to the first # that is not between double quotes."""
    for position, character in enumerate(raw):
        if character == "#" and raw.count('"', 0, position) % 2 == 0:
            return raw[:position]
    return raw


def _read(draft: _Draft, line: Line) -> None:
    if not draft.name:
        _scenario(draft, line)
    elif line.text.startswith('"'):
        _sentence(draft, line)
    else:
        keyword = KEYWORD.match(line.text)
        word = keyword.group() if keyword else ""
        if word == "scenario":
            raise ScenarioError(line.place, "expected one scenario in a file: put the next one into a file of its own")
        if word in _LINES:
            part, reader = _LINES[word]
            _enter(draft, part, word, line)
            reader(draft, line, line.after(len(word)))
        elif word in draft.vocabulary.choices:
            _enter(draft, HEAD, word, line)
            _choice(draft, word, line)
        else:
            _operation(draft, line)


def _enter(draft: _Draft, part: int, word: str, line: Line) -> None:
    """Keeps the parts of a file in order."""
    if part < draft.part:
        belongs = ("before the first step", "before the question", "before the first 'expect'")[part]
        raise ScenarioError(line.place, f"{word!r} comes too late: expected it {belongs}")
    if part == STEPS and draft.begin is None:
        raise ScenarioError(line.place, "expected a line `start NAME` before the first step")
    draft.part = part


def _only_once(draft: _Draft, word: str, line: Line) -> None:
    if word in draft.once:
        raise ScenarioError(line.place, f"there is already a line {word!r}, in line {draft.once[word].line}")
    draft.once[word] = line.place


def _something(rest: Line, what: str) -> None:
    if not rest.text:
        raise ScenarioError(rest.place, f"expected {what}")


def _scenario(draft: _Draft, line: Line) -> None:
    keyword = KEYWORD.match(line.text)
    if not keyword or keyword.group() != "scenario":
        raise ScenarioError(line.place, "expected `scenario NAME` as the first line")
    rest = line.after(len("scenario"))
    name = NAME.match(rest.text)
    if not name:
        raise ScenarioError(rest.place, "expected a name of letters, digits and . _ + - after 'scenario'")
    rest.after(name.end()).must_end(f"the scenario's name {name.group()!r}")
    draft.name = name.group()


def _sentence(draft: _Draft, line: Line) -> None:
    if draft.part != HEAD or draft.begin is not None:
        raise ScenarioError(line.place, "a sentence in quotes comes too late: expected it below the scenario's name")
    end = line.text.find('"', 1)
    if end < 0:
        raise ScenarioError(line.place, "this quote is not closed: expected another one on the same line")
    line.after(end + 1).must_end("the sentence")
    if not line.text[1:end].strip():
        raise ScenarioError(line.place, "expected one plain sentence between the quotes")
    draft.says.append(" ".join(line.text[1:end].split()))


def _source(draft: _Draft, line: Line, rest: Line) -> None:
    _something(rest, "where the situation comes from after 'source'")
    draft.sources.append(" ".join(rest.text.split()))


def _listed(rest: Line, item: re.Pattern[str], what: str) -> tuple[tuple[Word, ...], Line]:
    """A list with commas, and what follows it."""
    words: list[Word] = []
    while True:
        match = item.match(rest.text)
        if not match:
            raise ScenarioError(rest.place, f"expected {what}" + (" after the comma" if words else ""))
        words.append(Word(match.group(), rest.place))
        rest = rest.after(match.end())
        if not rest.text.startswith(","):
            return tuple(words), rest
        rest = rest.after(1)


def _known(word: Word, known: Collection[str], what: str) -> str:
    if word.text not in known:
        raise ScenarioError(word.place, f"no {what} {word.text!r}: {hint(word.text, known)}")
    return word.text


def _on(draft: _Draft, line: Line, rest: Line) -> None:
    _only_once(draft, "on", line)
    draft.patterns, rest = _listed(rest, LISTED, "a configuration or a pattern for configurations")
    rest.must_end("the configurations (they are separated by commas)")
    for pattern in draft.patterns:
        _must_match(pattern, draft.vocabulary.configurations)


def _must_match(pattern: Word, configurations: Collection[str], whose: str = "") -> None:
    if not any(fnmatchcase(config, pattern.text) for config in configurations):
        raise ScenarioError(
            pattern.place, f"no configuration{whose} matches {pattern.text!r}: {hint(pattern.text, configurations)}"
        )


def _one(rest: Line, known: Collection[str], what: str) -> str:
    match = LISTED.match(rest.text)
    if not match:
        raise ScenarioError(rest.place, f"expected a {what}: {', '.join(known)}")
    rest.after(match.end()).must_end(f"the {what} {match.group()!r}")
    return _known(Word(match.group(), rest.place), known, what)


def _world(draft: _Draft, line: Line, rest: Line) -> None:
    _only_once(draft, "world", line)
    draft.world = _one(rest, draft.vocabulary.worlds, "world")


def _kernel_names(draft: _Draft, rest: Line) -> tuple[tuple[str, ...], Line]:
    known = draft.vocabulary.kernels
    words, rest = _listed(rest, LISTED, f"a kernel ({', '.join(known)})")
    return tuple(dict.fromkeys(_known(word, known, "kernel") for word in words)), rest


def _mm(draft: _Draft, line: Line, rest: Line) -> None:
    _only_once(draft, "mm", line)
    draft.kernels, rest = _kernel_names(draft, rest)
    rest.must_end("the kernels (they are separated by commas)")


def _choice(draft: _Draft, word: str, line: Line) -> None:
    _only_once(draft, word, line)
    known, rest = draft.vocabulary.choices[word], line.after(len(word))
    if word not in draft.vocabulary.several:
        draft.choices.append((word, _one(rest, known, word)))
        return
    words, rest = _listed(rest, LISTED, f"something after {word!r}: {', '.join(known)}")
    rest.must_end("the names (they are separated by commas)")
    draft.choices += [(word, value) for value in sorted({_known(name, known, "choice") for name in words})]


def _start(draft: _Draft, line: Line, rest: Line) -> None:
    _only_once(draft, "start", line)
    _something(rest, "the name of a start after 'start'")
    split = INPUTS.search(rest.text)
    name = Word(" ".join(rest.text[: split.start() if split else None].split()), rest.place)
    draft.begin = Beginning(name, _inputs(rest.after(split.end())) if split else ())


def _inputs(rest: Line) -> tuple[tuple[Word, Word], ...]:
    found: list[tuple[Word, Word]] = []
    while True:
        match = INPUT.match(rest.text)
        if not match:
            raise ScenarioError(rest.place, "expected INPUT = VALUE" + (" after the comma" if found else ""))
        found.append((Word(match[1], rest.place), Word(match[2], rest.at(match.start(2)))))
        if match[1] in [name.text for name, _ in found[:-1]]:
            raise ScenarioError(rest.place, f"input {match[1]!r} is given twice")
        rest = rest.after(match.end())
        if not rest.text:
            return tuple(found)
        if not rest.text.startswith(","):
            raise ScenarioError(rest.place, "expected a comma or the end of the line")
        rest = rest.after(1)


def _add_step(draft: _Draft, step: Step) -> None:
    if len(draft.steps) == MAX_STEPS:
        raise ScenarioError(step.place, f"expected at most {MAX_STEPS} steps")
    draft.steps.append(step)


def _access(draft: _Draft, line: Line, rest: Line) -> None:
    kind = line.text.split()[0]
    match = LISTED.match(rest.text)
    if not match:
        raise ScenarioError(rest.place, f"expected a process after {kind!r}")
    rest.after(match.end()).must_end(f"the process {match.group()!r}")
    _add_step(draft, Access(kind, Word(match.group(), rest.place), line.place))


def _any_order(draft: _Draft, line: Line, rest: Line) -> None:
    match = ORDER.match(line.text)
    if not match:
        raise ScenarioError(line.place, "expected `any order to depth N` or `any order to depth N of OPERATION, ...`")
    depth, rest = int(match[1]), line.after(match.end())
    if depth > MAX_DEPTH:
        raise ScenarioError(line.at(match.start(1)), f"expected a depth of at most {MAX_DEPTH}")
    operations = None
    if rest.text:
        if not re.match(r"of(\s|$)", rest.text):
            raise ScenarioError(rest.place, "expected `of OPERATION, ...` or the end of the line")
        operations, rest = _listed(rest.after(2), OPERATION, "an operation")
        rest.must_end("the operations (they are separated by commas)")
    _add_step(draft, AnyOrder(depth, operations, line.place))


def _operation(draft: _Draft, line: Line) -> None:
    match = OPERATION.match(line.text)
    if not match or match.end() < len(line.text):
        first = line.text.split()[0]
        keywords = ("scenario", *_LINES, *draft.vocabulary.choices)
        raise ScenarioError(line.place, f"no line begins with {first!r}: {_keyword_hint(first, keywords)}")
    _enter(draft, STEPS, match.group(), line)
    _add_step(draft, Do(Word(match.group(), line.place)))


def _keyword_hint(first: str, keywords: Collection[str]) -> str:
    suggestion = hint(first, keywords)
    if suggestion.startswith("did you mean"):
        return suggestion
    return "expected a keyword, or one operation, such as fork_pte(parent), alone on its line"


def _question(draft: _Draft, line: Line, rest: Line) -> None:
    if draft.question is not None:
        raise ScenarioError(line.place, f"there is a question already, in line {draft.question.place.line}")
    if draft.begin is None:
        raise ScenarioError(line.place, "expected a line `start NAME` before the question")
    kind = line.text.split()[0]
    _something(rest, f"a formula after {kind!r}")
    draft.question = Question(kind, parse_formula(rest.text, rest.place), rest.text, line.place)


def _expect(draft: _Draft, line: Line, rest: Line) -> None:
    if draft.question is None:
        raise ScenarioError(line.place, "expected a question (never, always or exists) before 'expect'")
    answer, rest = _answer(draft.question.kind, rest)
    patterns: tuple[Word, ...] = ()
    kernels: tuple[str, ...] = ()
    if re.match(r"on(\s|$)", rest.text):
        patterns, rest = _listed(rest.after(2), LISTED, "a configuration or a pattern for configurations")
    if re.match(r"with\s+mm(\s|$)", rest.text):
        after_with = rest.after(4)
        kernels, rest = _kernel_names(draft, after_with.after(2))
    rest.must_end("the answer, `on CONFIGURATION, ...` and `with mm KERNEL, ...`")
    if draft.expectations and not patterns and not kernels:
        raise ScenarioError(
            line.place, "expected `on CONFIGURATION` or `with mm KERNEL`: the first 'expect' is the rule"
        )
    if not draft.expectations and (patterns or kernels):
        raise ScenarioError(line.place, "expected the rule for all first, an 'expect' without `on` and `with`")
    draft.expectations.append(Expectation(answer, patterns, kernels, line.place))


def _answer(kind: str, rest: Line) -> tuple[Answer, Line]:
    possible = ANSWERS_TO[kind]
    match = re.match(r"not\s+found(?=\s|$)|\S*", rest.text)
    text = " ".join(match.group().split()) if match else ""
    for answer in possible:
        if text == answer.value:
            return answer, rest.after(match.end() if match else 0)
    names = " or ".join(repr(answer.value) for answer in possible)
    raise ScenarioError(rest.place, f"expected {names} as the answer to {kind!r}, not {_quoted(text)}")


def _quoted(text: str) -> str:
    return repr(text) if text else "the end of the line"


_LINES: dict[str, tuple[int, Callable[[_Draft, Line, Line], None]]] = {
    "source": (HEAD, _source),
    "on": (HEAD, _on),
    "world": (HEAD, _world),
    "mm": (HEAD, _mm),
    "start": (HEAD, _start),
    "write": (STEPS, _access),
    "read": (STEPS, _access),
    "any": (STEPS, _any_order),
    "never": (QUESTION, _question),
    "always": (QUESTION, _question),
    "exists": (QUESTION, _question),
    "expect": (EXPECT, _expect),
}


def _finished(draft: _Draft, end: Place) -> Scenario:
    if not draft.name:
        raise ScenarioError(end, "expected `scenario NAME` before the end of the file")
    if not draft.says:
        raise ScenarioError(end, "expected one plain sentence in double quotes below the scenario's name")
    if draft.begin is None or draft.question is None:
        missing = "a line `start NAME`" if draft.begin is None else "a question (never, always or exists)"
        raise ScenarioError(end, f"expected {missing} before the end of the file")
    if not draft.expectations:
        raise ScenarioError(end, "expected a line `expect ANSWER` before the end of the file")
    return Scenario(
        file=end.file,
        name=draft.name,
        says=" ".join(draft.says),
        sources=tuple(draft.sources),
        configurations=_configurations(draft),
        world=draft.world or draft.vocabulary.worlds[0],
        kernels=_kernels(draft),
        choices=tuple(draft.choices),
        begin=draft.begin,
        steps=tuple(draft.steps),
        question=draft.question,
        expectations=tuple(draft.expectations),
    )


def _configurations(draft: _Draft) -> tuple[str, ...]:
    chosen = tuple(
        config
        for config in (draft.vocabulary.configurations if draft.patterns else draft.vocabulary.default)
        if not draft.patterns or any(fnmatchcase(config, pattern.text) for pattern in draft.patterns)
    )
    for expectation in draft.expectations:
        for pattern in expectation.patterns:
            _must_match(pattern, chosen, " of this scenario")
    return chosen


def _kernels(draft: _Draft) -> tuple[str, ...]:
    if draft.world in ("", draft.vocabulary.worlds[0]):
        chosen = draft.kernels or draft.vocabulary.kernels or ("",)
        for expectation in draft.expectations:
            for kernel in set(expectation.kernels) - set(chosen):
                raise ScenarioError(expectation.place, f"this scenario is not about mm {kernel}: see its `mm` line")
        return chosen
    for word in ("mm", *(name for name, _ in draft.choices)):
        if word in draft.once:
            raise ScenarioError(draft.once[word], f"{word!r} does not belong to the {draft.world} world")
    for expectation in draft.expectations:
        if expectation.kernels:
            raise ScenarioError(expectation.place, f"`with mm` does not belong to the {draft.world} world")
    return ("",)
