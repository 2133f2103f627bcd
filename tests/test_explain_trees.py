"""Why real kernel trees break what they break: the findings of docs/findings-architectures.md, computed."""

from __future__ import annotations

import pytest

from checker.cli.explain import Cause, cause_of
from checker.cli.jobs import Job, build_system
from checker.cli.kernels import KernelTree
from checker.decision import decide
from checker.trace import make_trace
from models.kernel import Patch
from tests.patch_texts import unified
from tests.test_kernel_patched_trees import PGTABLE, fix, tree

pytestmark = pytest.mark.kernel


def cause(job: Job, invariant: str, start: str, *operations: str, inputs: tuple[int, ...] = (0,)) -> Cause:
    return cause_of(job, make_trace(build_system(job), invariant, start, inputs, list(operations)))


def helpers(config: str, level: str = "pte") -> Job:
    return Job(f"{config}/tree", "helpers", kernel=KernelTree(str(tree("6.12"))), level=level)


def says(found: Cause) -> set[str]:
    return {edit.says for blame in found.blames for edit in blame.assignments}


def test_loongarch_without_the_fix_is_named_with_its_line() -> None:
    patch = Patch("fix.patch", fix("6.1").encode())
    kernel = KernelTree(str(tree("6.1")), patches=(patch,), reverse=True)
    job = Job("loongarch/tree", "mm", "carry-dirty", kernel)
    steps = ("fork_pmd(parent)", "split_huge_pmd(parent)", "store(parent)")
    found = cause(job, "cow-isolation", "a huge page of its own", *steps, inputs=())
    blame = found.blames[0]
    assert [edit.says for edit in blame.assignments] == ["pte_mkdirty sets _PAGE_DIRTY"]
    path, _, line = blame.places[0].rpartition(":")
    text = (tree("6.1") / PGTABLE).read_text().splitlines()
    assert path == PGTABLE
    assert "pte_mkdirty(" in text[int(line) - 1]
    assert (blame.wrong_at, blame.whole is not None and blame.whole.holds) == (2, True)


@pytest.mark.parametrize(
    ("job", "invariant", "start", "operations", "wanted"),
    [
        (("arm-lpae", "pmd"), "present-stays", "mk_huge_pmd(---p)", ("set_pmd_at",), "set_pmd_at clears L_PTE_VALID"),
        (
            ("csky",),
            "read-only-when-allowed",
            "mk_pte(--xp)",
            ("pte_mkyoung", "pte_modify(---p)"),
            "pte_modify does not clear _PAGE_VALID",
        ),
        (
            ("m68k-coldfire",),
            "write-only-when-granted",
            "mk_pte(-w-p)",
            (),
            "the protection of -w-p has CF_PAGE_WRITABLE",
        ),
        (
            ("mips-alchemy",),
            "write-only-when-granted",
            "mk_pte(-w-s)",
            ("pte_modify(---p)",),
            "pte_modify does not clear _PAGE_WRITE",
        ),
        (("hexagon",), "dirty-is-kept", "mk_pte(---p)", ("pte_mkdirty",), "pte_modify clears _PAGE_DIRTY"),
        (("nios2",), "mkclean-sees-the-next-store", "mk_pte(-w-s)", (), "pte_mkclean does not clear _PAGE_WRITE"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and value else None,
)
def test_the_assignment_that_a_finding_names_is_found(
    job: tuple[str, ...], invariant: str, start: str, operations: tuple[str, ...], wanted: str
) -> None:
    assert wanted in says(cause(helpers(*job), invariant, start, *operations))


def test_levels_that_differ_are_explained() -> None:
    after = (tree("6.12") / PGTABLE).read_text()
    condition = "\tif (pmd_val(pmd) & _PAGE_WRITE)\n\t"
    assert after.count(condition) == 1
    patch = Patch("p", unified(PGTABLE, after, after.replace(condition, "")).encode())
    kernel = KernelTree(str(tree("6.12")), patches=(patch,))
    job = Job("loongarch/tree", "levels", kernel=kernel, level="pte+pmd")
    result = next(r for r in decide(build_system(job)) if r.trace is not None)
    found = cause_of(job, result.trace)
    assert "pmd_mkdirty sets _PAGE_DIRTY" in says(found)


def test_a_helper_that_reads_first_and_writes_later() -> None:
    found = cause(helpers("loongarch"), "set-wrprotect-is-one-step", "mk_pte(-w-s)")
    assert says(found) == {"ptep_set_wrprotect reads the entry first and writes it later, in two steps"}


def test_how_swap_entries_are_encoded_is_no_assignment() -> None:
    job = Job("nios2/tree", "codes", kernel=KernelTree(str(tree("6.1"))), level="pte")
    inputs = (0, 0x1C, 0, 0, 0, 0)
    found = cause(job, "swap-entry-survives", "any code", inputs=inputs)
    assert (found.kind, found.blames) == ("none", ())
    assert "__swp_type" in dict(found.helpers)
