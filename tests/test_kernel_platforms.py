"""What a platform can say about its kernel, on small made-up headers: options, what boot code adds, run-time values."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.hardware import Machine, NamedBit
from models.kernel import (
    CannotLift,
    KernelError,
    LiftedTree,
    architecture_from_tree,
    lift_tree,
    liftable,
    machine_from_tree,
)
from models.kernel.architectures import BootProtection, Drift, Feature, RunTime, without
from models.kernel.platforms import PLATFORMS
from models.pte import Architecture, Hardware
from models.registry import architecture
from tests.kernel_trees import made_up_tree
from tests.test_kernel_lift import COMPLETE, helper_of, reason

Lift = Callable[[str], LiftedTree]


@pytest.fixture
def lift(tmp_path: Path) -> Lift:
    """Lifts a made-up asm/pgtable.h."""
    count = itertools.count()
    return lambda header: lift_tree(made_up_tree(tmp_path / str(next(count)), header), "loongarch")


MAP = """
static pgprot_t protection_map[16] = {
	[VM_NONE] = __pgprot(1), [VM_READ] = __pgprot(2), [VM_WRITE | VM_READ] = __pgprot(3),
	[VM_SHARED | VM_WRITE | VM_READ] = __pgprot(4),
};
"""


def lifted(folder: Path, header: str, **changes: Any) -> LiftedTree:
    """A made-up tree, lifted for LoongArch with some of the platform's facts changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", replace(PLATFORMS["loongarch"], **changes))
        return lift_tree(made_up_tree(folder, f"#include <asm/page.h>\n{header}"), "loongarch")


def test_boot_code_adds_bits_to_every_protection_and_says_so(tmp_path: Path) -> None:
    header = f"#define _CACHE_ON (1UL << 40)\n{MAP}"
    boot = BootProtection("_CACHE_ON | 8", "the cache is on")
    found = lifted(tmp_path / "with", header, boot_protection=boot)
    plain = lifted(tmp_path / "without", header)
    assert plain.protections == {"NONE": 1, "READONLY": 2, "PRIVATE": 3, "SHARED": 4}
    assert found.protections == {name: prot | 1 << 40 | 8 for name, prot in plain.protections.items()}
    assert "the cache is on" in found.assumptions
    assert "the cache is on" not in plain.assumptions


SAYS = "arch/loongarch/include/asm/page.h"
"""A file that every made-up tree has; it names pgprot_t."""


@pytest.mark.parametrize(
    ("path", "says", "holds"),
    [
        (SAYS, r"\bpgprot_t\b", True),
        (SAYS, r"\bpgprot_x\b", False),
        (SAYS, without("pgprot_t"), False),
        (SAYS, without("pgprot_x"), True),
        ("arch/loongarch/Kconfig", r"", False),
        ("arch/loongarch/Kconfig", without("anything"), False),
    ],
)
def test_a_file_of_the_tree_tells_what_is_another_way(tmp_path: Path, path: str, says: str, holds: bool) -> None:
    header = (
        f"#ifdef CONFIG_NEWER\n#define _PAGE_NEWER 8\n#endif\n#ifdef CONFIG_OLDER\n#define _PAGE_OLDER 4\n#endif\n{MAP}"
    )
    drift = Drift(path, says, config={"CONFIG_NEWER": "1", "CONFIG_OLDER": ""}, levels=("pte",), assumes="it is newer")
    found = lifted(tmp_path, header, drifts=(drift,), config={"CONFIG_OLDER": "1"})
    assert found.constants.get("_PAGE_NEWER") == (8 if holds else None)
    assert found.constants.get("_PAGE_OLDER") == (None if holds else 4)
    assert (found.platform.levels == ("pte",)) == holds
    assert ("it is newer" in found.assumptions) == holds


def test_a_protection_that_no_ordinary_mapping_has_is_replaced(tmp_path: Path) -> None:
    header = MAP.replace("[VM_READ] =", "[VM_WRITE] = __pgprot(9), [VM_READ] =")
    drift = Drift(SAYS, r"\bpgprot_t\b", protection=(2, 3))
    assert lifted(tmp_path / "a", header).protection_map[2] == 9
    assert lifted(tmp_path / "b", header, drifts=(drift,)).protection_map[2] == 3


