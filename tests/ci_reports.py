"""Findings made up for the tests of reports for CI: one of every verdict, and the same with text that wants to break out."""

from __future__ import annotations

from dataclasses import replace

from checker.cli.forms.findings import Finding, Moment, Place
from checker.trace import START, Step, Trace
from checker.verdict import Result, Verdict

TRACE = Trace("s", "broken", "go", (), (Step(START, {"entry": 1}), Step("pte_mkdirty", {"entry": 3})))
MKDIRTY = Place("pte_mkdirty", "arch/made-up/include/asm/pgtable.h", 41)

RESULTS = {
    "proved": Result("kept", Verdict.PROVED, seconds=0.5, enumerated=True, states=7),
    "violated": Result("broken", Verdict.VIOLATED, depth=1, trace=TRACE, seconds=0.5),
    "at once": Result("broken-at-once", Verdict.VIOLATED, depth=0, trace=replace(TRACE, steps=TRACE.steps[:1])),
    "cost": Result("dear", Verdict.VIOLATED, depth=1, trace=TRACE, cost=True),
    "intended": Result("meant", Verdict.VIOLATED, depth=1, trace=TRACE, exception="the TLB has no such bit"),
    "unknown": Result("open", Verdict.UNKNOWN, reason="time limit of 1 s reached"),
    "unread": Result("helpers-can-be-read", Verdict.UNKNOWN, reason="arch/x/include/asm/a.h:12: pte_mkold: asm"),
    "vacuous": Result("empty", Verdict.VACUOUS, reason="its premise never holds"),
    "bounded": Result("short", Verdict.BOUNDED, depth=5),
    "cheap and proved": Result("no-cost", Verdict.PROVED, cost=True, enumerated=True, states=7),
}
"""A result of every kind."""


def finding(name: str) -> Finding:
    """What is reported of one of :data:`RESULTS`."""
    result = RESULTS[name]
    moments = (
        Moment(START, (), (("entry", "V.."),), ()),
        Moment("pte_mkdirty", (("pte_mkdirty +D", MKDIRTY),), (("entry", "VD."),), ("breaks broken",)),
    )
    made = Finding("made-up/tree", "PTE world", "pte", result, "it must hold", "data is lost", "mm/memory.c")
    if result.trace is None:
        place = Place("", "arch/x/include/asm/a.h", 12) if name == "unread" else None
        return replace(made, place=place)
    return replace(made, place=MKDIRTY, moments=moments[: len(result.trace.steps)], text="told in lines\n  as mail\n")


def hostile(name: str, text: str) -> Finding:
    """The same with a text in every place that could come from a tree."""
    plain = finding(name)
    result = replace(plain.result, reason=plain.result.reason and plain.result.reason + text)
    result = replace(result, exception=result.exception and result.exception + text)
    place = plain.place and Place(text, f"arch/{text}.h", 3)
    moments = tuple(
        Moment(
            m.operation + text,
            tuple((says + text, Place(text, f"arch/{text}.h", 5)) for says, _ in m.calls),
            tuple((who + text, bits + text) for who, bits in m.entries),
            tuple(remark + text for remark in m.remarks),
        )
        for m in plain.moments
    )
    return replace(
        plain, config="made-up/tree" + text, result=result, says=text, consequence=text, source=text, place=place,
        moments=moments, text=plain.text and plain.text + text, again=text,
    )  # fmt: skip
