"""What a platform can say about its kernel, on small made-up headers: options, what boot code adds, run-time values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.hardware import Machine, NamedBit
from models.kernel import KernelError, LiftedTree, lift_tree
from models.kernel.architectures import BootProtection, Feature, RunTime
from models.kernel.build import machine_from_tree
from models.kernel.platforms import PLATFORMS
from models.pte import Hardware
from tests.kernel_trees import made_up_tree
from tests.test_kernel_lift import COMPLETE, helper_of, reason

Lift = Callable[[str], LiftedTree]


@pytest.fixture
def lift(tmp_path: Path) -> Lift:
    """Lifts a made-up asm/pgtable.h."""
    return lambda header: lift_tree(made_up_tree(tmp_path, header), "loongarch")


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


@pytest.mark.parametrize("bits", ["_CACHE_OFF", "1 +", "cache()"])
def test_bits_that_boot_code_adds_must_be_known(tmp_path: Path, bits: str) -> None:
    with pytest.raises(KernelError):
        lifted(tmp_path, MAP, boot_protection=BootProtection(bits, "unknown"))


@pytest.mark.parametrize(("named", "value"), [("CONFIG_NEW", 2), ("CONFIG_NEWER", 1), ("CONFIG_OLD_CONFIG_NEW", 1)])
def test_a_newer_option_counts_where_the_header_names_it(tmp_path: Path, named: str, value: int) -> None:
    header = f"#ifdef {named}\n#endif\n#include <asm/bits.h>\n#define pte_mkdirty(pte) __pte(NEW)\n"
    platform = PLATFORMS["loongarch"]
    changes = {
        "config": {**platform.config, "CONFIG_NEW": "1"},
        "newer": frozenset({"CONFIG_NEW"}),
        "headers": {**platform.headers, "asm/bits.h": False},
    }
    bits = "#ifdef CONFIG_NEW\n#define NEW 2\n#else\n#define NEW 1\n#endif\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PLATFORMS, "loongarch", replace(platform, **changes))
        found = lift_tree(made_up_tree(tmp_path, f"#include <asm/page.h>\n{header}", bits=bits), "loongarch")
    assert found.helpers["pte_mkdirty"](0) == value
    assert ("CONFIG_NEW" in found.platform.config) is (value == 2)


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


def test_a_bit_of_the_second_word_is_told_apart(lift: Lift) -> None:
    hardware = Hardware(*([lambda entry: entry] * 6), "nowhere", serves_writable=True, young_gates=False)  # type: ignore[arg-type]
    bits = (NamedBit("_PAGE_VALID", "v", "low"), NamedBit("_PAGE_VALID", "V", "high", shift=32))
    machine = Machine("loongarch", bits, lambda constants, features: dict.fromkeys(("pte", "pmd"), hardware))
    sizes = "#define PMD_SHIFT 25\n#define PUD_SHIFT 36\n"
    built = machine_from_tree(lift((COMPLETE % 13) + sizes), machine)
    assert [(bit.name, bit.position, bit.letter) for bit in built.bits] == [
        ("_PAGE_VALID", 0, "v"),
        ("_PAGE_VALID (high)", 32, "V"),
    ]