def test_a_machine_that_needs_a_file_is_not_in_a_tree_without_it(tmp_path: Path) -> None:
    gone = "arch/loongarch/include/asm/gone.h"
    assert lifted(tmp_path / "a", MAP, needs=(gone, SAYS)).protections
    with pytest.raises(KernelError) as raised:
        lifted(tmp_path / "b", MAP, needs=(gone,))
    assert str(raised.value).endswith(f"b has no {gone}, so it does not support loongarch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", replace(PLATFORMS["loongarch"], needs=(gone,)))
        patch.setitem(PLATFORMS, "other", replace(PLATFORMS["loongarch"], name="other", needs=()))
        assert liftable(tmp_path / "b") == ["other"]


@pytest.mark.parametrize("bits", ["_CACHE_OFF", "1 +", "cache()"])
def test_bits_that_boot_code_adds_must_be_known(tmp_path: Path, bits: str) -> None:
    with pytest.raises(KernelError):
        lifted(tmp_path, MAP, boot_protection=BootProtection(bits, "unknown"))


def test_a_pages_frame_number_is_known_under_both_names(tmp_path: Path) -> None:
    header = (
        "#define page_to_pfn __page_to_pfn\n"
        "#define mk_pte(page, prot) __pte((page_to_pfn(page) << 12) | pgprot_val(prot))\n"
    )
    found = lifted(tmp_path, header)
    assert found.helpers["mk_pte"](5, 3) == 0x5003


MK_PTE = "#define mk_pte(page, prot) __pte((((page) - mem_map) << 14) + START | pgprot_val(prot))\n"


@pytest.mark.parametrize(("first", "start"), [("", 0), ("#define ARCH_PFN_OFFSET (START >> 14)\n", 0x90000000)])
def test_the_number_of_a_page_counts_from_the_first_page(lift: Lift, first: str, start: int) -> None:
    found = lift(f"#include <asm/page.h>\n#define START {start}UL\n{first}{MK_PTE}")
    assert found.helpers["mk_pte"](0x90000000 >> 14, 5) == 0x90000005


def test_only_a_page_has_a_number(lift: Lift) -> None:
    found = helper_of(lift, "return __pte(pte_val(pte) - mem_map);")
    assert "mem_map is subtracted from something that is no page" in str(found)


def test_the_lowest_bit_of_a_constant_is_known(lift: Lift) -> None:
    found = lift(
        "#include <asm/page.h>\n#define _PAGE_A __builtin_ffs(sizeof(pte_t))\n#define _PAGE_B __builtin_ffs(0)\n"
        "#define _PAGE_C __builtin_ffs(0x100000000)\n#define _PAGE_D __builtin_ffs(-1 << 31)\n"
        "static inline pte_t pte_mkold(pte_t pte) { return __pte(__builtin_ffs(pte_val(pte))); }\n"
    )
    assert found.constants == {"_PAGE_A": 4, "_PAGE_B": 0, "_PAGE_C": 0, "_PAGE_D": 32}
    assert "the lowest bit of a value that is not constant" in str(reason(found, "pte_mkold"))


def test_a_feature_changes_a_run_time_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = replace(
        PLATFORMS["loongarch"],
        runtime={"cpu_has": RunTime(0, "cpu_has is false")},
        features={"has": Feature("it has", runtime={"cpu_has": RunTime(1, "cpu_has is true")})},
    )
    monkeypatch.setitem(PLATFORMS, "loongarch", changed)
    root = made_up_tree(
        tmp_path,
        "#include <asm/page.h>\n#define cpu_has read_it()\n#define _PAGE_X (cpu_has ? 8 : 0)\n"
        "static inline pte_t pte_mkold(pte_t pte) { return __pte(_PAGE_X); }\n",
    )
    plain, with_it = lift_tree(root, "loongarch"), lift_tree(root, "loongarch", ("has",))
    assert (plain.constants["_PAGE_X"], with_it.constants["_PAGE_X"]) == (0, 8)
    assert plain.assumptions == ("cpu_has is false",)
    assert with_it.assumptions == ("cpu_has is true",)


