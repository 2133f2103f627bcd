"""The scenarios in docs/scenarios: their answers, the kernel's tests they stand for, and that they can fail at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from checker.cli.scenario import Limits, run_all, scenario_files, vocabulary
from checker.scenario import Scenario
from checker.scenario_text import parse_bytes
from models.mm import operations as _declared  # noqa: F401 - declares the operations
from models.mm.catalogue import OPERATIONS
from models.mm.state import World, with_process
from tests import kernel_trees
from tests.test_cli import ROOT

FOLDER = ROOT / "docs" / "scenarios"
SELFTESTS = "tools/testing/selftests/mm"
QUICK = ("loongarch/original", "loongarch/linux-6.12", "sparc64/original", "x86-64/linux-6.12")
"""The configurations of the default run; those marked ``slow`` are all that the files name."""

KNOWN_WRONG: dict[str, str] = {}
"""Files whose expectation is right and which the model does not answer so, each with the reason."""

MKDIRTY = {
    "test_ptrace_write": "mkdirty/ptrace-write",
    "test_ptrace_write_thp": "mkdirty/ptrace-write-thp",
    "test_page_migration": "mkdirty/page-migration*",
    "test_page_migration_thp": "mkdirty/thp-migration*",
    "test_pte_mapped_thp": "mkdirty/pte-mapped-thp*",
    "test_uffdio_copy": "mkdirty/uffdio-copy",
}
COW = {
    "test_cow_in_parent": "cow/cow-in-parent-[!m]*",
    "test_cow_in_parent_mprotect": "cow/cow-in-parent-mprotect-*",
    "test_vmsplice_in_child": "cow/vmsplice-in-child-[!m]*",
    "test_vmsplice_in_child_mprotect": "cow/vmsplice-in-child-mprotect-*",
    "test_vmsplice_before_fork": "cow/vmsplice-before-fork-*",
    "test_vmsplice_after_fork": "cow/vmsplice-after-fork-*",
    "test_iouring_ro": "cow/rw-pin-then-[rt]*",
    "test_iouring_fork": "cow/rw-pin-then-fork-*",
    "test_ro_pin_on_shared": "cow/ro-pin-on-shared-*",
    "test_ro_fast_pin_on_shared": "cow/ro-pin-on-shared-*",
    "test_ro_pin_on_ro_previously_shared": "cow/ro-pin-on-previously-shared-*",
    "test_ro_fast_pin_on_ro_previously_shared": "cow/ro-pin-on-previously-shared-*",
    "test_ro_pin_on_ro_exclusive": "cow/ro-pin-on-[et]*",
    "test_ro_fast_pin_on_ro_exclusive": "cow/ro-pin-on-[et]*",
    "test_anon_thp_collapse_unshared": "cow/collapse-before-fork",
    "test_anon_thp_collapse_fully_shared": "cow/collapse-after-fork",
    "test_anon_thp_collapse_lower_shared": "cow/collapse-[au]*",
    "test_anon_thp_collapse_upper_shared": "cow/collapse-[au]*",
    "test_cow": "cow/cow-*zeropage",
    "test_ro_pin": "cow/ro-pin-*zeropage",
    "test_ro_fast_pin": "cow/ro-pin-*zeropage",
}
RUNS = {
    "run_with_base_page": "cow/*-base-page",
    "run_with_base_page_swap": "cow/*-swapped-base-page",
    "run_with_thp": "cow/*-thp",
    "run_with_thp_swap": "cow/*-swapped-thp",
    "run_with_pte_mapped_thp": "cow/*-pte-mapped-thp",
    "run_with_pte_mapped_thp_swap": "cow/*-swapped-pte-mapped-thp",
    "run_with_partial_mremap_thp": "cow/*-moved-half-of-thp",
    "run_with_partial_shared_thp": "cow/*-partly-shared-thp*",
    "run_with_zeropage": "cow/*-zeropage",
    "run_with_huge_zeropage": "cow/*-huge-zeropage",
}
"""What cow.c runs each of its tests with -> some of the files."""

SOFT_DIRTY = {
    "test_simple": "soft-dirty/simple-*",
    "test_hugepage": "soft-dirty/hugepage-*",
    "test_mprotect_anon": "soft-dirty/mprotect-[rw]*",
    "test_mprotect_file": "soft-dirty/mprotect-file-*",
}
UFFD = {
    "uffd_wp_fork_test": "uffd/wp-fork-[!ep]*",
    "uffd_wp_fork_with_event_test": "uffd/wp-fork-event-[pst]*",
    "uffd_wp_fork_pin_test": "uffd/wp-fork-pin-*",
    "uffd_wp_fork_pin_with_event_test": "uffd/wp-fork-event-e*",
    "uffd_wp_unpopulated_test": "uffd/wp-unpopulated-*",
    "uffd_sigbus_wp_test": "uffd/copy-wp-*",
    "uffd_events_wp_test": "uffd/wp-events*",
    "uffd_sigbus_test": "uffd/copy-resolved",
    "uffd_events_test": "uffd/copy-resolved",
    "uffd_zeropage_test": "uffd/zeropage*",
    "uffd_move_test": "uffd/move",
    "uffd_move_pmd_test": "uffd/move-pmd",
    "uffd_move_pmd_split_test": "uffd/move-pmd-split",
}
KSM = {
    "test_unmerge": "ksm/unmerge",
    "test_unmerge_discarded": "ksm/unmerge-discarded",
    "test_unmerge_zero_pages": "ksm/unmerge-zero-page",
    "test_unmerge_uffd_wp": "ksm/unmerge-uffd-wp",
    "test_prot_none": "ksm/prot-none",
}
COVERED = {
    "mkdirty.c": MKDIRTY,
    "cow.c": COW | RUNS,
    "soft-dirty.c": SOFT_DIRTY,
    "uffd-unit-tests.c": UFFD,
    "ksm_functional_tests.c": KSM,
}
"""Test file of Linux 6.12 -> test function -> a pattern for files that stand for it, without their suffix."""

LEFT_OUT = {
    "cow.c": {
        "run_with_hugetlb": "no hugetlb",
        "run_with_memfd": "no private file mappings",
        "run_with_memfd_hugetlb": "no hugetlb",
        "run_with_tmpfile": "no private file mappings",
        "run_with_single_pte_of_thp": "one sub-page is followed: the same sequence as run_with_pte_mapped_thp",
        "run_with_single_pte_of_thp_swap": "the same sequence as run_with_pte_mapped_thp_swap",
    },
    "soft-dirty.c": {
        "test_vma_reuse": "that a new mapping counts as soft-dirty by itself (VM_SOFTDIRTY)",
        "test_mprotect": "is test_mprotect_anon and test_mprotect_file",
    },
    "uffd-unit-tests.c": {
        "uffd_register_ioctls_test": "which ioctls a registration offers",
        "uffd_minor_test": "no minor faults",
        "uffd_minor_wp_test": "no minor faults",
        "uffd_minor_collapse_test": "no minor faults",
        "uffd_poison_test": "no poisoned pages",
    },
    "ksm_functional_tests.c": {
        "test_prctl": "no prctl()",
        "test_prctl_fork": "no prctl()",
        "test_prctl_fork_exec": "no prctl()",
        "test_prctl_unmerge": "no prctl()",
        "test_child_ksm_err": "a message",
    },
}
"""Test file of Linux 6.12 -> what has no scenario -> what the model does not have."""

DECLARED = {
    "mkdirty.c": r"^static void (test_\w+)\(",
    "cow.c": r"^static void ((?:test|run_with)_\w+)\(",
    "soft-dirty.c": r"^static void (test_\w+)\(",
    "uffd-unit-tests.c": r"\.uffd_fn = (\w+)",
    "ksm_functional_tests.c": r"^static void (test_\w+)\(",
}
"""Test file -> how its test functions are found."""


@cache
def scenarios() -> dict[str, Scenario]:
    """Every scenario by its path below the folder, without the suffix."""
    found = {}
    for path in scenario_files([str(FOLDER)]):
        name = path.relative_to(FOLDER).with_suffix("").as_posix()
        found[name] = parse_bytes(path.read_bytes(), f"docs/scenarios/{name}.scenario", vocabulary())
    return found


def unexpected(chosen: dict[str, Scenario]) -> dict[str, list[str]]:
    """The answers that are not the expected ones, by scenario."""
    reports, errors = run_all(list(chosen.values()), Limits(None, 1_000_000))
    assert not errors
    wrong: dict[str, list[str]] = {}
    for name, report in zip(chosen, reports, strict=True):
        for a in report.answers:
            if not a.as_expected:
                where = f"{a.setting.config} with mm {a.setting.kernel}"
                wrong.setdefault(name, []).append(f"{where}: {a.ran.answer.value}, not {a.expected.answer.value}")
    return wrong


def quick(chosen: dict[str, Scenario]) -> dict[str, Scenario]:
    """The scenarios with only the configurations of the default run."""
    return {
        name: replace(s, configurations=tuple(c for c in s.configurations if c in QUICK)) for name, s in chosen.items()
    }


def matching(pattern: str) -> dict[str, Scenario]:
    """The scenarios whose path matches."""
    return {name: s for name, s in scenarios().items() if fnmatchcase(name, pattern)}


class TestAnswers:
    def test_are_the_expected_ones(self):
        assert set(unexpected(quick(scenarios()))) == set(KNOWN_WRONG)

    @pytest.mark.slow
    def test_are_the_expected_ones_in_every_configuration(self):
        assert set(unexpected(scenarios())) == set(KNOWN_WRONG)

    def test_every_file_is_run_by_default(self):
        assert [name for name, s in quick(scenarios()).items() if not s.configurations] == []

    def test_a_known_hole_has_a_twin_without_it(self):
        for name, s in matching("candidates/*").items():
            if s.expectations[0].answer.value in ("violated", "found") and ("with", "without-ad") not in s.choices:
                twins = matching(f"{name}-closed") or matching(name.replace("-loses-data", "-closed"))
                assert [t.choices for t in twins.values()] == [()], name
                assert ("with", "as-is") in s.choices


class TestFiles:
    def test_are_named_after_their_scenarios(self):
        for name, s in scenarios().items():
            folder, stem = name.split("/")
            assert s.name == (stem if stem.startswith(folder) else f"{folder}-{stem}")

    def test_say_where_the_situation_comes_from(self):
        assert [name for name, s in scenarios().items() if not s.sources] == []
        assert all(s.says.endswith(".") for s in scenarios().values())


class TestCoverage:
    @pytest.mark.parametrize(("file", "function"), [(file, name) for file, names in COVERED.items() for name in names])
    def test_a_test_of_the_kernel_has_scenarios(self, file, function):
        pattern = COVERED[file][function]
        named = {name for name, s in scenarios().items() if self.stands_for(s, file, function)}
        assert set(matching(pattern)) & named
        if not function.startswith("run_with"):
            assert set(matching(pattern)) <= named

    @staticmethod
    def stands_for(scenario: Scenario, file: str, function: str) -> bool:
        return any(
            source.startswith(f"{SELFTESTS}/{file} ") and f"{function}()" in source for source in scenario.sources
        )

    def test_no_scenario_stands_for_a_test_that_is_not_in_the_table(self):
        for name, s in scenarios().items():
            for source in s.sources:
                cited = re.match(rf"{SELFTESTS}/(\S+) ((?:\w+\(\)(?:, | by )?)+)", source)
                if cited and cited[1] in COVERED:
                    assert set(re.findall(r"\w+", cited[2])) - {"by"} <= set(COVERED[cited[1]]), name

    @pytest.mark.kernel
    @pytest.mark.parametrize("file", COVERED)
    def test_the_tables_have_every_test_of_the_kernel(self, file):
        tree = kernel_trees.tree("6.12")
        source = tree / SELFTESTS / file if tree else Path()
        if not source.is_file():
            pytest.skip(f"no {SELFTESTS}/{file} in the Linux 6.12 tree" if tree else kernel_trees.why_not("6.12"))
        declared = set(re.findall(DECLARED[file], source.read_text(), re.M))
        assert declared == set(COVERED[file]) | set(LEFT_OUT.get(file, {}))


def _keeps_write_permission(kernel: Any, s: World, p: int) -> tuple[Any, World]:
    guard, after = _RULES["fork_pte"](kernel, s, p)
    return guard, with_process(after, p, entry=s.processes[p].entry)


def _marks_nothing_dirty(kernel: Any, s: World, p: int) -> tuple[Any, World]:
    guard, after = _RULES["try_to_unmap"](kernel, s, p)
    pages = tuple(replace(new, dirty=old.dirty) for new, old in zip(after.pages, s.pages, strict=True))
    return guard, replace(after, pages=pages)


def _changes_nothing(operation: str) -> Callable[[Any, World, int], tuple[Any, World]]:
    return lambda kernel, s, p: (_RULES[operation](kernel, s, p)[0], s)


_RULES = {name: op.rule for name, op in OPERATIONS.items()}
FAULTS = [
    ("fork_pte", _keeps_write_permission, "cow/*", 10),
    ("try_to_unmap", _marks_nothing_dirty, "seed/kswapd-*", 1),
    ("mprotect_read", _changes_nothing("mprotect_read"), "mkdirty/*", 10),
    ("clear_soft_dirty", _changes_nothing("clear_soft_dirty"), "soft-dirty/*", 5),
    ("uffd_write_protect", _changes_nothing("uffd_write_protect"), "uffd/*", 10),
]


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "rule", "pattern", "least"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_in_generic_mm_is_noticed(operation, rule, pattern, least, monkeypatch):
    monkeypatch.setitem(OPERATIONS, operation, replace(OPERATIONS[operation], rule=rule))
    assert len(unexpected(quick(matching(pattern)))) >= least
