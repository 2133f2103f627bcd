"""The PTE world: one entry, every helper in any order, an adversarial caller.

This is the contract between an architecture's helpers and generic mm. The caller may apply any helper to the
installed entry, or take the entry out (ptep_modify_prot_start() and pmdp_invalidate() leave nothing the
hardware can use), change the local copy in any order and install it. It keeps generic mm's own rules only: it
does not install an entry it has made writable while the page is shared copy-on-write (mm/memory.c,
do_wp_page() copies instead), and it marks an entry clean only when the data is saved or given up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checker.logic import both, either, ite, no
from checker.records import dataclass, replace
from checker.state import Bits, Bool
from checker.system import Operation, Predicate, Start
from models.pte import LEVELS, PROTECTIONS, Architecture, Helper


@dataclass(frozen=True)
class PteState:
    """One entry and what generic mm knows about its page.

    Attributes:
        entry: the word, installed or local.
        huge: it is a PMD entry.
        local: the word is generic mm's local copy; the hardware sees nothing.
        cow_shared: another process maps the page copy-on-write.
        write_allowed: the last decision about writing (mkwrite, wrprotect, modify) was to allow it.
        unsaved: the page holds data newer than its backing copy.
    """

    entry: Any
    huge: Any
    local: Any
    cow_shared: Any
    write_allowed: Any
    unsaved: Any


SHAPE = PteState(entry=Bits(64), huge=Bool, local=Bool, cow_shared=Bool, write_allowed=Bool, unsaved=Bool)


def levels(arch: Architecture) -> tuple[str, ...]:
    """The levels that this world has of an architecture's."""
    return tuple(level for level in LEVELS if level in arch.levels)


def apply(arch: Architecture, s: PteState, name: str, *args: Any) -> Any:
    """The helper of the state's own level on its entry: ``apply(arch, s, "mkdirty")``."""
    return at_level(arch, s, name, s.entry, *args)


def at_level(arch: Architecture, s: PteState, name: str, entry: Any, *args: Any) -> Any:
    """The helper of the state's own level on any entry."""
    small = arch.helper("pte", name)(entry, *args)
    return ite(s.huge, arch.helper("pmd", name)(entry, *args), small) if "pmd" in levels(arch) else small


def machine_says(arch: Architecture, s: PteState, what: str, entry: Any) -> Any:
    """What the hardware does with an entry of the state's own level: ``machine_says(arch, s, "writable", entry)``."""
    small, huge = arch.hardware_at("pte"), arch.hardware_at("pmd")
    if small is huge or "pmd" not in levels(arch):
        return getattr(small, what)(entry)
    return ite(s.huge, getattr(huge, what)(entry), getattr(small, what)(entry))


def visible(s: PteState) -> Any:
    """The entry is installed, so the hardware can use it."""
    return no(s.local)


def hardware_writable(arch: Architecture, s: PteState) -> Any:
    """A user store through the installed entry succeeds without generic mm."""
    return both(visible(s), machine_says(arch, s, "writable", s.entry))


def starts(arch: Architecture) -> tuple[Start, ...]:
    """Fresh installed entries of each level for each user protection, whatever the frame number."""
    return tuple(_start(arch, level, prot) for level in levels(arch) for prot in PROTECTIONS)


def immaterial(arch: Architecture) -> dict[str, int]:
    """The bits that hold the frame number at every level, which should decide nothing."""
    kept = (1 << 64) - 1
    for level in levels(arch):
        kept &= arch.frames[level]
    return {"entry": kept}


def _fresh(arch: Architecture, level: str, prot: str) -> Any:
    make = arch.mk_huge_pmd if level == "pmd" else arch.mk_pte
    return make(arch.protections[prot])


def _start(arch: Architecture, level: str, prot: str) -> Start:
    def run(inputs: tuple[Any]) -> PteState:
        frame = inputs[0] & arch.frames[level]
        return PteState(_fresh(arch, level, prot) ^ frame, level == "pmd", False, False, prot == "SHARED", False)

    return Start(f"mk_{level}({prot})", run, (Bits(64),), f"a new {level} entry with the {prot} protection")


Step = Callable[[PteState], tuple[Any, PteState]]


def _helper_step(arch: Architecture, level: str, helper: str, *args: Any, **ghosts: Any) -> Step:
    def run(s: PteState) -> tuple[Any, PteState]:
        return s.huge if level == "pmd" else no(s.huge), replace(
            s, entry=arch.helper(level, helper)(s.entry, *args), **ghosts
        )

    return run


def _granting(step: Step) -> Step:
    """A step that gives write permission: not on an installed entry of a page that is shared copy-on-write."""

    def run(s: PteState) -> tuple[Any, PteState]:
        guard, after = step(s)
        return both(guard, either(s.local, no(s.cow_shared))), after

    return run


OPTIONAL_HELPERS = ("mkspecial", "mksoft_dirty", "clear_soft_dirty", "mkuffd_wp", "clear_uffd_wp")
"""Helpers that only some architectures have and that decide nothing about writing or saving."""


