"""The PTE world: the contract's rules, the seed's story in it, and helpers broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checker.decision import decide
from checker.explicit import explore
from checker.system import TransitionSystem
from checker.verdict import Result, Verdict
from models.pte import LEVELS, PROTECTIONS, Architecture, twins
from models.pte_world import PteState, hardware_writable
from models.registry import architecture
from models.worlds import pte_system
from tests import builtin_systems
from tests.builtin_systems import CONFIGS, MKDIRTY_GRANTS_WRITE, UNGUARDED_SHADOW_STACKS

COW, PROTECT, DIRTY, IMPLIES = (
    "cow-shared-not-hw-writable",
    "write-protect-holds",
    "dirty-never-lost",
    "hw-write-implies-write",
)
COMMUTE, READ_ONLY, INVALID, TRAP = (
    "mkdirty-mkwrite-commute", "dirty-read-only-entry", "invalid-pmd-unreachable", "no-second-trap",
)  # fmt: skip

GRANTS = {COW: 2, PROTECT: 1, IMPLIES: 1, READ_ONLY: 0}
"""What is broken, and how soon, where mkdirty gives hardware write permission."""
VIOLATED: dict[str, dict[str, int]] = {
    "loongarch/original": {**GRANTS, DIRTY: 2},
    "loongarch/huacai": {DIRTY: 2},
    "loongarch/peter": {DIRTY: 2},
    "loongarch/hev": {TRAP: 0},
    "loongarch+ptw/original": {**GRANTS, DIRTY: 1},
    "loongarch+ptw/huacai": {DIRTY: 1},
    "loongarch+ptw/peter": {DIRTY: 1},
    "loongarch+ptw/hev": {DIRTY: 1},
    "loongarch+ptw/hev-fast": {DIRTY: 1},
    "loongarch+ptw/linux-6.1": {DIRTY: 1},
    "sparc64/original": GRANTS,
    "sparc64+sun4v/original": GRANTS,
    UNGUARDED_SHADOW_STACKS: GRANTS,
}
"""Every violation in the table with its depth; what is not here is proved."""


def results(system: TransitionSystem) -> dict[str, Result]:
    """The verdicts by invariant."""
    return {r.invariant: r for r in decide(system)}


def way(result: Result) -> tuple[str, ...]:
    """Where a violation starts and what leads to it."""
    assert result.trace is not None
    return (result.trace.start, *(step.operation for step in result.trace.steps[1:]))


@pytest.mark.parametrize("config", CONFIGS)
def test_the_whole_table(config: str) -> None:
    found = results(builtin_systems.pte(config))
    assert {name: r.depth for name, r in found.items() if r.verdict is Verdict.VIOLATED} == VIOLATED.get(config, {})
    assert {r.verdict for name, r in found.items() if name not in VIOLATED.get(config, {})} == {Verdict.PROVED}
    assert [name for name, r in found.items() if r.cost] == [TRAP]


@pytest.mark.parametrize("config", CONFIGS)
def test_every_operation_can_happen_and_every_premise_can_hold(config: str) -> None:
    system = builtin_systems.pte(config)
    found = explore(system)
    assert found.fired == (1 << len(system.operations)) - 1
    assert found.premises == (1 << len(system.invariants)) - 1


@pytest.mark.parametrize("config", [*MKDIRTY_GRANTS_WRITE, UNGUARDED_SHADOW_STACKS])
def test_the_original_mkdirty_breaks_copy_on_write_in_two_steps(config: str) -> None:
    """Dirtied while read-only, the entry is not write-protected by fork: pte_write() is false already."""
    found = results(builtin_systems.pte(config))
    assert way(found[COW]) == ("mk_pte(PRIVATE)", "pte_mkdirty", "fork")
    assert way(found[PROTECT]) == ("mk_pte(PRIVATE)", "pte_mkdirty")
    assert way(found[IMPLIES]) == ("mk_pte(PRIVATE)", "pte_mkdirty")
    assert way(found[READ_ONLY]) == ("mk_pte(PRIVATE)",)


@pytest.mark.parametrize("config", ["loongarch/original", "loongarch/huacai", "loongarch/peter"])
def test_mkwrite_alone_loses_the_store_after_it(config: str) -> None:
    """Hev's parenthesis in the seed: _PAGE_DIRTY in mkwrite needs _PAGE_MODIFIED at the same time."""
    assert way(results(builtin_systems.pte(config))[DIRTY]) == ("mk_pte(PRIVATE)", "pte_mkwrite", "store")


@pytest.mark.parametrize("variant", ["original", "huacai", "peter", "hev", "hev-fast", "linux-6.1"])
def test_the_walker_loses_the_first_store_unless_pte_dirty_looks_at_its_bit(variant: str) -> None:
    assert way(results(builtin_systems.pte(f"loongarch+ptw/{variant}"))[DIRTY]) == ("mk_pte(SHARED)", "store")


def test_hevs_helpers_cost_a_trap_and_nothing_else() -> None:
    found = results(builtin_systems.pte("loongarch/hev"))
    assert [name for name, r in found.items() if r.verdict is not Verdict.PROVED] == [TRAP]
    assert found[TRAP].cost


