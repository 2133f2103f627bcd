"""A counterexample about entries as a kernel test: it fails with the helpers that are broken and passes with others."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from checker.cli.jobs import Job, build_system, find_architecture, system_with
from checker.cli.kernels import KernelTree
from checker.reproduce import CannotReproduce, forms
from checker.reproduce import standalone as alone
from checker.reproduce.entries import EntryTest, entry_test, voiced
from checker.reproduce.machine import bit_definitions
from checker.reproduce.sources import fixed
from checker.reproduce.spoken import spoken
from checker.reproduce.style import code, string
from checker.terms import Term
from models.helper_world import FRESH
from models.registry import architecture
from models.worlds import helper_system
from tests.kernel_trees import tree, why_not
from tests.reproducers import CC, STRICT, needs_cc, run, style_errors, violation, without_comments

GOLDEN = Path(__file__).parent / "golden"
MADE_BY = (
    "ptecheck check loongarch/original --world pte --save out",
    "ptecheck reproduce write-protect-holds.trace.json",
)


@dataclass(frozen=True)
class Case:
    """A violation, with variants that have it and variants that do not."""

    job: Job
    invariant: str
    start: str
    operations: tuple[str, ...]
    broken: tuple[str, ...]
    sound: tuple[str, ...]

    def test(self) -> EntryTest:
        return entry_test(violation(self.job, self.invariant, self.start, *self.operations))


LOONGARCH, SPARC = Job("loongarch/original", "pte"), Job("sparc64/original", "pte")
PRIVATE, HUGE = "mk_pte(PRIVATE)", "mk_pmd(PRIVATE)"
CASES = {
    "write-protect": Case(
        LOONGARCH, "write-protect-holds", PRIVATE, ("pte_mkdirty",), ("original",), ("huacai", "peter", "linux-6.12")
    ),
    "huge": Case(LOONGARCH, "write-protect-holds", HUGE, ("pmd_mkdirty",), ("original",), ("huacai", "hev")),
    "fork": Case(
        LOONGARCH,
        "cow-shared-not-hw-writable",
        PRIVATE,
        ("pte_mkdirty", "fork"),
        ("original",),
        ("huacai", "linux-6.12"),
    ),
    "store": Case(
        LOONGARCH, "dirty-never-lost", PRIVATE, ("pte_mkwrite", "store"), ("original", "huacai"), ("hev", "linux-6.1")
    ),
    "chain": Case(LOONGARCH, "dirty-read-only-entry", PRIVATE, (), ("original",), ("peter",)),
    "invalid": Case(
        Job("loongarch/original", "helpers", level="pmd"),
        "invalid-stays-huge",
        "mk_huge_pmd(---p)",
        (),
        ("original", "peter"),
        ("linux-6.1",),
    ),
    "sparc64": Case(
        SPARC, "cow-shared-not-hw-writable", PRIVATE, ("pte_mkdirty", "fork"), ("original",), ("linux-6.12",)
    ),
}


@needs_cc
@pytest.mark.parametrize("name", CASES)
def test_it_fails_with_broken_helpers_and_passes_with_others(name, tmp_path):
    case = CASES[name]
    test = case.test()
    machine = case.job.config.partition("/")[0]
    outcomes = {}
    for variant in (*case.broken, *case.sound):
        ran = run(tmp_path, alone.standalone(test, architecture(f"{machine}/{variant}"), MADE_BY))
        outcomes[variant] = ran.status
        assert ("not ok 1 " if ran.status else "\nok 1 ") + test.name in ran.report
    assert outcomes == {**dict.fromkeys(case.broken, 1), **dict.fromkeys(case.sound, 0)}


def test_a_store_that_the_machine_does_not_let_through_ends_the_test_without_harm():
    (line,) = [line for line in CASES["store"].test().lines if line.kind == "leave"]
    assert line.text == "hw_writable(pte_val(pte))"


@pytest.mark.parametrize("form", ["kunit", "debug_vm_pgtable"])
def test_the_text_is_what_was_read_and_found_good(form):
    text = getattr(forms, form)(CASES["write-protect"].test(), MADE_BY)
    assert text == (GOLDEN / f"reproduce-{form}.c").read_text()


@pytest.mark.parametrize("name", CASES)
def test_every_form_keeps_the_kernels_style(name):
    test = CASES[name].test()
    for text in (forms.kunit(test, MADE_BY), forms.debug_vm_pgtable(test, MADE_BY)):
        assert style_errors(text) == []
        assert text.startswith("// SPDX-License-Identifier: GPL-2.0")
        assert all(line in text for line in MADE_BY)
    assert style_errors(alone.standalone(test, test.arch, MADE_BY)) == []


_STUBS = """\
#pragma GCC system_header
#define __init
#define pr_debug(...) ((void)0)
struct pgtable_debug_args { unsigned long fixed_pte_pfn, fixed_pmd_pfn; };
extern int warnings;
#define WARN_ON(x) ((void)((x) ? warnings++ : 0))
"""


def _headers(folder: Path, test: EntryTest) -> None:
    """Headers that stand for the kernel's, with the helpers of the trace's own configuration."""
    arch = test.arch
    helpers = [line for name in test.helpers for line in alone._helper(arch, name)]
    text = [*bit_definitions(arch), *alone._entry_types(test), *alone._page_protections(arch)]
    text += [*alone._constructors(test, arch), *helpers]
    (folder / "kunit").mkdir()
    (folder / "linux").mkdir()
    (folder / "kunit" / "test.h").write_text("#pragma GCC system_header\n" + fixed("types.h") + fixed("kunit.h"))
    (folder / "linux" / "pgtable.h").write_text(_STUBS + "\n".join(text) + "\n")
    (folder / "linux" / "version.h").write_text(
        "#define LINUX_VERSION_CODE 0x60c00\n#define KERNEL_VERSION(a, b, c) ((a) << 16 | (b) << 8 | (c))\n"
    )
    for name in ("mm", "module"):
        (folder / "linux" / f"{name}.h").write_text("")


@needs_cc
@pytest.mark.parametrize("name", ["fork", "chain", "invalid"])
def test_the_kernel_forms_are_correct_c(name, tmp_path):
    test = CASES[name].test()
    _headers(tmp_path, test)
    flags = (*STRICT, "-DCONFIG_TRANSPARENT_HUGEPAGE", "-I", str(tmp_path), "-o", str(tmp_path / "test"))
    (tmp_path / "kunit.c").write_text(forms.kunit(test, MADE_BY))
    subprocess.run([CC, *flags, str(tmp_path / "kunit.c")], check=True)
    assert subprocess.run([tmp_path / "test"], capture_output=True, check=False).returncode == 1
    driver = "int warnings;\nint main(void)\n{\n\tstruct pgtable_debug_args args = { 512, 512 };\n\n"
    driver += f"\t{test.name}_tests(&args);\n"
    text = "#include <kunit/test.h>\n#include <linux/pgtable.h>\n" + forms.debug_vm_pgtable(test, MADE_BY)
    (tmp_path / "debug.c").write_text(text + driver + "\treturn warnings;\n}\n")
    subprocess.run([CC, *flags, str(tmp_path / "debug.c")], check=True)
    assert subprocess.run([tmp_path / "test"], check=False).returncode >= 1


JOBS = [
    Job(config, world, level=level)
    for config in ("loongarch/linux-6.12", "sparc64+sun4v/original", "x86-64+shstk/linux-6.12")
    for world, level in (("pte", ""), ("helpers", "pte"), ("helpers", "pmd"), ("levels", "pte+pmd"))
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.config}-{job.world}-{job.level}")
def test_every_operation_and_requirement_can_be_said_in_c(job):
    arch, speech = spoken(find_architecture(job.config))
    plain, system = build_system(job), system_with(job, arch)
    for start in plain.starts:
        inputs = (0, 0) if job.world == "levels" else (0,) if job.world == "pte" else 0
        state = start.run(inputs)
        levels = tuple(job.level.split("+")) if job.level else ("pmd" if state.huge else "pte",)
        for operation in system.operations:
            guard, after = operation.run(voiced(state, levels, speech))
            if isinstance(guard, Term):
                assert speech.condition(guard)
            if levels != ("pmd",) or not operation.name.startswith("pte_"):
                halves = [after.left, after.right] if job.world == "levels" else [after]
                assert all(speech.entry(half.entry).text for half in halves)
        for invariant in system.invariants:
            holds = invariant.holds(voiced(state, levels, speech))
            if isinstance(holds, Term):
                assert speech.condition(holds)
                assert speech.value(holds) == invariant_of(plain, invariant.name).holds(state)


def invariant_of(system, name):
    return next(i for i in system.invariants if i.name == name)


def test_a_constructor_of_the_model_is_the_kernels():
    assert set(FRESH) == {"pte", "pmd", "pud"}
    (first, *_) = [line.text for line in CASES["huge"].test().lines if line.kind == "code"]
    assert first == "pmd = pmd_mkhuge(pfn_pmd(pfn, vm_get_page_prot(VM_READ | VM_WRITE)));"


def test_what_the_c_of_helpers_decides_is_refused():
    job = Job("loongarch/original", "mm", split="carry-dirty")
    steps = ("fork_pmd(parent)", "split_huge_pmd(parent)", "store(parent)")
    trace = violation(job, "cow-isolation", "a huge page of its own", *steps)
    with pytest.raises(CannotReproduce, match="the world mm is not about helpers"):
        entry_test(trace)


def test_what_needs_a_page_table_is_refused():
    installed = SimpleNamespace(name="set_pte_at", written=None, variables=(0,), places={})
    arch = replace(architecture("loongarch/linux-6.12"), in_place={"set_pte_at": installed})
    system = helper_system(spoken(arch)[0], "pte")
    (step,) = [op for op in system.operations if op.name == "set_pte_at"]
    with pytest.raises(CannotReproduce, match=r"set_pte_at\(\) works on an entry in a page table"):
        step.run(system.starts[0].run(0))


def test_helpers_of_another_machine_are_refused():
    with pytest.raises(CannotReproduce, match="sparc64/original is another machine"):
        alone.standalone(CASES["fork"].test(), architecture("sparc64/original"), MADE_BY)
    with pytest.raises(CannotReproduce, match=r"loongarch\+ptw/huacai is another machine"):
        alone.standalone(CASES["fork"].test(), architecture("loongarch+ptw/huacai"), MADE_BY)


EVIL = 'x */ int evil1; /* \\\n#error evil2\r\n*\\ int evil3; */ //??/\n*\x85é/ "; evil4(); \u2028*/ evil5'


@needs_cc
def test_names_cannot_inject_code(tmp_path):
    test = CASES["store"].test()
    evil = replace(
        test.arch,
        says=EVIL,
        source=EVIL,
        places=dict.fromkeys(test.helpers, EVIL),
        features=(),
        variant=EVIL,
        hardware=replace(test.arch.hardware, source=EVIL),
    )
    test = replace(test, arch=evil)
    for text in (forms.kunit(test, [EVIL]), forms.debug_vm_pgtable(test, [EVIL]), alone.standalone(test, evil, [EVIL])):
        assert "evil" in text
        assert "evil" not in without_comments(text)
        assert style_errors(text) == []
    assert run(tmp_path, alone.standalone(test, evil, [EVIL])).status == 1


def test_a_string_of_c_is_one_string():
    assert string('a"; evil(); "\\\n??/') == '"a\\"; evil(); \\"\\\\ \\?\\?/"'
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', string(EVIL))


def test_long_statements_are_broken_below_their_parenthesis():
    text = "KUNIT_EXPECT_TRUE(test, pte_dirty(first) || pte_dirty(second) || hw_writable(pte_val(third)) || pte_write(fourth));"
    lines = code(text)
    assert [len(line.expandtabs(8)) <= 80 for line in lines] == [True] * len(lines)
    assert " ".join(line.strip() for line in lines) == text
    assert all(line.startswith("\t\t\t  ") for line in lines[1:])


@needs_cc
@pytest.mark.kernel
def test_a_machine_of_a_kernel_tree(tmp_path):
    folder = tree("6.12")
    if folder is None:
        pytest.skip(why_not("6.12"))
    job = Job("csky/tree", "pte", kernel=KernelTree(str(folder)))
    steps = ("pte_mkdirty", "pte_modify(PRIVATE)", "pte_mkyoung")
    test = entry_test(violation(job, "write-protect-holds", "mk_pte(NONE)", *steps))
    arch = test.arch
    bits = {bit.name: bit.mask for bit in arch.bits}
    write = bits["_PAGE_DIRTY"] | bits["_PAGE_VALID"]
    mended = arch.with_helpers(
        "mended",
        "modify does not let a write-protected entry keep the hardware's permission",
        "this test",
        pte_modify=lambda pte, prot: arch.pte_modify(pte & ~write, prot),
    )
    assert run(tmp_path, alone.standalone(test, arch, MADE_BY)).status == 1
    assert run(tmp_path, alone.standalone(test, mended, MADE_BY)).status == 0
    assert style_errors(forms.kunit(test, MADE_BY)) == []
