"""Architectures: what their helpers and their hardware do to every one of the 2^64 words, proved by Z3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import z3

from checker.logic import both, either, implies, ite, no, same
from models.arch import loongarch, sparc64, x86_64
from models.pte import LEVELS, Architecture
from models.registry import architecture, architectures
from tests.builtin_systems import CONFIGS, MACHINES

E = z3.BitVec("entry", 64)
RELEASED = tuple(c for c in CONFIGS if "/linux-" in c and c != "x86-64+shstk/linux-6.1")
"""Configurations of released kernels on hardware they were written for."""
LOONGARCH = ("loongarch", "loongarch+ptw")
TWINS = ("write", "dirty", "young", "mkold", "mkyoung", "mkclean", "mkdirty", "mkwrite", "wrprotect")


def always(claim: Any) -> bool:
    """Whether a claim about the word ``E`` is true of every word."""
    if isinstance(claim, bool):
        return claim
    solver = z3.Solver()
    solver.add(z3.Not(claim))
    return bool(solver.check() == z3.unsat)


def sometimes(claim: Any) -> bool:
    """Whether a claim about the word ``E`` is true of some word."""
    return not always(no(claim))


def user_entry(arch: Architecture, entry: Any) -> Any:
    """A present entry that user mode may use: the bits every readable user protection of the machine has in common.

    Those are: LoongArch PRESENT, PLV 3 and not PROTNONE; x86-64 PRESENT and USER; sparc64 VALID and not privileged.
    """
    if arch.name == "loongarch":
        needed = loongarch.PRESENT | loongarch.PLV_USER
        return (entry & (needed | loongarch.PROTNONE)) == needed
    if arch.name == "x86-64":
        return (entry & (x86_64.PRESENT | x86_64.USER)) == (x86_64.PRESENT | x86_64.USER)
    code = sparc64.SUN4V if "sun4v" in arch.features else sparc64.SUN4U
    needed = sparc64.VALID | code.present
    return (entry & (needed | code.privileged)) == needed


@pytest.mark.parametrize("config", CONFIGS)
def test_user_protections_give_user_entries(config: str) -> None:
    arch = architecture(config)
    for name, prot in arch.protections.items():
        assert user_entry(arch, arch.mk_pte(prot)) is (name != "NONE")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", CONFIGS)
def test_serves_writable_is_true_of_the_hardware(config: str, level: str) -> None:
    arch = architecture(config)
    serves = implies(both(user_entry(arch, E), arch.helper(level, "write")(E)), arch.hardware.writable(E))
    assert always(serves) is arch.hardware.serves_writable


@pytest.mark.parametrize("config", CONFIGS)
def test_a_store_leaves_an_entry_that_can_be_stored_through(config: str) -> None:
    arch = architecture(config)
    hardware, after = arch.hardware, arch.hardware.store(E)
    assert sometimes(hardware.writable(E))
    assert always(implies(hardware.writable(E), hardware.writable(after)))
    assert always(implies(both(hardware.writable(E), arch.pte_present(E)), arch.pte_present(after)))
    assert always(implies(both(hardware.writable(E), user_entry(arch, E)), user_entry(arch, after)))


@pytest.mark.parametrize("config", CONFIGS)
def test_a_second_store_in_a_row_is_silent(config: str) -> None:
    hardware = architecture(config).hardware
    after = hardware.store(E)
    assert always(implies(hardware.writable(E), hardware.silent(after)))
    assert always(implies(hardware.writable(E), same(hardware.store(after), after)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", CONFIGS)
def test_a_store_changes_neither_frame_nor_software_permission(config: str, level: str) -> None:
    arch = architecture(config)
    after, frame = arch.hardware.store(E), arch.frames[level]
    assert always(implies(arch.hardware.writable(E), same(after & frame, E & frame)))
    assert always(
        implies(both(arch.hardware.writable(E), arch.helper(level, "write")(E)), arch.helper(level, "write")(after))
    )


@pytest.mark.parametrize("config", CONFIGS)
def test_writable_is_with_or_without_a_trap_and_nothing_else(config: str) -> None:
    hardware = architecture(config).hardware
    assert always(same(hardware.writable(E), either(no(hardware.traps(E)), hardware.handler(E))))


@pytest.mark.parametrize(
    ("config", "recorded"),
    [
        ("loongarch/original", True), ("loongarch/linux-6.12", True), ("loongarch+ptw/linux-6.12", True),
        ("loongarch+ptw/original", False), ("loongarch+ptw/linux-6.1", False), ("loongarch+ptw/hev", False),
        ("x86-64/linux-6.1", True), ("x86-64/linux-6.12", True),
    ],
)  # fmt: skip
def test_whether_a_recorded_store_shows_in_pte_dirty(config: str, recorded: bool) -> None:
    """The walker sets V and D only, so that kernels whose pte_dirty() reads _PAGE_MODIFIED alone do not see its stores."""
    arch = architecture(config)
    unrecorded = both(arch.hardware.writable(E), no(arch.hardware.silent(E)))
    assert sometimes(unrecorded)
    assert always(implies(unrecorded, arch.pte_dirty(arch.hardware.store(E)))) is recorded


def _visible(arch: Architecture, entry: Any) -> Any:
    """If a store through the entry, made young, leaves no trace, then pte_dirty() is true already."""
    return implies(arch.hardware.silent(arch.pte_mkyoung(entry)), arch.pte_dirty(entry))


@pytest.mark.parametrize("config", RELEASED)
def test_released_helpers_and_stores_keep_silent_stores_visible(config: str) -> None:
    """Only the walker under a pte_dirty() that does not look at its bit breaks this (fixed in Linux 6.12)."""
    arch = architecture(config)
    makers = {
        name: arch.helper("pte", name) for name in ("mkwrite", "mkdirty", "wrprotect", "mkyoung", "mkold", "mkclean")
    }
    makers["store"] = lambda e: ite(arch.hardware.writable(e), arch.hardware.store(e), e)
    lost = {name for name, make in makers.items() if not always(implies(_visible(arch, E), _visible(arch, make(E))))}
    assert lost == ({"store"} if config == "loongarch+ptw/linux-6.1" else set())


@pytest.mark.parametrize("name", LOONGARCH)
def test_mkwrite_of_the_original_hides_the_stores_after_it(name: str) -> None:
    """Hev in the seed: then _PAGE_MODIFIED must be set at the same time, to avoid data modified but not detected."""
    for variant, hides in (("original", True), ("huacai", True), ("peter", True), ("hev", False), ("hev-fast", False)):
        arch = architecture(f"{name}/{variant}")
        assert always(implies(_visible(arch, E), _visible(arch, arch.pte_mkwrite(E)))) is not hides


def _differing(first: Architecture, second: Architecture) -> set[str]:
    """The helpers that differ on some word; those with a protection are tried with each protection word."""
    found = set()
    assert set(first.helpers) == set(second.helpers)
    for name in first.helpers:
        arguments = [(E, prot) for prot in first.protections.values()] if name.endswith("_modify") else [(E,)]
        if not all(always(same(first.helpers[name](*a), second.helpers[name](*a))) for a in arguments):
            found.add(name)
    return found


def _levels(*names: str) -> set[str]:
    return {f"{level}_{name}" for name in names for level in LEVELS}


DIFFERENCES = {
    "loongarch": {
        ("original", "huacai"): _levels("mkdirty"),
        ("original", "peter"): _levels("mkdirty"),
        ("original", "hev"): _levels("mkdirty", "mkwrite"),
        ("original", "hev-fast"): _levels("mkdirty", "mkwrite"),
        ("peter", "hev"): _levels("mkwrite"),
        ("hev", "hev-fast"): _levels("mkwrite"),
        ("huacai", "linux-6.1"): _levels("mkwrite", "wrprotect", "modify")
        | {"pmd_present", "pmd_trans_huge", "pmd_mkinvalid"},
        ("linux-6.1", "linux-6.12"): _levels("dirty", "modify"),
    },
    "sparc64": {("original", "linux-6.12"): _levels("mkdirty", "mkwrite")},
    "x86-64": {
        ("linux-6.1", "linux-6.12"): _levels(
            "dirty", "mkclean", "mkdirty", "mkwrite", "wrprotect", "mkuffd_wp", "modify"
        )
        | {"pmd_trans_huge"}
    },
}
_WITH_SHADOW_STACKS = {("linux-6.1", "linux-6.12"): DIFFERENCES["x86-64"]["linux-6.1", "linux-6.12"] | _levels("write")}


@pytest.mark.parametrize("name", MACHINES)
def test_variants_differ_in_the_helpers_they_say_and_in_no_other(name: str) -> None:
    expected = _WITH_SHADOW_STACKS if name == "x86-64+shstk" else DIFFERENCES[name.split("+", maxsplit=1)[0]]
    for (first, second), helpers in expected.items():
        assert _differing(architecture(f"{name}/{first}"), architecture(f"{name}/{second}")) == helpers


@pytest.mark.parametrize("name", MACHINES)
def test_a_feature_changes_the_hardware_and_only_shadow_stacks_a_helper(name: str) -> None:
    plain = name.split("+", maxsplit=1)[0]
    if name in (plain, "sparc64+sun4v"):
        return
    for arch in architectures(name):
        base = architecture(f"{plain}/{arch.variant}")
        shadow = name == "x86-64+shstk" and arch.variant == "linux-6.12"
        assert _differing(base, arch) == (_levels("write") if shadow else set())
        stores = same(base.hardware.writable(E), arch.hardware.writable(E))
        recorded = same(base.hardware.store(E), arch.hardware.store(E))
        assert not always(both(stores, recorded))


D, W, M, V = loongarch.DIRTY, loongarch.WRITE, loongarch.MODIFIED, loongarch.VALID


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LOONGARCH)
def test_huacai_gives_hardware_permission_only_where_software_allows(name: str, level: str) -> None:
    original, huacai = (architecture(f"{name}/{v}").helper(level, "mkdirty") for v in ("original", "huacai"))
    writable = (E & W) != 0
    assert always(implies(writable, same(huacai(E), original(E))))
    assert always(implies(no(writable), same(huacai(E), E | M)))
    assert always(implies(no(writable), same(huacai(E) & D, E & D)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LOONGARCH)
def test_peter_leaves_permission_to_mkwrite(name: str, level: str) -> None:
    peter = architecture(f"{name}/peter")
    assert always(same(peter.helper(level, "mkdirty")(E), E | M))
    assert always(same(peter.helper(level, "mkwrite")(E), E | W | D))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LOONGARCH)
def test_every_statement_of_hevs_list(name: str, level: str) -> None:
    """In the order of his mail: three bits, four helpers, the trap, write protection, and the dirty read-only entry."""
    hev = architecture(f"{name}/hev")
    call: Callable[[str], Any] = lambda helper: hev.helper(level, helper)  # noqa: E731 - one name for four lines below
    assert always(same(call("mkwrite")(E), E | W))
    assert always(same(call("mkdirty")(E), E | M))
    assert always(same(call("dirty")(E), (E & M) != 0))
    assert always(same(call("write")(E), (E & W) != 0))
    protected = call("wrprotect")(E)
    assert always(same(protected, E & ~(W | D)))
    assert always(no(hev.hardware.writable(protected)))
    dirty_read_only = call("wrprotect")(call("mkwrite")(call("mkdirty")(E)))
    assert always(both(call("dirty")(dirty_read_only), no(call("write")(dirty_read_only))))
    assert always(no(hev.hardware.writable(dirty_read_only)))


def test_hevs_trap_sets_dirty_and_modified() -> None:
    """An entry that mkwrite made writable traps once, and its handler marks it dirty for hardware and software."""
    hardware = architecture("loongarch/hev").hardware
    fresh = both(user_entry(architecture("loongarch/hev"), E), (E & (W | D)) == W)
    assert always(implies(fresh, both(hardware.traps(E), hardware.handler(E))))
    assert always(implies(fresh, same(hardware.store(E), E | V | D | M)))


@pytest.mark.parametrize("level", LEVELS)
def test_hevs_optimisation_sets_modified_at_the_same_time(level: str) -> None:
    mkwrite = architecture("loongarch/hev-fast").helper(level, "mkwrite")
    assert always(same(mkwrite(E), E | W | D | M))
    assert always(architecture("loongarch/hev-fast").helper(level, "dirty")(mkwrite(E)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "config", ["loongarch/original", "loongarch+ptw/original", "sparc64/original", "sparc64+sun4v/original"]
)
def test_the_original_mkdirty_makes_a_write_protected_entry_writable(config: str, level: str) -> None:
    arch = architecture(config)
    protected = arch.helper(level, "wrprotect")(E)
    assert always(no(arch.hardware.writable(protected)))
    assert sometimes(arch.hardware.writable(arch.helper(level, "mkdirty")(protected)))
    assert always(no(arch.helper(level, "write")(arch.helper(level, "mkdirty")(protected))))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["sparc64", "sparc64+sun4v"])
def test_sparc64_grants_the_hardware_bit_only_for_both_together(name: str, level: str) -> None:
    code = sparc64.SUN4V if "sun4v" in name else sparc64.SUN4U
    arch = architecture(f"{name}/linux-6.12")
    clean = E & ~(code.hardware_write | code.write | code.modified)
    dirty, write = arch.helper(level, "mkdirty"), arch.helper(level, "mkwrite")
    assert always(same(dirty(clean), clean | code.modified))
    assert always(same(write(clean), clean | code.write))
    assert always(same(write(dirty(clean)), clean | code.modified | code.write | code.hardware_write))


def test_x86_keeps_dirty_out_of_the_hardware_bit_of_a_read_only_entry() -> None:
    """RW=0 with the CPU's dirty bit means a shadow stack; Linux 6.12 never builds that from an ordinary entry."""
    arch = architecture("x86-64+shstk/linux-6.12")
    ordinary = (E & (x86_64.RW | x86_64.DIRTY)) != x86_64.DIRTY
    for helper in ("mkdirty", "wrprotect", "mkwrite", "mkclean", "mkyoung", "mkold", "mkuffd_wp"):
        after = arch.helper("pte", helper)(E)
        assert always(implies(ordinary, (after & (x86_64.RW | x86_64.DIRTY)) != x86_64.DIRTY))
        assert always(implies(both(ordinary, arch.pte_dirty(E)), arch.pte_dirty(after))) is (helper != "mkclean")


