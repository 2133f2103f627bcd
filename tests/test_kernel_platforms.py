"""What a platform can say about its kernel, on small made-up headers: newer options, and what boot code adds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.kernel import KernelError, LiftedTree, lift_tree
from models.kernel.architectures import BootProtection
from models.kernel.platforms import PLATFORMS
from tests.kernel_trees import made_up_tree

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
