"""What generic mm relies on in an architecture's helpers, for every entry that can occur."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from checker.logic import both, either, implies, no, same
from checker.system import Invariant, excepted
from models.helper_world import EntryState, Level, Protection, TwoEntries, protections

DEBUG = "mm/debug_vm_pgtable.c"
RST = "Documentation/mm/arch_pgtable_helpers.rst"

Judge = Callable[[Any], Any]
"""A condition on an entry."""


def invariants(level: Level) -> tuple[Invariant, ...]:
    """Every requirement on the helpers of one level, most grievous first."""
    every = (
        *_permissions(level),
        *_frame_kept(level),
        *_dirty(level),
        *_algebra(level),
        *_tests(level),
        *(_huge(level) if level.name != "pte" else ()),
        *_marks(level),
    )
    return excepted(every, level.hardware.exceptions)


def _entry(name: str, says: str, judge: Judge, source: str, consequence: str, *looks_at: Judge) -> Invariant:
    """A requirement on the entry alone; ``looks_at`` are the entries that it judges, for a trace's reader."""
    return Invariant(
        name,
        says,
        lambda s: judge(s.entry),
        source=source,
        consequence=consequence,
        looks_at=lambda s: tuple(made(s.entry) for made in looks_at),
    )


def _permissions(level: Level) -> Iterator[Invariant]:
    """Who may read, write and execute."""
    hardware, call = level.hardware, level.call

    def storable(entry: Any) -> Any:
        return either(both(call("present", entry), call("write", entry)), hardware.writable(entry))

    yield Invariant(
        "write-only-when-granted",
        "an entry is writable, for pte_write() or for the hardware, only if the last decision about writing allowed it",
        lambda s: implies(storable(s.entry), s.may_write),
        source="include/linux/mm.h maybe_mkwrite(): only mkwrite and a protection make an entry writable",
        consequence="mprotect, userfaultfd write-protection or copy-on-write is bypassed",
        premise=lambda s: storable(s.entry),
    )
    yield _entry(
        "hw-write-implies-write",
        "a hardware-writable entry is writable for software too: pte_write() says so",
        lambda e: implies(hardware.writable(e), call("write", e)),
        "mm/memory.c copy_present_pte(): fork write-protects what pte_write() calls writable",
        "generic mm decides on pte_write() and does not know that the page can change",
    )
    yield Invariant(
        "read-only-when-allowed",
        "the hardware lets a user read only if the protection in force does",
        lambda s: implies(hardware.readable(s.entry), s.may_read),
        source="include/linux/mm.h VM_ACCESS_FLAGS; mm/memory.c do_numa_page(): PROT_NONE entries must fault",
        consequence="PROT_NONE and NUMA hinting do not keep anybody out",
        premise=lambda s: hardware.readable(s.entry),
    )
    if hardware.executable is not None and level.arch.protection_map:
        yield Invariant(
            "exec-only-when-allowed",
            "the hardware lets a user fetch instructions only if the protection in force does",
            lambda s: implies(level.executable(s.entry), s.may_exec),
            source="include/linux/mm.h VM_EXEC",
            consequence="data can be executed",
            premise=lambda s: level.executable(s.entry),
        )
    yield _entry(
        "wrprotect-removes-write",
        "after wrprotect neither pte_write() nor the hardware allows a store",
        lambda e: no(storable(call("wrprotect", e))),
        f"{DEBUG} pte_basic_tests(); mm/memory.c copy_present_pte()",
        "copy-on-write is bypassed: silent corruption",
        lambda e: call("wrprotect", e),
    )
    yield _modify_exact(level)
    yield Invariant(
        "access-goes-through",
        "once generic mm has made the entry young (and dirty and writable, for a store), a permitted access goes through",
        lambda s: both(
            implies(s.must_read, hardware.readable(call("mkyoung", s.entry))),
            implies(s.vm_write, hardware.writable(call("mkwrite", call("mkdirty", call("mkyoung", s.entry))))),
        ),
        source="mm/memory.c do_anonymous_page(), wp_page_copy(), handle_pte_fault()",
        consequence="the access faults for ever",
        looks_at=lambda s: (
            call("mkyoung", s.entry),
            call("mkwrite", call("mkdirty", call("mkyoung", s.entry))),
        ),
    )
    yield _entry(
        "present-stays",
        "an entry that maps a page stays present and is never none, whatever helper is applied",
        lambda e: both(call("present", e), *([no(call("none", e))] if level.has("none") else [])),
        f"{RST} pte_present; mm/memory.c zap_pte_range() tells pages from swap entries by it",
        "the page is taken for a swap entry, or leaked",
    )


