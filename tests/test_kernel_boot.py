"""What a tree settles at boot only: the table of protections, the first page of memory, values that a feature changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.hardware import Machine, NamedBit
from models.kernel import KernelError, LiftedTree, lift_tree
from models.kernel.architectures import Feature, RunTime
from models.kernel.build import machine_from_tree
from models.kernel.platforms import PLATFORMS
from models.pte import Hardware
from tests.kernel_trees import made_up_tree
from tests.test_kernel_lift import COMPLETE, helper_of, reason

Lift = Callable[..., LiftedTree]


@pytest.fixture
def lift(tmp_path: Path) -> Lift:
    """Lifts a made-up asm/pgtable.h."""
    return lambda header: lift_tree(made_up_tree(tmp_path, header), "loongarch")


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], LiftedTree]:
    """Lifts a tree whose boot function fill() has a body."""
    monkeypatch.setitem(PLATFORMS, "loongarch", replace(PLATFORMS["loongarch"], protection_setup="fill"))

    def run(body: str) -> LiftedTree:
        root = made_up_tree(tmp_path, "#include <asm/page.h>\n#define _PAGE_WRITE 8\n")
        (root / "arch/loongarch/mm").mkdir(parents=True)
        (root / "arch/loongarch/mm/cache.c").write_text(
            "#define PM(p) __pgprot(0x100 | (p))\nstatic pgprot_t protection_map[16] __ro_after_init;\n"
            f"static inline void fill(void)\n{{\n{body}\n}}\n#undef PM\n"
        )
        return lift_tree(root, "loongarch")

    return run


ENTRIES = "\n".join(f"protection_map[{i}] = PM({i} | (({i} & 10) == 10 ? _PAGE_WRITE : 0));" for i in range(16))


def test_a_table_that_is_filled_at_boot_is_read(filled: Callable[[str], LiftedTree]) -> None:
    found = filled(ENTRIES)
    assert found.protection_map == {i: 0x100 | i for i in range(16)}
    assert found.protections == {"NONE": 0x100, "READONLY": 0x101, "PRIVATE": 0x103, "SHARED": 0x10B}
    assert found.protection_source["SHARED"] == "arch/loongarch/mm/cache.c:16"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("protection_map[0] = PM(0);", "does not set every entry"),
        (f"{ENTRIES}\nother[1] = PM(0);", "cache.c:21: a statement of fill() that does not set an entry"),
        (f"{ENTRIES}\nif (x) protection_map[1] = PM(0);", "a statement of fill() that does not set an entry"),
        (f"{ENTRIES}\nprotection_map[1] |= PM(0);", "a statement of fill() that does not set an entry"),
        (f"{ENTRIES}\nprotection_map[1] = PM(unknown);", "unknown is not known"),
        (f"{ENTRIES}\nprotection_map[unknown] = PM(1);", "unknown is not known"),
    ],
)
def test_a_boot_function_that_does_anything_else_is_refused(
    filled: Callable[[str], LiftedTree], body: str, why: str
) -> None:
    with pytest.raises(KernelError) as caught:
        filled(body)
    assert why in str(caught.value)


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
        features={"has": Feature("it has", runtime={"cpu_has": 1})},
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
    assert with_it.assumptions == ("cpu_has is taken as 1, for has",)


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
