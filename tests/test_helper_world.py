"""The helper world: what it starts from, what it lets happen, and helpers broken on purpose for each requirement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from checker.decision import decide
from checker.logic import ite
from checker.system import TransitionSystem
from checker.verdict import Result, Verdict
from models.helper_world import Level, protections, store_policy
from models.pte import Architecture, Hardware
from models.registry import DEFAULT_MACHINES, architecture, machine, split_config
from models.worlds import helper_system, levels_system

GOOD = "x86-64/linux-6.12"
"""The machine with the most helpers."""

RELEASED = [found[-1].config for name in DEFAULT_MACHINES for found in [machine(*split_config(name)[:2])]]


KNOWN = {
    ("loongarch+ptw/linux-6.12", "pmd"): {"invalid-keeps-dirty"},
    **{
        (f"sparc64{v4}/linux-6.12", level): {"read-only-when-allowed"}
        for v4 in ("", "+sun4v")
        for level in ("pte", "pmd")
    },
}
"""What released helpers break; see docs/findings.md."""


def verdicts(system: TransitionSystem) -> dict[str, Result]:
    return {result.invariant: result for result in decide(system)}


def good_machine() -> Architecture:
    """The machine with the whole table of protections, whose executable half the hand-written variants leave out."""
    arch = architecture(GOOD)
    table = {index: arch.protections[_class(index)] & ~(NX if index & 4 else 0) for index in range(16)}
    return replace(arch, protection_map=table)


def _class(index: int) -> str:
    if not index & 7:
        return "NONE"
    return "SHARED" if index & 10 == 10 else "READONLY"


@cache
def good(level: str) -> dict[str, Result]:
    return verdicts(helper_system(good_machine(), level))


@pytest.mark.parametrize("level", ["pte", "pmd"])
@pytest.mark.parametrize("config", RELEASED)
def test_released_helpers_are_proved(config: str, level: str) -> None:
    found = verdicts(helper_system(architecture(config), level))
    assert "exec-only-when-allowed" not in found  # a variant has protections for data only
    assert {name for name, r in found.items() if r.verdict is not Verdict.PROVED} == KNOWN.get((config, level), set())
    assert len(found) >= 20


@pytest.mark.parametrize("config", RELEASED)
def test_levels_of_released_helpers_agree(config: str) -> None:
    (result,) = decide(levels_system(architecture(config), "pte", "pmd"))
    assert result.verdict is Verdict.PROVED


def test_the_seeds_mkdirty_breaks_what_it_should() -> None:
    found = verdicts(helper_system(architecture("loongarch/original"), "pte"))
    broken = {name: r.depth for name, r in found.items() if r.verdict is Verdict.VIOLATED}
    assert broken["hw-write-implies-write"] == 1
    assert broken["write-only-when-granted"] == 1
    assert "wrprotect-removes-write" not in broken


def test_a_fix_that_loses_dirty_is_told_from_one_that_does_not() -> None:
    lost = {
        v: verdicts(helper_system(architecture(f"loongarch/{v}"), "pte"))["store-is-seen"] for v in ("huacai", "hev")
    }
    assert lost["huacai"].verdict is Verdict.VIOLATED
    assert lost["hev"].verdict is Verdict.PROVED


RW, USER, DIRTY, ACCESSED, PRESENT, HUGE, UFFD, SOFT, NX = 2, 4, 1 << 6, 1 << 5, 1, 1 << 7, 1 << 10, 1 << 11, 1 << 63
FRAME = 1 << 21


@dataclass(frozen=True)
class Broken:
    """A machine broken on purpose, and which requirements must notice.

    Attributes:
        name: of the case.
        noticed: requirements that must fail.
        level: where it is broken.
        helpers: replaced helpers, by short name; each takes the good one and gives the bad one.
        hardware: changes of the hardware.
    """

    name: str
    noticed: tuple[str, ...]
    level: str = "pte"
    helpers: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    hardware: dict[str, Any] = field(default_factory=dict)

    def machine(self) -> Architecture:
        arch = good_machine()
        bad = {f"{self.level}_{n}": make(arch.helper(self.level, n)) for n, make in self.helpers.items()}
        changed = arch.with_helpers("broken", "broken on purpose", "here", **bad)
        return replace(changed, hardware=replace(arch.hardware, **self.hardware)) if self.hardware else changed


def after(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The good helper, and then something more."""
    return lambda good: lambda entry, *args: change(good(entry, *args))