def _frame_kept(level: Level) -> Iterator[Invariant]:
    """No helper changes which page an entry maps."""
    call = level.call
    if not level.has("pfn"):
        return
    changes = [name for name in (*_KEEP_FRAME, *level.markers) if level.has(name)]
    words = [protection.word for protection in protections(level.arch)]

    def kept(entry: Any) -> Any:
        after = [call(name, entry) for name in changes] + [call("modify", entry, word) for word in words]
        return both(*(same(call("pfn", made), call("pfn", entry)) for made in after))

    yield _entry(
        "frame-is-kept",
        f"no helper changes which page an entry maps: {level.name}_pfn() stays what it is",
        kept,
        f"{DEBUG} {level.name}_pfn_tests(); mm/mprotect.c change_pte_range()",
        "another page is mapped",
    )


def _modify_exact(level: Level) -> Invariant:
    """Modify against a fresh entry of the same protection."""
    hardware, call = level.hardware, level.call
    made = protections(level.arch)

    def rights(entry: Any) -> tuple[Any, ...]:
        young = call("mkyoung", entry)
        dirty = call("mkyoung", call("mkdirty", entry))
        return (
            call("write", entry), hardware.readable(young), level.executable(young), hardware.writable(dirty),
        )  # fmt: skip

    def agrees(entry: Any, protection: Protection) -> Any:
        changed, fresh = call("modify", entry, protection.word), level.fresh(protection)
        return both(*(same(a, b) for a, b in zip(rights(changed), rights(fresh), strict=True)))

    return _entry(
        "modify-is-exact",
        "after modify to a protection, software and hardware allow what they allow of a fresh entry of that protection",
        lambda e: both(*(agrees(e, protection) for protection in made)),
        "mm/mprotect.c change_pte_range(): the entry gets the new protection by pte_modify() alone",
        "mprotect gives more or less than was asked for",
        *((lambda e, word=protection.word: call("modify", e, word)) for protection in made),
    )


def _seen(level: Level, entry: Any) -> Any:
    """Every store that goes through this entry without generic mm leaves it dirty."""
    hardware, call = level.hardware, level.call
    return both(
        implies(hardware.silent(entry), call("dirty", entry)),
        implies(hardware.recording(entry), call("dirty", hardware.records(entry))),
        implies(hardware.handler(entry), call("dirty", hardware.handled(entry))),
    )


def _dirty(level: Level) -> Iterator[Invariant]:
    """Nothing that was written is forgotten."""
    call = level.call
    yield _entry(
        "store-is-seen",
        "after a store that goes through without generic mm, pte_dirty() says so, whoever recorded it",
        lambda e: _seen(level, e),
        "mm/rmap.c try_to_unmap_one(): the entry's dirtiness reaches the page only through pte_dirty()",
        "reclaim drops the page and the data is gone",
    )
    yield _entry(
        "mkclean-sees-the-next-store",
        "after mkclean the next store traps into generic mm or leaves the entry dirty",
        lambda e: _seen(level, call("mkclean", e)),
        "include/linux/pgtable.h clear_young_dirty_ptes(): MADV_FREE calls mkclean without wrprotect",
        "data written after MADV_FREE is dropped with the page",
        lambda e: call("mkclean", e),
    )
    keepers = [*_KEEP_DIRTY, *level.markers]
    words = [protection.word for protection in protections(level.arch)]

    def kept(entry: Any) -> Any:
        after = [call(name, entry) for name in keepers] + [call("modify", entry, word) for word in words]
        return implies(call("dirty", entry), both(*(call("dirty", made) for made in after)))

    yield Invariant(
        "dirty-is-kept",
        f"an entry that is dirty, whoever recorded it, stays so under modify and {', '.join(keepers)}",
        lambda s: kept(s.entry),
        source=f"{DEBUG} pte_basic_tests(); mm/mprotect.c change_pte_range(); mm/huge_memory.c pmdp_invalidate()",
        consequence="reclaim drops the page and the data is gone",
        premise=lambda s: call("dirty", s.entry),
        looks_at=lambda s: tuple(call(name, s.entry) for name in keepers),
    )