def _state(config: str, **changes: Any) -> PteState:
    arch = architecture(config)
    fields: dict[str, Any] = {
        "entry": arch.protections["PRIVATE"], "huge": False, "local": False, "cow_shared": False, "write_allowed": False,
        "unsaved": False,
    }  # fmt: skip
    return PteState(**{**fields, **changes})


def _step(config: str, operation: str, **changes: Any) -> PteState | None:
    """The state after an operation, or None where it cannot happen."""
    op = next(op for op in builtin_systems.pte(config).operations if op.name == operation)
    guard, after = op.run(_state(config, **changes))
    return after if guard else None


C = "loongarch/huacai"


@pytest.mark.parametrize(
    ("operation", "changes", "happens"),
    [
        ("pte_mkdirty", {}, True),
        ("pte_mkdirty", {"huge": True}, False),
        ("pmd_mkdirty", {"huge": True}, True),
        ("pmd_mkdirty", {}, False),
        ("pte_mkwrite", {}, True),
        ("pte_mkwrite", {"cow_shared": True}, False),
        ("pte_mkwrite", {"cow_shared": True, "local": True}, True),
        ("pte_modify(SHARED)", {"cow_shared": True}, False),
        ("pte_modify(PRIVATE)", {"cow_shared": True}, True),
        ("take", {}, True),
        ("take", {"local": True}, False),
        ("install", {}, False),
        ("install", {"local": True}, True),
        ("install", {"local": True, "write_allowed": True}, True),
        ("install", {"local": True, "cow_shared": True}, True),
        ("install", {"local": True, "cow_shared": True, "write_allowed": True}, False),
        ("fork", {"local": True}, False),
        ("unshare", {}, False),
        ("unshare", {"cow_shared": True}, True),
        ("store", {}, False),
        ("store", {"entry": (1 << 64) - 1}, True),
        ("store", {"entry": (1 << 64) - 1, "local": True}, False),
        ("reclaim", {}, True),
        ("reclaim", {"entry": (1 << 64) - 1}, False),
        ("reclaim", {"local": True}, False),
        ("reclaim", {"cow_shared": True}, False),
        ("writeback", {}, False),
        ("writeback", {"entry": (1 << 64) - 1}, True),
        ("writeback", {"entry": (1 << 64) - 1, "local": True}, False),
    ],
)
def test_when_an_operation_can_happen(operation: str, changes: dict[str, Any], happens: bool) -> None:
    assert (_step(C, operation, **changes) is not None) is happens


@pytest.mark.parametrize(
    ("operation", "changes", "ghosts"),
    [
        ("pte_mkdirty", {}, {"unsaved": True}),
        ("pte_mkclean", {"unsaved": True}, {"unsaved": False}),
        ("pte_mkwrite", {}, {"write_allowed": True}),
        ("pte_wrprotect", {"write_allowed": True}, {"write_allowed": False}),
        ("pte_modify(SHARED)", {}, {"write_allowed": True}),
        ("pte_modify(NONE)", {"write_allowed": True}, {"write_allowed": False}),
        ("pte_mkyoung", {"write_allowed": True, "unsaved": True}, {"write_allowed": True, "unsaved": True}),
        ("take", {}, {"local": True}),
        ("install", {"local": True}, {"local": False}),
        ("fork", {"write_allowed": True}, {"write_allowed": False, "cow_shared": True}),
        ("unshare", {"cow_shared": True}, {"cow_shared": False, "write_allowed": False}),
        ("store", {"entry": (1 << 64) - 1}, {"unsaved": True}),
        ("writeback", {"entry": (1 << 64) - 1, "unsaved": True}, {"unsaved": False, "write_allowed": False}),
    ],
)
def test_what_an_operation_makes_generic_mm_know(
    operation: str, changes: dict[str, Any], ghosts: dict[str, bool]
) -> None:
    after = _step(C, operation, **changes)
    assert after is not None
    assert {name: getattr(after, name) for name in ghosts} == ghosts


@pytest.mark.parametrize("config", CONFIGS)
def test_a_local_copy_may_be_writable_for_a_moment(config: str) -> None:
    """mkwrite, then wrprotect, on a local copy of a shared page is what the split does, and no violation."""
    arch = architecture(config)
    state = _state(
        config, local=True, cow_shared=True, entry=arch.pte_mkwrite(arch.pte_mkdirty(arch.protections["PRIVATE"]))
    )
    assert not hardware_writable(arch, state)
    assert (
        arch.hardware.writable(arch.pte_mkyoung(state.entry))
        or config.startswith("sparc64")
        or config == "loongarch/hev"
    )


@pytest.mark.parametrize("config", CONFIGS)
def test_it_starts_with_fresh_entries_of_every_kind(config: str) -> None:
    system = builtin_systems.pte(config)
    assert [s.name for s in system.starts] == [f"mk_{level}({prot})" for level in LEVELS for prot in PROTECTIONS]
    for start in system.starts:
        state = start.run((0,))
        other = start.run(((1 << 64) - 1,))
        level = "pmd" if state.huge else "pte"
        frame = architecture(config).frames[level]
        assert (state.entry ^ other.entry) == frame
        assert state.write_allowed is (start.name.endswith("(SHARED)"))
        assert not (state.local or state.cow_shared or state.unsaved)


