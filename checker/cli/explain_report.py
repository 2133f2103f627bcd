"""A cause for a reader, and as JSON data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from checker.cause import Fate, Rerun
from checker.cli.everywhere import Whole
from checker.cli.evidence import described
from checker.cli.explain import ASSIGNED, GENERIC, LACKING, NOTHING, OPEN, Blame, Cause
from checker.verdict import Verdict

if TYPE_CHECKING:
    from models.edits import Assignment

SHOWN = 4
"""So many sets of a kind are shown."""


def wrapped(text: str, indent: int = 2, further: int = 2) -> list[str]:
    """A sentence in lines of a page."""
    left = " " * indent
    return textwrap.wrap(text, 78, initial_indent=left, subsequent_indent=left + " " * further, break_on_hyphens=False)


def cause_text(cause: Cause) -> str:
    """The cause for a reader."""
    head = [line for text, indent in _headline(cause) for line in wrapped(text, indent)]
    return "\n".join([*head, *_body(cause), *_aside(cause)]) + "\n"


def cause_sentences(cause: Cause) -> list[str]:
    """The cause in short, sentence by sentence, for another page than a terminal's."""
    said = [text.removeprefix("cause: ") for text, _ in _headline(cause)]
    if cause.kind == OPEN:
        return said + [
            f"{_words(b.assignments)}; {_without(b)}: {'; '.join(_verdicts(cause, b))}" for b in cause.blames[:SHOWN]
        ]
    for blame in cause.blames[:1]:
        said += [f"{_without(blame)}: {_fate(cause, blame.rerun)}", _step(cause, blame), *_verdicts(cause, blame)]
    return said


Line = tuple[str, int]
"""A text that is not wrapped yet, and by how much it is indented."""


def _headline(cause: Cause) -> Iterator[Line]:
    first = cause.blames[0] if cause.blames else None
    if cause.kind in (ASSIGNED, LACKING) and first:
        for edit, place in zip(first.assignments, first.places, strict=True):
            yield f"cause: {edit.says}", 2
            yield place, 9
        return
    repairs = [name.removeprefix("repair ") for name in cause.choices if name.startswith("repair ")]
    if repairs:
        yield "cause: generic mm itself, and no helper; the run is harmless with this change to it", 2
        yield from _repairs(repairs)
    elif cause.kind == GENERIC:
        yield "cause: the order of calls in generic mm; no assignment of a helper could be left out alone", 2
    elif cause.kind == OPEN:
        yield (
            "cause: not to be pinned on one assignment. Each of these removes the violation from this run, and is either "
            "required as it is for something else or of no help in other orders:",
            2,
        )
    else:
        assert cause.kind == NOTHING
        yield (
            f"cause: no assignment of a helper: no set of up to {cause.size} can be left out for the violation to be gone"
            + ("" if cause.job.world == "codes" else ", and no single one added"),
            2,
        )
        yield from _called(cause)


def _repairs(names: Iterable[str]) -> Iterator[Line]:
    from models.mm.kernel import REPAIRS

    for name in names:
        yield f"{name}: {REPAIRS[name]}", 4


def _called(cause: Cause) -> Iterator[Line]:
    yield "the helpers that were called:", 2
    for name, place in cause.helpers:
        yield f"{name} {place}", 4


def _body(cause: Cause) -> Iterator[str]:
    if cause.kind == OPEN:
        for blame in cause.blames[:SHOWN]:
            yield from wrapped(
                f"{_words(blame.assignments)}; {_without(blame)}: {'; '.join(_verdicts(cause, blame))}", 4
            )
        return
    for blame in cause.blames[:1]:
        yield from wrapped(f"{_without(blame)}: {_fate(cause, blame.rerun)}", 9)
        yield from wrapped(_step(cause, blame), 9)
        for sentence in _verdicts(cause, blame):
            yield from wrapped(sentence, 9)
    if cause.blames[1:]:
        yield from wrapped("as good an answer:")
        for blame in cause.blames[1 : 1 + SHOWN]:
            yield from wrapped(_words(blame.assignments) + ": " + "; ".join(_verdicts(cause, blame)), 4)


def _words(edits: Iterable[Assignment]) -> str:
    return ", ".join(edit.says for edit in edits)


def _without(blame: Blame) -> str:
    """The edit in short."""
    if not blame.missing:
        return "left out"
    return "in one step" if any(edit.position < 0 for edit in blame.assignments) else "if it did"


def _fate(cause: Cause, found: Rerun) -> str:
    """What becomes of the run."""
    name = cause.trace.steps[found.step].operation
    if found.fate is Fate.BLOCKED:
        return f"step {found.step}, {name}, cannot happen"
    return "the same run does not violate"