_KEEP_DIRTY = ("wrprotect", "mkold", "mkyoung", "mkwrite")


_KEEP_FRAME = (*_KEEP_DIRTY, "mkdirty", "mkclean", "mkinvalid")


def _algebra(level: Level) -> Iterator[Invariant]:
    """Orders that must not matter, and helpers that must do nothing the second time."""
    call = level.call
    for first, second in (("mkdirty", "mkwrite"), ("mkclean", "wrprotect")):
        yield _commuting(level, first, second)
    words = [protection.word for protection in protections(level.arch)]

    def twice(entry: Any) -> Any:
        once: list[tuple[str, tuple[int, ...], Any]] = [
            (name, (), call(name, entry)) for name in _IDEMPOTENT if level.has(name)
        ]
        once += [("modify", (word,), call("modify", entry, word)) for word in words]
        return both(*(same(call(name, made, *args), made) for name, args, made in once))

    yield _entry(
        "idempotent",
        "a helper applied a second time changes nothing more",
        twice,
        "mm/memory.c: entries are marked young, dirty and writable without asking whether they are",
        "the outcome depends on how often a helper was called",
    )


_IDEMPOTENT = ("mkdirty", "mkclean", "mkwrite", "wrprotect", "mkold", "mkyoung")


def _commuting(level: Level, first: str, second: str) -> Invariant:
    call = level.call
    return _entry(
        f"{first}-{second}-commute",
        f"{first} and {second} give the same entry in either order",
        lambda e: same(call(second, call(first, e)), call(first, call(second, e))),
        "the seed: generic mm calls them in either order; mm/rmap.c page_vma_mkclean_one()",
        "the outcome depends on an order that generic mm does not promise",
        lambda e: call(second, call(first, e)),
        lambda e: call(first, call(second, e)),
    )


def _tests(level: Level) -> Iterator[Invariant]:
    """The statements of debug_vm_pgtable.c about one entry, for every entry that can occur."""
    call = level.call
    where = f"{DEBUG} {level.name}_basic_tests(); {RST}"

    def statement(name: str, says: str, test: str, wanted: bool, *helpers: str) -> Invariant:
        def made(entry: Any) -> Any:
            for helper in helpers:
                entry = call(helper, entry)
            return entry

        def judge(entry: Any) -> Any:
            answer = call(test, made(entry))
            return answer if wanted else no(answer)

        return _entry(name, says, judge, where, "generic mm's most basic expectation fails", made)

    yield statement("mkyoung-is-young", "an entry is young after mkold, mkyoung", "young", True, "mkold", "mkyoung")
    yield statement("mkold-is-old", "an entry is not young after mkyoung, mkold", "young", False, "mkyoung", "mkold")
    yield statement("mkdirty-is-dirty", "dirty after mkclean, mkdirty", "dirty", True, "mkclean", "mkdirty")
    yield statement("mkclean-is-clean", "not dirty after mkdirty, mkclean", "dirty", False, "mkdirty", "mkclean")
    yield Invariant(
        "mkwrite-is-writable",
        "in a writable mapping an entry is writable after wrprotect, mkwrite",
        lambda s: implies(s.vm_write, call("write", call("mkwrite", call("wrprotect", s.entry)))),
        source=f"{where}; include/linux/mm.h maybe_mkwrite(): mkwrite is for such mappings",
        consequence="a store that is allowed faults for ever",
        premise=lambda s: s.vm_write,
        looks_at=lambda s: (call("mkwrite", call("wrprotect", s.entry)),),
    )
    yield statement(
        "wrprotect-is-read-only", "not writable after mkwrite, wrprotect", "write", False, "mkwrite", "wrprotect"
    )
    yield statement(
        "wrprotect-keeps-clean", "not dirty after mkclean, wrprotect", "dirty", False, "mkclean", "wrprotect"
    )
    yield statement("wrprotect-keeps-dirty", "dirty after mkdirty, wrprotect", "dirty", True, "mkdirty", "wrprotect")
    made = protections(level.arch)
    yield _entry(
        "fresh-is-clean",
        "a fresh entry of any protection, write-protected, is not dirty",
        lambda e: both(*(no(call("dirty", call("wrprotect", level.fresh(p, e)))) for p in made)),
        where,
        "pages that nobody wrote are written back",
    )


