"""sparc64 is transcribed by hand, since its helpers are inline assembly; at least its bits are compared with the header."""

from __future__ import annotations

import re

import pytest

from models.arch.sparc64 import PMD_HUGE, SPECIAL, SUN4U, SUN4V, VALID, Encoding
from tests import kernel_trees

_DEFINE = re.compile(r"^#define\s+(_PAGE_\w+)\s+_AC\((0x[0-9A-Fa-f]+),UL\)", re.M)


def constants(version: str) -> dict[str, int]:
    """Every _PAGE_* bit of pgtable_64.h."""
    tree = kernel_trees.tree(version)
    if tree is None:
        pytest.skip(kernel_trees.why_not(version))
    text = (tree / "arch/sparc/include/asm/pgtable_64.h").read_text(encoding="utf-8")
    return {name: int(value, 16) for name, value in _DEFINE.findall(text)}


@pytest.mark.kernel
@pytest.mark.parametrize("version", ["6.1", "6.12"])
@pytest.mark.parametrize(("code", "suffix"), [(SUN4U, "4U"), (SUN4V, "4V")])
def test_bits_and_masks_are_the_headers(version: str, code: Encoding, suffix: str) -> None:
    page = constants(version)

    def bits(*names: str) -> int:
        return sum(page[f"_PAGE_{name}_{suffix}"] for name in names)

    assert (page["_PAGE_VALID"], page["_PAGE_SPECIAL"], page["_PAGE_PMD_HUGE"]) == (VALID, SPECIAL, PMD_HUGE)
    assert code.present == bits("PRESENT")
    assert code.write == bits("WRITE")
    assert code.hardware_write == bits("W")
    assert code.modified == bits("MODIFIED")
    assert code.accessed == bits("ACCESSED")
    assert code.read == bits("READ")
    assert code.execute == bits("EXEC")
    assert code.privileged == bits("P")
    assert code.cache == bits("CP", "CV")
    assert code.size_4mb == bits("SZ4MB")
    assert code.frame == bits("PADDR")
    kept = bits("PADDR", "MODIFIED", "ACCESSED", "CP", "CV", "E", "SZALL")
    assert code.kept == kept | SPECIAL | PMD_HUGE
