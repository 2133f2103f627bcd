"""Every helper that an architecture has is lifted from real trees, in every configuration; what is not is listed here."""

from __future__ import annotations

import pytest

from models.kernel import lift_tree
from models.kernel.architectures import IN_PLACE
from models.kernel.coverage import LIFTED, NOT_LIFTED
from tests.compiled import wanted_tree
from tests.hardware import each_tree
from tests.test_kernel_compiled import each_configuration

MISNAMED = {f"pud_{name}" for name in ("soft_dirty", "mksoft_dirty", "clear_soft_dirty")}
"""Macros of Linux 6.12 on powerpc whose parameter has another name than their body has, so that no use of them compiles."""

NO_HUGE_PUD = {"pudp_set_wrprotect"}
"""Generic code calls set_pud_at(), which powerpc does not have in Linux 6.1."""

REFUSED = {
    ("6.1", "powerpc-book3s64"): NO_HUGE_PUD,
    ("6.1", "powerpc-book3s64-hash"): NO_HUGE_PUD,
    ("6.12", "powerpc-book3s64"): MISNAMED,
    # both end in BUG() on some entries: no PUD maps a page there
    ("6.12", "powerpc-book3s64-hash"): MISNAMED | {"pudp_set_wrprotect", "pudp_test_and_clear_young"},
    # pmd_page() is in a file that is not read; no PMD maps a page there
    ("6.1", "powerpc-book3e64"): {"pmd_pfn"},
    ("6.12", "powerpc-book3e64"): {"pmd_pfn"},
}


@pytest.mark.kernel
@each_tree
@each_configuration
def test_every_helper_is_lifted_or_absent(version: str, architecture: str, features: tuple[str, ...]) -> None:
    lifted = lift_tree(wanted_tree(version), architecture, features)
    found = lifted.coverage
    assert {name for name, what in found.items() if what.state == NOT_LIFTED} == REFUSED.get(
        (version, architecture), set()
    )
    assert set(found) == {*lifted.platform.wanted, *IN_PLACE}
    assert all(what.line for what in found.values() if what.state in (LIFTED, NOT_LIFTED))
    needed = {"ptep_get", "set_pte_at", "ptep_get_and_clear", "ptep_set_wrprotect", "ptep_test_and_clear_young"}
    assert needed <= {name for name, what in found.items() if what.state == LIFTED}