def _huge(level: Level) -> Iterator[Invariant]:
    """What a huge entry is taken for, also while generic mm works on it."""
    call = level.call
    where = f"{DEBUG} {level.name}_basic_tests(), {level.name}_leaf_tests(), {level.name}_thp_tests()"
    tests = [name for name in ("trans_huge", "leaf") if level.has(name)]
    devmap = level.real("devmap", "mkdevmap")

    def huge(entry: Any) -> Any:
        told = {name: call(name, entry) for name in tests}
        if devmap and "trans_huge" in told:
            told["trans_huge"] = either(told["trans_huge"], call("devmap", entry))
        return both(*told.values())

    yield _entry(
        "huge-stays-huge",
        f"a huge entry is taken for one by {' and '.join(tests)}, whatever helper is applied",
        huge,
        f"{where}; mm/memory.c __handle_mm_fault() asks for trans_huge or devmap" if devmap else where,
        "generic mm takes the page for a page table",
    )
    if level.has("bad"):
        some = [p for p in protections(level.arch) if p.may_read]
        yield _entry(
            "huge-is-bad",
            f"a fresh huge entry that allows some access counts as {level.name}_bad(): it points to no table",
            lambda e: both(*(call("bad", level.fresh(p, e)) for p in some)),
            where,
            "mm/debug_vm_pgtable.c complains; generic code asks whether an entry is huge first",
        )
    if not level.has("mkinvalid"):
        return
    yield _entry(
        "invalid-stays-huge",
        f"after mkinvalid the entry is still present and taken for a huge one by {' and '.join(tests)}",
        lambda e: both(call("present", call("mkinvalid", e)), huge(call("mkinvalid", e))),
        f"{where}; mm/huge_memory.c __split_huge_pmd_locked()",
        "whoever looks while a huge page is split or protected takes it for none or for a table",
        lambda e: call("mkinvalid", e),
    )
    yield Invariant(
        "invalid-keeps-dirty",
        "mkinvalid does not make a dirty entry clean, whoever recorded it",
        lambda s: implies(call("dirty", s.entry), call("dirty", call("mkinvalid", s.entry))),
        source="mm/huge_memory.c change_huge_pmd(), __split_huge_pmd_locked()",
        consequence="whoever reads the entry while it is invalid takes the page for clean",
        premise=lambda s: call("dirty", s.entry),
        looks_at=lambda s: (call("mkinvalid", s.entry),),
    )
    yield _entry(
        "invalid-is-unreachable",
        "after mkinvalid the hardware lets no access through",
        lambda e: _unreachable(level, call("mkinvalid", e)),
        "mm/huge_memory.c __split_huge_pmd_locked(): nothing may use the huge mapping while it is split",
        "a store slips in while the huge page is being split",
        lambda e: call("mkinvalid", e),
    )