HARDWARE = Hardware(*([lambda entry: entry] * 6), "nowhere", serves_writable=True, young_gates=False)  # type: ignore[arg-type]
SIZES = "\n#define PMD_SHIFT 25\n#define PUD_SHIFT 36\n"


def made_of(lifted: LiftedTree, *bits: NamedBit) -> Architecture:
    """A machine of a made-up tree, with hardware that nothing is asked of."""
    return machine_from_tree(
        lifted, Machine("loongarch", bits, lambda constants, features: dict.fromkeys(("pte", "pmd"), HARDWARE))
    )


def test_a_bit_of_the_second_word_is_told_apart(lift: Lift) -> None:
    bits = (NamedBit("_PAGE_VALID", "v", "low"), NamedBit("_PAGE_VALID", "V", "high", shift=32))
    built = made_of(lift((COMPLETE % 13) + SIZES), *bits)
    assert [(bit.name, bit.position, bit.letter) for bit in built.bits] == [
        ("_PAGE_VALID", 0, "v"),
        ("_PAGE_VALID (high)", 32, "V"),
    ]


def test_a_bit_is_shown_with_its_features_only(lift: Lift) -> None:
    bits = [NamedBit("_PAGE_VALID", letter, "", only=frozenset({name})) for letter, name in (("a", ""), ("b", "ptw"))]
    built = made_of(lift((COMPLETE % 13) + SIZES), *bits)
    assert [bit.letter for bit in built.bits] == ["a"]


@pytest.mark.parametrize("gone", ["CHANGE(pmd, mkhuge, |= _PAGE_HUGE)", "#define pfn_pmd", "#define pmd_young"])
def test_a_level_without_a_helper_is_left_out_and_said_so(lift: Lift, gone: str) -> None:
    name = {"CHANGE": "pmd_mkhuge"}.get(gone.split("(", maxsplit=1)[0], gone.rsplit(maxsplit=1)[-1])
    header = "\n".join(line for line in (COMPLETE % 13).splitlines() if not line.startswith(gone))
    built = made_of(lift(header + SIZES))
    assert built.levels == ("pte",)
    assert f"no PMD maps a user page: the tree has no {name}()" in built.assumptions
    assert made_of(lift((COMPLETE % 13) + SIZES)).levels == ("pte", "pmd")


@pytest.mark.parametrize("lost", ["#define pte_young", "#define pfn_pte"])
def test_ptes_are_never_left_out(lift: Lift, lost: str) -> None:
    header = "\n".join(line for line in (COMPLETE % 13).splitlines() if not line.startswith(lost))
    with pytest.raises(CannotLift, match=f"{lost.split()[1]}: not present"):
        made_of(lift(header + SIZES))


def test_a_level_whose_helper_is_not_understood_is_not_left_out(lift: Lift) -> None:
    header = (COMPLETE % 13).replace("#define pmd_young(x) (pmd_val(x) & _PAGE_VALID)", "#define pmd_young(x) odd(x)")
    with pytest.raises(CannotLift, match=r"pmd_young: odd\(\) is not known"):
        made_of(lift(header + SIZES))


INVALIDATE = """
static inline pmd_t pmdp_invalidate(struct vm_area_struct *vma, unsigned long address, pmd_t *pmdp)
{ pmd_t old = *pmdp; pmdp->pmd &= ~_PAGE_VALID; return old; }
"""


def test_what_invalidation_leaves_in_memory_stands_for_mkinvalid(lift: Lift) -> None:
    plain = (COMPLETE % 13) + SIZES + INVALIDATE
    own = made_of(lift(plain))
    assert own.helper("pmd", "mkinvalid")(0x81) == 1
    without = plain.replace("CHANGE(pmd, mkinvalid, &= ~_PAGE_PRESENT)\n", "")
    built = made_of(lift(without))
    assert built.helper("pmd", "mkinvalid")(0x81) == 0x80
    assert built.places["pmd_mkinvalid"].endswith(
        f":{without[: without.index('static inline pmd_t pmdp')].count(chr(10)) + 1}"
    )
    by_hand = architecture_from_tree(architecture("loongarch/linux-6.12"), lift(without))
    assert by_hand.helper("pmd", "mkinvalid")(0x81) == 0x80