def _helpers(arch: Architecture, level: str) -> list[Operation]:
    def op(helper: str, step: Step, argument: str = "") -> Operation:
        return Operation(f"{level}_{helper}{argument}", step, arch.source, f"generic mm calls {level}_{helper}()")

    found = [
        op("mkdirty", _helper_step(arch, level, "mkdirty", unsaved=True)),
        op("mkclean", _helper_step(arch, level, "mkclean", unsaved=False)),
        op("mkwrite", _granting(_helper_step(arch, level, "mkwrite", write_allowed=True))),
        op("wrprotect", _helper_step(arch, level, "wrprotect", write_allowed=False)),
        op("mkold", _helper_step(arch, level, "mkold")),
        op("mkyoung", _helper_step(arch, level, "mkyoung")),
    ]
    for prot in PROTECTIONS:
        step = _helper_step(arch, level, "modify", arch.protections[prot], write_allowed=prot == "SHARED")
        found.append(op("modify", _granting(step) if prot == "SHARED" else step, f"({prot})"))
    return found + [
        op(helper, _helper_step(arch, level, helper))
        for helper in OPTIONAL_HELPERS
        if f"{level}_{helper}" in arch.helpers
    ]


def _take(s: PteState) -> tuple[Any, PteState]:
    return visible(s), replace(s, local=True)


def _install(s: PteState) -> tuple[Any, PteState]:
    return both(s.local, no(both(s.cow_shared, s.write_allowed))), replace(s, local=False)


def _fork(arch: Architecture, s: PteState) -> tuple[Any, PteState]:
    pte = ite(arch.pte_write(s.entry), arch.pte_wrprotect(s.entry), s.entry)
    entry = ite(s.huge, arch.pmd_wrprotect(s.entry), pte) if "pmd" in levels(arch) else pte
    return visible(s), replace(s, entry=entry, cow_shared=True, write_allowed=False)


def _unshare(s: PteState) -> tuple[Any, PteState]:
    return s.cow_shared, replace(s, cow_shared=False)


def _store(arch: Architecture, s: PteState) -> tuple[Any, PteState]:
    return hardware_writable(arch, s), replace(s, entry=machine_says(arch, s, "store", s.entry), unsaved=True)


def _writeback(arch: Architecture, s: PteState) -> tuple[Any, PteState]:
    needed = either(apply(arch, s, "dirty"), apply(arch, s, "write"))
    entry = at_level(arch, s, "mkclean", apply(arch, s, "wrprotect"))
    return both(visible(s), needed), replace(s, entry=entry, write_allowed=False, unsaved=False)


def _reclaim(arch: Architecture, s: PteState) -> tuple[Any, PteState]:
    entry = _fresh(arch, "pte", "PRIVATE") | (s.entry & 0)
    if "pmd" in levels(arch):
        entry = ite(s.huge, _fresh(arch, "pmd", "PRIVATE"), entry)
    guard = both(visible(s), no(apply(arch, s, "dirty")), no(s.cow_shared))
    return guard, replace(s, entry=entry, write_allowed=False)


def operations(arch: Architecture) -> tuple[Operation, ...]:
    """Every helper of both levels, and what happens around the entry."""
    around = (
        Operation(
            "take",
            _take,
            "include/linux/pgtable.h ptep_modify_prot_start(); mm/pgtable-generic.c pmdp_invalidate()",
            "generic mm takes the entry out and works on a local copy",
        ),
        Operation(
            "install",
            _install,
            "include/linux/pgtable.h ptep_modify_prot_commit(); set_pmd_at()",
            "generic mm installs its local copy",
        ),
        Operation(
            "fork",
            lambda s: _fork(arch, s),
            "mm/memory.c copy_present_pte(); mm/huge_memory.c copy_huge_pmd()",
            "the page becomes shared copy-on-write and the entry is write-protected",
        ),
        Operation(
            "unshare",
            _unshare,
            "mm/memory.c zap_pte_range() in the other process",
            "the other process drops its mapping",
        ),
        Operation(
            "store", lambda s: _store(arch, s), arch.hardware.source, "a user store goes through without generic mm"
        ),
        Operation(
            "writeback",
            lambda s: _writeback(arch, s),
            "mm/rmap.c page_vma_mkclean_one()",
            "the data is written out; the entry is write-protected and marked clean",
        ),
        Operation(
            "reclaim",
            lambda s: _reclaim(arch, s),
            "mm/vmscan.c shrink_folio_list(); mm/rmap.c try_to_unmap_one()",
            "a page that does not look dirty is dropped and read back from its backing copy",
        ),
    )
    return (*(op for level in levels(arch) for op in _helpers(arch, level)), *around)


def predicates(arch: Architecture) -> tuple[Predicate, ...]:
    """The vocabulary of readable invariants: ghosts, what the kernel and the hardware see, then raw bits."""
    named = (
        Predicate("hardware-writable", lambda s: machine_says(arch, s, "writable", s.entry)),
        Predicate("write", lambda s: apply(arch, s, "write")),
        Predicate("dirty", lambda s: apply(arch, s, "dirty")),
        Predicate("a huge page", lambda s: s.huge),
        Predicate("a local copy", lambda s: s.local, "installed"),
        Predicate("COW-shared", lambda s: s.cow_shared),
        Predicate("write allowed", lambda s: s.write_allowed),
        Predicate("unsaved data", lambda s: s.unsaved),
    )
    return named + tuple(_of_entry(name, holds) for name, holds in arch.facts().items())


def _of_entry(name: str, holds: Helper) -> Predicate:
    return Predicate(name, lambda s: holds(s.entry))
