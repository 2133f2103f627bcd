"""Findings that need a variant of their own: what a released fix repaired is broken without it."""

from __future__ import annotations

from checker import decide
from checker.verdict import Verdict
from models.arch.loongarch import DIRTY, WRITE
from models.pte import twins
from models.registry import architecture
from models.worlds import pte_system


def test_with_the_walker_wrprotect_must_keep_the_hardwares_dirty():
    released = architecture("loongarch+ptw/linux-6.12")
    unfixed = released.with_helpers(
        "unfixed", "wrprotect drops _PAGE_DIRTY", "", **twins(wrprotect=lambda e: e & ~(WRITE | DIRTY))
    )
    verdicts = {}
    for arch in (released, unfixed):
        result = next(r for r in decide(pte_system(arch)) if r.invariant == "dirty-never-lost")
        verdicts[arch.variant] = result
    assert verdicts["linux-6.12"].verdict is Verdict.PROVED
    assert verdicts["unfixed"].verdict is Verdict.VIOLATED
    assert [s.operation for s in verdicts["unfixed"].trace.steps[1:]] == ["store", "pte_wrprotect"]


def test_without_the_walker_the_handler_marks_both_and_nothing_is_lost():
    released = architecture("loongarch/linux-6.12")
    unfixed = released.with_helpers("unfixed", "", "", **twins(wrprotect=lambda e: e & ~(WRITE | DIRTY)))
    result = next(r for r in decide(pte_system(unfixed)) if r.invariant == "dirty-never-lost")
    assert result.verdict is Verdict.PROVED