def _unreachable(level: Level, entry: Any) -> Any:
    hardware = level.hardware
    return no(either(hardware.readable(entry), hardware.writable(entry), level.executable(entry)))


_SETS = {"special": ("mkspecial", ""), "devmap": ("mkdevmap", ""), "soft_dirty": ("mksoft_dirty", "clear_soft_dirty"),
         "uffd_wp": ("mkuffd_wp", "clear_uffd_wp")}  # fmt: skip
"""Mark -> what sets it, and what takes it away ("" nothing)."""

_KEEP_MARKS = "mkold mkyoung mkclean mkwrite wrprotect mkdirty".split()


def _marks(level: Level) -> Iterator[Invariant]:
    """Marks that generic mm puts on an entry: set, cleared, and otherwise kept."""
    for mark, (sets, clears) in _SETS.items():
        if level.real(mark, sets):
            yield from _about_mark(level, mark, sets, clears)
    if level.real("protnone"):
        yield Invariant(
            "protnone-is-told",
            f"{level.name}_protnone() holds of exactly the entries with a protection that allows no access",
            lambda s: same(level.call("protnone", s.entry), no(s.may_read)),
            source=f"{DEBUG} {level.name}_protnone_tests(); mm/memory.c handle_pte_fault()",
            consequence="NUMA hinting faults are not recognised, or every fault is taken for one",
        )


def _about_mark(level: Level, mark: str, sets: str, clears: str) -> Iterator[Invariant]:
    call = level.call
    name = mark.replace("_", "-")
    words = [protection.word for protection in protections(level.arch)]

    def told(entry: Any) -> Any:
        taken = [no(call(mark, call(clears, entry)))] if clears else []
        return both(call(mark, call(sets, entry)), *taken)

    def kept(entry: Any) -> Any:
        after = [call(helper, entry) for helper in _KEEP_MARKS]
        after += [call("modify", entry, word) for word in words]
        return implies(call(mark, entry), both(*(call(mark, made) for made in after)))

    yield _entry(
        f"{name}-is-told",
        f"{level.name}_{mark}() says so after {sets}" + (f", and no longer after {clears}" if clears else ""),
        told,
        f"{DEBUG} {level.name}_{mark}_tests(); {RST}",
        f"generic mm's {mark} mark does not work",
        lambda e: call(sets, e),
    )
    yield Invariant(
        f"{name}-is-kept",
        f"the {mark} mark stays under modify and {', '.join(_KEEP_MARKS)}",
        lambda s: kept(s.entry),
        source=f"mm/mprotect.c change_pte_range(); mm/memory.c do_numa_page(): {mark} is not set again",
        consequence=f"the {mark} mark is lost",
        premise=lambda s: call(mark, s.entry),
        looks_at=lambda s: tuple(call(helper, s.entry) for helper in _KEEP_MARKS),
    )


OBSERVED = "present write dirty young soft_dirty uffd_wp protnone".split()
"""What generic mm asks of an entry."""


def levels_agree(left: Level, right: Level) -> tuple[Invariant, ...]:
    """What two levels must say of entries to which the same was done."""
    asked = [name for name in OBSERVED if left.has(name) and right.has(name)]

    def observed(level: Level, s: EntryState) -> list[Any]:
        hardware, entry = level.hardware, s.entry
        return [
            *(level.call(name, entry) for name in asked),
            hardware.readable(entry),
            hardware.writable(entry),
            level.executable(entry),
        ]

    def agree(s: TwoEntries) -> Any:
        pairs = zip(observed(left, s.left), observed(right, s.right), strict=True)
        return both(*(same(a, b) for a, b in pairs))

    return (
        Invariant(
            "levels-agree",
            f"after the same calls {left.name} and {right.name} entries answer alike, to generic mm and to the hardware",
            agree,
            source="mm/huge_memory.c: a huge page is treated as its small pages are",
            consequence="a huge page has other rights or another dirtiness than its small pages would have",
        ),
    )