@pytest.mark.parametrize("helper", TWINS)
@pytest.mark.parametrize("config", CONFIGS)
def test_twins_agree(config: str, helper: str) -> None:
    arch = architecture(config)
    agree = same(arch.helper("pte", helper)(E), arch.helper("pmd", helper)(E))
    if (config, helper) == ("x86-64+shstk/linux-6.12", "write"):
        assert not always(agree)
        agree = implies((E & x86_64.PSE) != 0, agree)
    assert always(agree)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", CONFIGS)
def test_a_test_sees_what_its_maker_made(config: str, level: str) -> None:
    """The laws of mm/debug_vm_pgtable.c, for every word and not for one fresh entry only."""
    arch = architecture(config)

    def after(test: str, maker: str) -> Any:
        return arch.helper(level, test)(arch.helper(level, maker)(E))

    for test, maker in (("dirty", "mkdirty"), ("write", "mkwrite"), ("young", "mkyoung")):
        assert always(after(test, maker))
    for test, maker in (("dirty", "mkclean"), ("write", "wrprotect"), ("young", "mkold")):
        assert always(no(after(test, maker)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", CONFIGS)
def test_marks_do_not_touch_what_they_are_not_about(config: str, level: str) -> None:
    arch = architecture(config)
    dirty, write = arch.helper(level, "dirty"), arch.helper(level, "write")
    for maker in ("mkyoung", "mkold"):
        after = arch.helper(level, maker)(E)
        assert always(both(same(dirty(after), dirty(E)), same(write(after), write(E))))
    assert always(implies(dirty(E), dirty(arch.helper(level, "wrprotect")(E))))
    for maker in ("mkyoung", "mkold", "mkclean", "mkdirty", "mkwrite", "wrprotect"):
        assert always(same(arch.helper(level, maker)(E) & arch.frames[level], E & arch.frames[level]))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", RELEASED)
def test_released_helpers_keep_the_contract_for_every_word(config: str, level: str) -> None:
    """kernel obligations: wrprotect takes the permission away for good, mkdirty alone never gives it."""
    arch = architecture(config)
    dirty, write, protect = (arch.helper(level, name) for name in ("mkdirty", "mkwrite", "wrprotect"))
    hardware = arch.hardware.writable
    assert always(no(hardware(protect(E))))
    assert always(no(hardware(dirty(protect(E)))))
    assert always(same(protect(protect(E)), protect(E)))
    assert always(implies(hardware(dirty(E)), either(hardware(E), arch.helper(level, "write")(E))))
    assert always(same(hardware(write(dirty(E))), hardware(dirty(write(E)))))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("config", RELEASED)
def test_modify_keeps_frame_and_dirty_and_grants_nothing_of_itself(config: str, level: str) -> None:
    arch = architecture(config)
    modify, frame = arch.helper(level, "modify"), arch.frames[level]
    ordinary = user_entry(arch, E)
    if "shstk" in arch.features:
        ordinary = both(ordinary, (E & (x86_64.RW | x86_64.DIRTY)) != x86_64.DIRTY)  # a shadow stack stays one
    for prot in ("READONLY", "PRIVATE"):
        after = modify(E, arch.protections[prot])
        assert always(implies(ordinary, same(after & frame, E & frame)))
        assert always(implies(both(ordinary, arch.helper(level, "dirty")(E)), arch.helper(level, "dirty")(after)))
        assert always(implies(ordinary, no(arch.hardware.writable(after))))
    assert always(implies(ordinary, arch.helper(level, "write")(modify(E, arch.protections["SHARED"]))))
    assert always(implies(ordinary, no(arch.hardware.writable(modify(E, arch.protections["NONE"])))))


@pytest.mark.parametrize("config", CONFIGS)
def test_an_invalidated_huge_entry_is_out_of_the_hardwares_reach(config: str) -> None:
    arch = architecture(config)
    invalid = arch.pmd_mkinvalid(E)
    assert always(no(arch.hardware.writable(invalid)))
    looks_at_the_hardware_bit = config in ("loongarch/linux-6.12", "loongarch+ptw/linux-6.12")
    assert always(same(arch.pmd_dirty(invalid), arch.pmd_dirty(E))) is not looks_at_the_hardware_bit


@pytest.mark.parametrize("config", RELEASED)
def test_an_invalidated_huge_entry_still_counts_as_present(config: str) -> None:
    """Before _PAGE_PRESENT_INVALID, LoongArch lost that: the unreleased variants say so."""
    arch = architecture(config)
    huge = both(user_entry(arch, E), (E & arch.mk_huge_pmd(0)) != 0)
    assert sometimes(huge)
    assert always(implies(huge, arch.pmd_present(arch.pmd_mkinvalid(E))))
    original = architecture("loongarch/original")
    assert not always(implies(original.pmd_present(E), original.pmd_present(original.pmd_mkinvalid(E))))


@pytest.mark.parametrize("config", CONFIGS)
def test_fresh_entries_have_the_permission_of_their_protection(config: str) -> None:
    arch = architecture(config)
    for make, level in ((arch.mk_pte, "pte"), (arch.mk_huge_pmd, "pmd")):
        for name, prot in arch.protections.items():
            entry = make(prot)
            assert arch.helper(level, "write")(entry) is (name == "SHARED")
            assert not arch.helper(level, "dirty")(entry)
            assert arch.helper(level, "present")(entry)
            if name != "SHARED":
                assert not arch.hardware.writable(entry)


@pytest.mark.parametrize("config", CONFIGS)
def test_named_bits_are_distinct_and_no_part_of_a_frame_number(config: str) -> None:
    arch = architecture(config)
    masks = [bit.mask for bit in arch.bits]
    assert (
        len({b.position for b in arch.bits})
        == len({b.letter for b in arch.bits})
        == len({b.name for b in arch.bits})
        == len(masks)
    )
    for frame in arch.frames.values():
        assert all(frame & mask == 0 for mask in masks)
        assert all(frame & (arch.mk_pte(p) ^ arch.mk_pte(p) & frame) == 0 for p in arch.protections.values())


@pytest.mark.parametrize("config", CONFIGS)
def test_facts_are_what_their_names_say(config: str) -> None:
    arch = architecture(config)
    facts = arch.facts()
    assert set(facts) == {bit.name for bit in arch.bits} | set(arch.fields)
    for bit in arch.bits:
        assert facts[bit.name](bit.mask)
        assert not facts[bit.name](~bit.mask & (1 << 64) - 1)
    for name, (mask, value) in arch.fields.items():
        assert facts[name](value)
        assert not facts[name](value ^ mask)