def _step(cause: Cause, blame: Blame) -> str:
    if blame.judging:
        return "it goes wrong in what the requirement itself asks the helpers to make of the last entry"
    if blame.wrong_at is None:
        return "it goes wrong in more than one step: in none of them alone is it enough"
    name = cause.trace.steps[blame.wrong_at].operation
    where = f"at the start, {cause.trace.start}" if blame.wrong_at == 0 else f"in step {blame.wrong_at}, {name}"
    return f"it goes wrong {where}: in that step alone it is enough"


def _verdicts(cause: Cause, blame: Blame) -> Iterator[str]:
    """What becomes of the invariant in every order, and of what is required of helpers."""
    if blame.whole is not None:
        yield from _everywhere(cause, blame)
    contract = blame.contract
    if contract.unknown:
        yield f"what else helpers would break is not known: {contract.unknown}"
    elif contract.breaks:
        yield f"but helpers would break {', '.join(contract.breaks)}"
    else:
        yield "nothing that is required of helpers is lost by it"
    if contract.mends:
        yield f"also mended: {', '.join(contract.mends)}"


def _everywhere(cause: Cause, blame: Blame) -> Iterator[str]:
    assert blame.whole is not None
    name = cause.trace.invariant
    yield f"in every order: {_whole(name, blame.whole)}"
    if blame.also and blame.whole_also is not None:
        too = f"if {_helpers(blame.also)} did too" if blame.missing else f"without these as well: {_words(blame.also)}"
        yield f"{too}: {_whole(name, blame.whole_also)}"


def _helpers(edits: Iterable[Assignment]) -> str:
    return ", ".join(edit.helper for edit in edits)


def _whole(name: str, whole: Whole) -> str:
    if whole.verdict is Verdict.PROVED:
        return f"{name} holds" + (f" in all {whole.states} states" if whole.states else "")
    if whole.verdict is Verdict.VIOLATED and whole.trace is not None:
        return f"{name} is still violated, in {whole.trace.depth} step{'' if whole.trace.depth == 1 else 's'}"
    if whole.verdict is Verdict.VACUOUS:
        return f"{name} says nothing any more: {whole.reason}"
    return f"not decided: {whole.reason}"


def _aside(cause: Cause) -> Iterator[str]:
    """What would remove the violation as well."""
    orders = [name for name in cause.choices if not name.startswith("repair ")]
    if orders:
        yield from wrapped(f"in generic mm: the run does not violate with {', '.join(orders)}")
    if cause.others:
        yield from wrapped("these would remove it from this run too, and say less:")
        for blame in cause.others[:SHOWN]:
            yield from wrapped(_words(blame.assignments) + ": " + "; ".join(_verdicts(cause, blame)), 4)
    if more := max(0, len(cause.others) - SHOWN) + max(0, len(cause.blames) - 1 - SHOWN):
        yield from wrapped(f"and {more} more sets of the same size (--json has all)")


def cause_json(cause: Cause) -> dict[str, Any]:
    """The cause as JSON data (docs/explain.schema.json)."""
    return described(
        cause.job,
        {
            "what": "violation",
            "invariant": cause.trace.invariant,
            "depth": cause.trace.depth,
            "kind": cause.kind,
            "blames": [_blame_json(blame) for blame in cause.blames],
            "others": [_blame_json(blame) for blame in cause.others],
            "choices": list(cause.choices),
            "size": cause.size,
            "helpers": [{"name": name, "place": place} for name, place in cause.helpers],
        },
    )


def _blame_json(blame: Blame) -> dict[str, Any]:
    return {
        "assignments": [
            {**assignment_json(edit), "place": place}
            for edit, place in zip(blame.assignments, blame.places, strict=True)
        ],
        "fate": blame.rerun.fate.value,
        "step": blame.rerun.step,
        "wrong_at": blame.wrong_at,
        "judging": blame.judging,
        "breaks": list(blame.contract.breaks),
        "mends": list(blame.contract.mends),
        "unknown": blame.contract.unknown,
        "everywhere": whole_json(blame.whole),
        "also": [assignment_json(edit) for edit in blame.also],
        "everywhere_also": whole_json(blame.whole_also),
    }


def assignment_json(edit: Assignment) -> dict[str, Any]:
    """An assignment as JSON data."""
    return {
        "helper": edit.helper, "bit": edit.bit, "mask": edit.mask, "sets": edit.sets, "missing": edit.missing,
        "asks": edit.asks, "says": edit.says,
    }  # fmt: skip


def whole_json(whole: Whole | None) -> dict[str, Any] | None:
    """What becomes of an invariant in every order, as JSON data."""
    if whole is None:
        return None
    depth = whole.trace.depth if whole.trace is not None else None
    return {"verdict": whole.verdict.value, "depth": depth, "states": whole.states, "reason": whole.reason}