def instead(bad: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda _: bad


CASES = [
    Broken("wrprotect does nothing", ("wrprotect-removes-write", "write-only-when-granted", "wrprotect-is-read-only"),
           helpers={"wrprotect": instead(lambda e: e)}),
    Broken("wrprotect drops dirty", ("dirty-is-kept", "wrprotect-keeps-dirty"),
           helpers={"wrprotect": after(lambda e: e & ~DIRTY & ~(1 << 58))}),
    Broken("wrprotect marks dirty", ("wrprotect-keeps-clean", "fresh-is-clean"),
           helpers={"wrprotect": after(lambda e: e | 1 << 58)}),
    Broken("mkyoung grants write", ("write-only-when-granted",), helpers={"mkyoung": after(lambda e: e | RW | DIRTY)}),
    Broken("mkyoung makes PROT_NONE readable", ("read-only-when-allowed",),
           helpers={"mkyoung": after(lambda e: e | PRESENT | USER)}),
    Broken("mkold lets everybody execute", ("exec-only-when-allowed",), helpers={"mkold": after(lambda e: e & ~NX)}),
    Broken("mkold takes the page away", ("present-stays",), helpers={"mkold": after(lambda e: e & ~PRESENT & ~(1 << 8))}),
    Broken("mkold changes the frame number where it is low", ("mkold-is-old",),
           helpers={"mkold": lambda good: lambda e: ite((e & FRAME) != 0, e, good(e))}),
    Broken("modify keeps write permission", ("modify-is-exact", "write-only-when-granted"),
           helpers={"modify": lambda good: lambda e, prot: good(e, prot) | (e & (RW | DIRTY))}),
    Broken("modify forgets dirty", ("dirty-is-kept",),
           helpers={"modify": after(lambda e: e & ~DIRTY & ~(1 << 58))}),
    Broken("modify forgets uffd-wp", ("uffd-wp-is-kept",), helpers={"modify": after(lambda e: e & ~UFFD)}),
    Broken("mkold forgets soft-dirty", ("soft-dirty-is-kept",), helpers={"mkold": after(lambda e: e & ~SOFT)}),
    Broken("mkclean leaves a bit", ("mkclean-is-clean",), helpers={"mkclean": instead(lambda e: e & ~DIRTY)}),
    Broken("mkwrite forgets the bit", ("mkwrite-is-writable", "access-goes-through"),
           helpers={"mkwrite": instead(lambda e: e)}),
    Broken("mkdirty toggles", ("idempotent",), helpers={"mkdirty": instead(lambda e: e ^ DIRTY)}),
    Broken("mkdirty does nothing", ("mkdirty-is-dirty",), helpers={"mkdirty": instead(lambda e: e)}),
    Broken("mkdirty depends on write", ("mkdirty-mkwrite-commute",),
           helpers={"mkdirty": lambda good: lambda e: ite((e & RW) != 0, good(e), good(e) | 1 << 9)}),
    Broken("mkclean depends on write", ("mkclean-wrprotect-commute",),
           helpers={"mkclean": lambda good: lambda e: ite((e & RW) != 0, good(e), good(e) | 1 << 9)}),
    Broken("the CPU does not record", ("store-is-seen", "mkclean-sees-the-next-store"),
           hardware={"silent": lambda e: (e & (PRESENT | RW | USER)) == PRESENT | RW | USER}),
    Broken("the CPU ignores write protection", ("hw-write-implies-write", "wrprotect-removes-write"),
           hardware={"silent": lambda e: (e & (PRESENT | USER)) == PRESENT | USER}),
    Broken("protnone never says so", ("protnone-is-told",),
           helpers={"protnone": instead(lambda e: (e & 0) != 0)}),
    Broken("mkold makes a table of a huge page", ("huge-stays-huge",), "pmd",
           helpers={"mkold": after(lambda e: e & ~HUGE)}),
    Broken("mkinvalid leaves it there", ("invalid-is-unreachable",), "pmd", helpers={"mkinvalid": instead(lambda e: e)}),
    Broken("mkinvalid takes it away", ("invalid-stays-huge", "invalid-keeps-dirty"), "pmd",
           helpers={"mkinvalid": instead(lambda e: e & 0)}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_machine_is_noticed(case: Broken) -> None:
    found = verdicts(helper_system(case.machine(), case.level))
    for name in case.noticed:
        assert good(case.level)[name].verdict is Verdict.PROVED
        assert found[name].verdict is Verdict.VIOLATED, name


def test_every_requirement_is_noticed_by_some_case() -> None:
    noticed = {name for case in CASES for name in case.noticed}
    assert set(good("pte")) | set(good("pmd")) <= noticed | {
        # each is the opposite direction of one that is there, or needs a helper that this machine has not got
        "mkyoung-is-young", "soft-dirty-is-told", "uffd-wp-is-told",
    }  # fmt: skip


def test_levels_that_differ_are_noticed() -> None:
    arch = architecture(GOOD)
    bad = arch.with_helpers("broken", "", "", pmd_mkold=lambda e: e)
    (result,) = decide(levels_system(bad, "pte", "pmd"))
    assert (result.verdict, result.depth) == (Verdict.VIOLATED, 1)


def test_mkwrite_is_for_writable_mappings_only() -> None:
    system = helper_system(architecture(GOOD), "pte")
    mkwrite = next(op for op in system.operations if op.name == "pte_mkwrite")
    allowed = {start.name: bool(mkwrite.run(start.run(0))[0]) for start in system.starts}
    assert allowed["mk_pte(rw-p)"] and allowed["mk_pte(rw-s)"]
    assert not allowed["mk_pte(r--p)"] and not allowed["mk_pte(---p)"]


def test_protections_that_differ_in_nothing_are_one() -> None:
    found = protections(architecture(GOOD))
    assert len({(p.word, p.may_read, p.must_read, p.may_exec, p.vm_write, p.may_write) for p in found}) == len(found)
    assert [p.name for p in found] == ["---p", "r--p", "rw-p", "rw-s"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [(GOOD, ("hardware",)), ("loongarch/linux-6.12", ("handler",)), ("loongarch+ptw/linux-6.12", ("hardware",)),
     ("sparc64/linux-6.12", ("fault",))],
)  # fmt: skip
def test_who_sees_a_store_to_a_clean_writable_entry(config: str, expected: tuple[str, ...]) -> None:
    assert store_policy(Level(architecture(config), "pte")) == expected


def test_an_intended_exception_is_not_a_failure() -> None:
    arch = architecture("loongarch/original")
    hardware: Hardware = replace(arch.hardware, exceptions={"hw-write-implies-write": "for the test"})
    found = verdicts(helper_system(replace(arch, hardware=hardware), "pte"))
    assert found["hw-write-implies-write"].verdict is Verdict.VIOLATED
    assert not found["hw-write-implies-write"].failed
    assert found["write-only-when-granted"].failed