def test_fork_write_protects_a_pte_only_if_it_is_writable_and_a_pmd_always() -> None:
    dirty_hardware = architecture("loongarch/original").pte_mkdirty(
        architecture("loongarch/original").protections["PRIVATE"]
    )
    pte = _step("loongarch/original", "fork", entry=dirty_hardware)
    pmd = _step("loongarch/original", "fork", entry=dirty_hardware, huge=True)
    assert pte is not None
    assert pmd is not None
    assert architecture("loongarch/original").hardware.writable(pte.entry)
    assert not architecture("loongarch/original").hardware.writable(pmd.entry)


GOOD = ("loongarch/linux-6.12", "sparc64/linux-6.12", "x86-64/linux-6.12")


def _same(entry: Any) -> Any:
    return entry


def _broken(
    arch: Architecture, helper: str, how: Callable[..., Any], levels: tuple[str, ...] = LEVELS
) -> TransitionSystem:
    changed = {f"{level}_{helper}": how for level in levels}
    return pte_system(arch.with_helpers("broken", "broken on purpose", "a test", **changed))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", GOOD)
@pytest.mark.parametrize(
    ("helper", "violated"),
    [("wrprotect", {PROTECT, COW, READ_ONLY}), ("mkdirty", {DIRTY, READ_ONLY}), ("mkclean", set()), ("mkwrite", set())],
)
def test_a_helper_that_does_nothing_is_noticed_at_each_level(
    config: str, level: str, helper: str, violated: set[str]
) -> None:
    found = results(_broken(architecture(config), helper, _same, (level,)))
    assert violated <= {name for name, r in found.items() if r.verdict is Verdict.VIOLATED}
    if not violated:
        assert found[COW].verdict is not Verdict.VIOLATED


@pytest.mark.parametrize("config", GOOD)
def test_a_mkdirty_that_grants_writing_is_noticed(config: str) -> None:
    arch = architecture(config)
    found = results(_broken(arch, "mkdirty", lambda entry: arch.pte_mkdirty(arch.pte_mkwrite(entry))))
    assert found[COW].verdict is Verdict.VIOLATED
    assert found[READ_ONLY].verdict is Verdict.VIOLATED
    assert found[IMPLIES].verdict is not Verdict.VIOLATED


@pytest.mark.parametrize("config", GOOD)
def test_a_modify_that_keeps_the_permission_is_noticed(config: str) -> None:
    found = results(_broken(architecture(config), "modify", lambda entry, prot: entry))
    assert found[PROTECT].verdict is Verdict.VIOLATED


@pytest.mark.parametrize("config", GOOD)
def test_a_wrprotect_that_forgets_dirty_is_noticed(config: str) -> None:
    arch = architecture(config)
    found = results(_broken(arch, "wrprotect", lambda entry: arch.pte_mkclean(arch.pte_wrprotect(entry))))
    assert found[DIRTY].verdict is Verdict.VIOLATED
    assert found[READ_ONLY].verdict is Verdict.VIOLATED
    assert found[COW].verdict is Verdict.PROVED


@pytest.mark.parametrize("config", GOOD)
def test_an_invalid_pmd_that_is_not_is_noticed(config: str) -> None:
    arch = architecture(config).with_helpers("broken", "broken on purpose", "a test", pmd_mkinvalid=_same)
    found = results(pte_system(arch))
    assert found[INVALID].verdict is Verdict.VIOLATED
    assert {r.verdict for name, r in found.items() if name != INVALID} == {Verdict.PROVED}


@pytest.mark.parametrize(("config", "helper"), [("loongarch/original", "mkwrite"), ("loongarch/linux-6.1", "mkdirty")])
def test_whether_half_of_a_fix_commutes(config: str, helper: str) -> None:
    """mkdirty under a condition on the write bit needs a mkwrite that makes up for it, and the other way round."""
    arch = architecture(config)
    write, modified = architecture("loongarch/hev").pte_mkwrite(0), architecture("loongarch/hev").pte_mkdirty(0)
    how = (lambda entry: entry | write) if helper == "mkwrite" else (lambda entry: entry | modified)
    changed = arch.with_helpers("half", "half of a fix", "a test", **twins(**{helper: how}))
    commutes = results(pte_system(changed))[COMMUTE].verdict
    assert commutes is (Verdict.PROVED if config == "loongarch/original" else Verdict.VIOLATED)


def test_huacais_mkdirty_with_hevs_mkwrite_depends_on_the_order() -> None:
    """Peter Xu's worry in the seed comes true where mkwrite does not set _PAGE_DIRTY."""
    hev = architecture("loongarch/hev")
    mixed = architecture("loongarch/huacai").with_helpers("mixed", "", "a test", **twins(mkwrite=hev.pte_mkwrite))
    found = results(pte_system(mixed))
    assert (found[COMMUTE].verdict, found[COMMUTE].depth) == (Verdict.VIOLATED, 0)
    assert found[COW].verdict is Verdict.PROVED
