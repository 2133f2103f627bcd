"""A counterexample about processes as a program of system calls, compiled and run on the kernel at hand."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import replace

import pytest

from checker.cli.jobs import Job, build_system
from checker.reproduce import CannotReproduce
from checker.reproduce.recipes import FINALES, FIRST_HALVES, FORCED, REASONS, RECIPES, STARTS, UNSEEN
from checker.reproduce.selftest import selftest
from checker.reproduce.sources import CALLS, FOLDER, fixed, needed, pieces
from models.mm import world  # noqa: F401 - declares the operations
from models.mm.catalogue import ALL, OPERATIONS, SWITCHES
from models.registry import architecture
from models.worlds import invariant_names, mm_system
from tests.reproducers import any_run, compiled, needs_cc, run, style_errors, violation, without_comments

MADE_BY = ("ptecheck reproduce cow-isolation.trace.json",)
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the system calls of Linux")

CORE = Job("loongarch/original", "mm", split="linux-6.12")
WHOLE = Job("x86-64/linux-6.12", "kernel", generation="linux-6.12")
HUGE, SMALL = "a huge page of its own", "a small page of its own"
OK, SKIPPED = 0, 4


def isolation():
    steps = ("fork_pmd(parent)", "split_huge_pmd(parent)", "store(parent)")
    return violation(CORE, "cow-isolation", HUGE, *steps)


def read_only():
    return violation(CORE, "read-only-vma-holds", HUGE, "mprotect_read(parent)", "split_huge_pmd(parent)")


def shared():
    return violation(CORE, "shared-not-hw-writable", HUGE, "fork_pmd(parent)", "split_huge_pmd(parent)")


def passed(ran):
    """Whether a program passed; skips the test where this machine cannot do a step."""
    if ran.status == SKIPPED:
        pytest.skip(ran.report.splitlines()[-1])
    return ran.status == OK


def test_every_operation_has_a_recipe_or_a_reason():
    known = [*RECIPES, *REASONS, *FIRST_HALVES]
    assert sorted(known) == sorted(OPERATIONS)
    assert set(FIRST_HALVES.values()) <= set(RECIPES)
    assert all(reason and not reason.endswith(".") for reason in REASONS.values())


def test_every_property_shows_or_has_a_reason():
    names = {name for w in ("mm", "kernel") for name, _ in invariant_names(w)}
    assert sorted([*FINALES, *UNSEEN]) == sorted(names)


def test_every_start_has_a_function():
    system = mm_system(architecture("x86-64/linux-6.12"), features=ALL | SWITCHES)
    assert {start.name for start in system.starts} == set(STARTS)


def test_every_function_that_is_named_is_there():
    names = {recipe.function for recipe in (*RECIPES.values(), *FORCED.values())}
    names |= {function for function, _ in STARTS.values()} | {f.marked for f in FINALES.values() if f.marked}
    for name in names:
        assert re.search(rf"^static void {name}\(int \w+\)$", pieces()[name], re.M), name


def test_the_c_keeps_the_kernels_style():
    for path in sorted(FOLDER.iterdir()):
        text = path.read_text()
        assert text.startswith("// SPDX-License-Identifier: GPL-2.0 OR MIT\n")
        assert style_errors(text) == [], path.name


@needs_cc
@LINUX
def test_all_functions_compile_without_a_warning(tmp_path):
    steps = [name for name, piece in pieces().items() if re.search(rf"^static void {name}\(int \w+\)$", piece, re.M)]
    steps.remove("protect")
    table = "".join(f'\t{{ {{ PARENT, {name}, 0, KEEPS, "" }}, DONE, 0 }},\n' for name in steps)
    text = fixed("includes.h") + "enum { PARENT, PROCESSES };\n#define SECONDS 9\n" + fixed("actors.c")
    text += "\n".join(needed(set(steps))) + f"\nstatic const struct check checks[] = {{\n{table}}};\n"
    text += 'static const struct step steps[] = {\n\t{ PARENT, load, 0, KEEPS, "" },\n};\n' + fixed("main.c")
    (tmp_path / "all.c").write_text(text)
    assert len(steps) > 40
    for level in ("-O0", "-O2"):
        compiled(tmp_path, tmp_path / "all.c", level)


@needs_cc
@LINUX
@pytest.mark.parametrize("make", [isolation, read_only, shared])
def test_this_kernel_passes_or_says_why_not(make, tmp_path):
    ran = run(tmp_path, selftest(make(), MADE_BY))
    assert ran.status in (OK, SKIPPED), ran.report
    assert ran.report.startswith("TAP version 13\n# 0: a huge page of its own\n")
    if ran.status == SKIPPED:
        assert re.search(r"^1\.\.0 # SKIP step \d: .", ran.report, re.M)
    else:
        (plan,) = re.findall(r"^1\.\.(\d)$", ran.report, re.M)
        assert len(re.findall(r"^ok \d ", ran.report, re.M)) == int(plan)


@needs_cc
@LINUX
def test_a_store_that_another_process_sees_fails(tmp_path):
    """A shared mapping in place of a private one is what the bug looks like from user space."""
    text = selftest(
        any_run(WHOLE, "cow-isolation", SMALL, "fork_pte(parent)", "wp_page_copy(parent)", "store(parent)"), MADE_BY
    )
    sound, broken = run(tmp_path, text), run(tmp_path, text.replace("MAP_PRIVATE", "MAP_SHARED"))
    assert passed(sound), sound.report
    assert broken.status == 1, broken.report
    assert "not ok 2 child reads its own data\n# saw 0x13, expected 0x10\n" in broken.report


@needs_cc
@LINUX
def test_a_store_that_is_not_refused_fails(tmp_path):
    text = selftest(any_run(WHOLE, "read-only-vma-holds", SMALL, "mprotect_read(parent)"), MADE_BY)
    assert passed(run(tmp_path, text))
    ran = run(tmp_path, text.replace("protect(PROT_READ);", "protect(PROT_READ | PROT_WRITE);"))
    assert ran.status == 1
    assert "not ok 1 a store of parent is refused\n# it was done\n" in ran.report


@needs_cc
@LINUX
def test_a_step_that_never_ends_is_a_failure(tmp_path):
    text = selftest(any_run(WHOLE, "progress", SMALL), MADE_BY).replace("SECONDS 20", "SECONDS 1")
    ran = run(tmp_path, text.replace("\t*page = value;\n\treturn 0;", "\tfor (;;)\n\t\t*page = value;"))
    assert ran.status == 1
    assert "Bail out! a step did not end" in ran.report


@needs_cc
@LINUX
def test_three_processes_and_an_end(tmp_path):
    job = replace(WHOLE, processes=3)
    steps = ("fork_pte(parent)", "fork_pte(child)", "exit(parent)", "wp_page_copy(grandchild)", "store(grandchild)")
    ran = run(tmp_path, selftest(any_run(job, "cow-isolation", SMALL, *steps), MADE_BY))
    assert passed(ran), ran.report
    assert "parent reads" not in ran.report
    assert "ok 2 grandchild reads its own data" in ran.report


@needs_cc
@LINUX
def test_what_a_pipe_refers_to_stays_its_owners(tmp_path):
    steps = ("fork_pte(parent)", "get_page(child)", "wp_page_copy(parent)", "store(parent)")
    text = selftest(any_run(WHOLE, "pin-coherent", SMALL, *steps), MADE_BY)
    sound, broken = run(tmp_path, text), run(tmp_path, text.replace("MAP_PRIVATE", "MAP_SHARED"))
    assert passed(sound), sound.report
    assert "ok 1 child's reference sees child's data\n" in sound.report
    assert "not ok 1 child's reference sees child's data\n# saw 0x14, expected 0x10\n" in broken.report
    with pytest.raises(CannotReproduce, match="nobody holds a reference any more"):
        selftest(any_run(WHOLE, "pin-coherent", SMALL, "get_page(parent)", "store(parent)"), MADE_BY)


@needs_cc
@LINUX
def test_a_pinned_page_stays_its_owners(tmp_path):
    steps = ("pin_write(parent)", "fork_pinned_pte(parent)", "dma_write(parent)", "store(parent)")
    ran = run(tmp_path, selftest(any_run(WHOLE, "pin-coherent", SMALL, *steps), MADE_BY))
    assert passed(ran), ran.report
    assert (
        "ok 1 io_uring writes parent's page\nok 2 parent reads its own data\nok 3 child reads its own data\n"
        in ran.report
    )


def test_a_reference_is_dropped_by_whoever_took_it():
    steps = ("fork_pte(parent)", "get_page(child)", "unpin(parent)")
    text = selftest(any_run(WHOLE, "cow-isolation", SMALL, *steps), MADE_BY)
    assert '{ CHILD, drop_reference, 0, KEEPS, "unpin(parent)" }' in text
    steps = ("fork_pte(parent)", "get_page(child)", "exit(child)", "unpin(parent)")
    with pytest.raises(CannotReproduce, match="step 4, unpin: whoever took the reference has no entry"):
        selftest(any_run(WHOLE, "cow-isolation", SMALL, *steps), MADE_BY)


def test_a_read_only_mapping_is_written_through_the_kernel():
    steps = ("mprotect_read(parent)", "fork_pte(parent)", "wp_page_copy(parent)")
    text = selftest(any_run(WHOLE, "cow-isolation", SMALL, *steps), MADE_BY)
    assert '{ PARENT, force_store, 0x13, WRITES, "wp_page_copy(parent)" }' in text


def test_both_halves_of_a_migration_are_one_call():
    steps = ("try_to_migrate_pte(parent)", "remove_migration_pte(parent)")
    text = selftest(any_run(WHOLE, "cow-isolation", SMALL, *steps), MADE_BY)
    assert text.count("{ PARENT, migrate, ") == 1
    with pytest.raises(CannotReproduce, match="step 1, try_to_migrate_pte: one call does it together with"):
        selftest(
            any_run(WHOLE, "cow-isolation", SMALL, "try_to_migrate_pte(parent)", "fork_nonpresent(parent)"), MADE_BY
        )


def test_every_step_that_cannot_be_driven_is_named():
    steps = ("numa_protect(parent)", "fork_pte(parent)", "numa_fault(child)")
    with pytest.raises(CannotReproduce) as refused:
        selftest(any_run(WHOLE, "cow-isolation", SMALL, *steps), MADE_BY)
    assert "step 1, numa_protect: NUMA balancing scans" in str(refused.value)
    assert "step 3, numa_fault: " in str(refused.value)
    assert "step 2" not in str(refused.value)


def test_what_user_space_does_not_see_is_refused():
    with pytest.raises(
        CannotReproduce, match="writable-means-exclusive cannot be seen from user space: PageAnonExclusive"
    ):
        selftest(any_run(WHOLE, "writable-means-exclusive", SMALL), MADE_BY)
    with pytest.raises(CannotReproduce, match="no process is left"):
        selftest(any_run(WHOLE, "cow-isolation", SMALL, "exit(parent)"), MADE_BY)


@needs_cc
@LINUX
@pytest.mark.parametrize("touch", ["first_touch_read(parent)", "first_touch_huge_read(parent)"])
def test_a_store_into_the_zero_page_would_show(touch, tmp_path):
    text = selftest(any_run(WHOLE, "shared-not-hw-writable", "nothing mapped yet", touch), MADE_BY)
    ran = run(tmp_path, text)
    assert passed(ran), ran.report
    assert "ok 2 new mappings read zeroes\n" in ran.report
    broken = run(tmp_path, text.replace("found |= *page;", "found |= 0x5a;"))
    assert broken.status == 1
    assert "not ok 2 new mappings read zeroes\n# a new mapping reads 0x5a\n" in broken.report


@pytest.mark.parametrize(
    ("start", "steps"),
    [
        (SMALL, ("ksm_zero(parent)",)),
        ("nothing mapped yet", ("first_touch_write(parent)", "store(parent)", "ksm_zero(parent)")),
    ],
)
def test_what_ksm_is_to_find_is_zero(start, steps):
    text = selftest(any_run(WHOLE, "cow-isolation", start, *steps), MADE_BY)
    assert "0x1" not in re.search(r"struct step steps\[\].*?^};", text, re.S | re.M)[0]


EVIL = 'x */ int evil1; /* \\\n#error evil2\r\n*\\ int evil3; */ //??/\n*\x85é/ "; evil4(); \u2028*/ evil5'


@needs_cc
def test_names_cannot_inject_code(tmp_path):
    told = isolation()
    evil = replace(told.arch, says=EVIL, source=EVIL, variant=EVIL, name=EVIL)
    text = selftest(replace(told, arch=evil), [EVIL])
    assert "evil" in text
    assert "evil" not in without_comments(text)
    assert style_errors(text) == []
    compiled(tmp_path, _written(tmp_path, text))


def _written(folder, text):
    path = folder / "evil.c"
    path.write_text(text)
    return path


def test_the_tables_are_what_was_read_and_found_good():
    text = selftest(isolation(), MADE_BY)
    assert style_errors(text) == []
    parts = [
        text.partition("#define")[0],
        *re.findall(r"^static const struct \w+ \w+\[\] = .*?^};\n", text, re.S | re.M),
    ]
    golden = (FOLDER.parent.parent.parent / "tests" / "golden" / "reproduce-selftest.c").read_text()
    assert "\n".join(parts) == golden


def random_run(seed, length=8):
    """A run of operations that user space can drive, in the whole kernel of x86-64."""
    rng = random.Random(seed)
    system = build_system(WHOLE)
    start = rng.choice(system.starts)
    state = system.layout.state(system.layout.concrete(start.run(())))
    steps = []
    while len(steps) < length:
        possible = []
        for op in system.operations:
            # Generic mm has holes around KSM, which a machine where it is on would show (docs/findings.md).
            if op.name.partition("(")[0] in RECIPES and not op.name.startswith(("exit", "ksm")):
                guard, after = op.run(state)
                possible += [(op.name, after)] if guard else []
        name, after = rng.choice(possible)
        state = system.layout.state(system.layout.concrete(after))
        steps.append(name)
    return any_run(WHOLE, rng.choice(list(FINALES)), start.name, *steps)


@needs_cc
@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_a_sound_kernel_passes_whatever_runs_it_is_asked_for(seed, tmp_path):
    try:
        text = selftest(random_run(seed), MADE_BY)
    except CannotReproduce:
        return
    ran = run(tmp_path, text)
    assert ran.status in (OK, SKIPPED), ran.report
    assert style_errors(text) == []


def test_the_files_of_functions_are_all_read():
    assert {path.name for path in FOLDER.iterdir()} >= set(CALLS)
    assert all(re.search(rf"\b{name}\b", piece) for name, piece in pieces().items())
