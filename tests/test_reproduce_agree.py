"""Every counterexample about helpers that there is: the C test and the model agree, for every set of helpers."""

from __future__ import annotations

import pytest

from checker import decide
from checker.cli.jobs import Job, build_system, system_with
from checker.cli.kernels import KernelTree
from checker.cli.telling import told
from checker.reproduce import CannotReproduce
from checker.reproduce.entries import MAX_CLAIMS, entry_test
from checker.reproduce.standalone import standalone
from checker.trace import BadTrace, concrete_run
from checker.verdict import Verdict
from models.registry import FAMILIES, architecture
from tests.kernel_trees import tree, why_not
from tests.reproducers import needs_cc, run

WORLDS = (("pte", ""), ("helpers", "pte"), ("helpers", "pmd"))


def violations(job):
    """Every violated requirement of a job that is no cost, told."""
    results = decide(build_system(job))
    return [told(job, r.trace) for r in results if r.verdict is Verdict.VIOLATED and r.trace and not r.cost]


def breaks(trace, job, arch):
    """Whether the same steps break the same requirement with other helpers, as the model has it."""
    system = system_with(job, arch)
    invariant = next((i for i in system.invariants if i.name == trace.invariant), None)
    try:
        states = concrete_run(system, trace.start, trace.inputs, [step.operation for step in trace.steps[1:]])
    except BadTrace:
        return False
    return not invariant.holds(states[-1])


@needs_cc
@pytest.mark.slow
@pytest.mark.parametrize("machine", ["loongarch", "loongarch+ptw", "sparc64", "sparc64+sun4v"])
def test_the_test_and_the_model_agree_on_every_variant(machine, tmp_path):
    compared = 0
    variants = FAMILIES[machine.partition("+")[0]].variants
    for job in [Job(f"{machine}/{v}", world, level=level) for v in variants[:2] for world, level in WORLDS]:
        for trace in violations(job):
            test = entry_test(trace)
            for variant in variants:
                arch = architecture(f"{machine}/{variant}")
                failed = run(tmp_path, standalone(test, arch, [])).status == 1
                if test.left_out and variant != test.arch.variant:
                    continue
                assert failed == breaks(trace.trace, job, arch), (job.config, trace.trace.invariant, variant)
                compared += 1
    assert compared >= 10


MACHINES = [
    ("csky", "helpers", "pte"),
    ("xtensa", "helpers", "pte"),
    ("mips64", "helpers", "pmd"),
    ("x86-64", "levels", "pmd+pud"),
]


@needs_cc
@pytest.mark.kernel
@pytest.mark.parametrize(("machine", "world", "level"), MACHINES)
def test_what_a_released_kernel_breaks_fails_in_c(machine, world, level, tmp_path):
    folder = tree("6.12")
    if folder is None:
        pytest.skip(why_not("6.12"))
    job = Job(f"{machine}/tree", world, kernel=KernelTree(str(folder)), level=level)
    failed = 0
    for trace in violations(job):
        try:
            test = entry_test(trace)
        except CannotReproduce as why:
            assert "judged by the text" in str(why) or "page table" in str(why)
            continue
        assert run(tmp_path, standalone(test, test.arch, [])).status == 1, trace.trace.invariant
        assert test.left_out == 0 or len(test.claims) <= MAX_CLAIMS * 4
        failed += 1
    assert failed
