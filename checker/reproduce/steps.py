"""The steps of a trace about processes as what each process calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checker.reproduce import CannotReproduce
from checker.reproduce.recipes import (
    FIRST_HALVES,
    FORCED,
    FORKS,
    KEEPS,
    REASONS,
    RECIPES,
    STARTS,
    WRITES,
    Recipe,
)

if TYPE_CHECKING:
    from checker.cli.telling import ToldTrace
    from checker.system import Operation


def content(number: int) -> str:
    """What step ``number`` writes, or a check behind the last step: of each its own, none of them 0 or 0xff."""
    return f"{0x10 + number % 0xE0:#x}"


@dataclass(frozen=True)
class Step:
    """One line of the program's table of steps.

    Attributes:
        who: the name of the process.
        function: what it calls.
        value: the argument, in C.
        effect: what becomes of the contents.
        says: for the report.
        about: the comment: what the operation is and where the kernel has it.
    """

    who: str
    function: str
    value: str
    effect: str
    says: str
    about: str


def must_be_drivable(told: ToldTrace) -> None:
    """Raises CannotReproduce with every step that user space cannot drive."""
    reasons = []
    names = [operation_of(step.operation)[0] for step in told.steps[1:]]
    for number, name in enumerate(names, 1):
        if name in FIRST_HALVES:
            if names[number : number + 1] != [FIRST_HALVES[name]]:
                reasons.append(
                    f"step {number}, {name}: one call does it together with {FIRST_HALVES[name]}, which is not next"
                )
        elif name not in RECIPES:
            reasons.append(f"step {number}, {name}: {REASONS[name]}")
    if reasons:
        raise CannotReproduce("user space cannot drive the kernel through this trace: " + "; ".join(reasons))


def steps_of(told: ToldTrace) -> Iterator[Step]:
    """The start and the steps of a trace that user space can drive, in the trace's order."""
    from checker.cli.jobs import build_system

    system = build_system(told.job)
    declared = {op.name: op for op in system.operations}
    start = next(s for s in system.starts if s.name == told.trace.start)
    function, written = STARTS[start.name]
    about = f"Start: {start.name}. ({start.says})"
    value = _content(told, 0) if written else "0"
    yield Step("parent", function, value, WRITES if written else KEEPS, start.name, about)
    for number, step in enumerate(told.steps[1:], 1):
        name, who = operation_of(step.operation)
        if name in FIRST_HALVES:
            continue
        recipe = _recipe(told, number, name, who)
        value = _value(told, recipe, number, who)
        who = _reference_of(told, number, who) if name == "unpin" else who
        yield Step(
            who, recipe.function, value, recipe.effect, step.operation, _about(number, declared[step.operation], recipe)
        )


def _reference_of(told: ToldTrace, number: int, who: str) -> str:
    """Who took the reference that a step drops, which the model gives to whoever maps the page first."""
    from models.mm.state import page_of

    names = processes_of(told)
    owner = int(page_of(told.states[number - 1], names.index(who)).pin.owner)
    if owner >= len(names):
        raise CannotReproduce(f"step {number}, unpin: whoever took the reference has no entry for the page any more")
    return names[owner]


def _recipe(told: ToldTrace, number: int, name: str, who: str) -> Recipe:
    """What drives an operation in the state it happens in."""
    recipe = RECIPES[name]
    process = told.states[number - 1].processes[processes_of(told).index(who)]
    return recipe if process.vma.write else FORCED.get(recipe.function, recipe)


def _about(number: int, operation: Operation, recipe: Recipe) -> str:
    how = f" Here: {recipe.says}." if recipe.says else ""
    return f"{number}: {operation.says} ({operation.source}).{how}"


def _value(told: ToldTrace, recipe: Recipe, number: int, who: str) -> str:
    if recipe.effect == WRITES:
        return _content(told, number)
    if recipe.effect == FORKS:
        before, after = told.states[number - 1].processes, told.states[number].processes
        born = [n for n, a, b in zip(processes_of(told), before, after, strict=True) if not is_alive(a) and is_alive(b)]
        return born[0].upper()
    return who.upper() if recipe.function == "leave" else "0"


def _content(told: ToldTrace, number: int) -> str:
    """What a step writes: a value of its own, but zero where KSM is to find zeroes later."""
    later = [step.operation for step in told.steps[number + 1 :]]
    zero = any(RECIPES[name].function == "merge_zero" for name, _ in map(operation_of, later) if name in RECIPES)
    return "0" if zero else content(number)


def operation_of(text: str) -> tuple[str, str]:
    """The operation and the process of a step, ``fork_pmd(parent)``."""
    name, _, who = text.partition("(")
    return name, who.removesuffix(")")


def processes_of(told: ToldTrace) -> tuple[str, ...]:
    """The names of the processes that there can be."""
    from models.mm.state import names

    return tuple(names(len(told.states[0].processes)))


def is_alive(process: Any) -> bool:
    """The process exists."""
    from models.mm.state import ABSENT

    return bool(process.level != ABSENT)
