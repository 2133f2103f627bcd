"""The command line as its users meet it: output, exit status, and one clear sentence for every kind of bad input."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.kernel_trees import made_up_tree

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"


def ptecheck(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """One run of the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "checker.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        **options,
    )


def same_as_golden(text: str, name: str) -> None:
    """The text is what a reviewed file holds; PTECHECK_PROMOTE=1 writes the file anew."""
    path = GOLDEN / name
    if os.environ.get("PTECHECK_PROMOTE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; review, then promote with PTECHECK_PROMOTE=1"


def refused(run: subprocess.CompletedProcess[str], *words: str) -> None:
    """The run ended with status 2, nothing on standard output and one sentence on standard error."""
    assert run.returncode == 2, run.stdout + run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
    assert run.stderr.startswith("ptecheck: ")
    for word in words:
        assert word in run.stderr


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    target = tmp_path_factory.mktemp("json") / "all.json"
    run = ptecheck("check", "--json", str(target))
    run.json = json.loads(target.read_text())
    return run


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of one broken and one sound configuration."""
    folder = tmp_path_factory.mktemp("saved")
    assert ptecheck("check", "loongarch/original", "--split", "carry-dirty", "--save", str(folder)).returncode == 1
    assert ptecheck("check", "loongarch/huacai", "--split", "carry-dirty", "--save", str(folder)).returncode == 0
    return folder


class TestComparison:
    def test_is_the_reviewed_one(self, comparison):
        assert comparison.returncode == 1
        same_as_golden(comparison.stdout, "comparison.txt")

    def test_fits_an_email(self, comparison):
        assert all(len(line) < 80 and "\x1b" not in line for line in comparison.stdout.splitlines())

    def test_everything_is_decided_without_bound(self, comparison):
        assert {r["verdict"] for r in comparison.json["results"]} == {"proved", "violated"}

    def test_half_of_the_story_is_violations(self, comparison):
        violated = {(r["config"], r["split"]) for r in comparison.json["results"] if r["verdict"] == "violated"}
        for machine in ("loongarch", "loongarch+ptw", "sparc64", "sparc64+sun4v"):
            assert {(f"{machine}/original", "carry-dirty"), (f"{machine}/original", "linux-6.12")} <= violated
        assert not any(split for config, split in violated if "original" not in config)

    @pytest.mark.slow
    def test_is_the_same_with_one_process(self, comparison):
        assert ptecheck("check", "--jobs", "1").stdout == comparison.stdout

    def test_json_follows_its_schema(self, comparison):
        schema = json.loads((ROOT / "docs" / "result.schema.json").read_text())
        jsonschema.validate(comparison.json, schema)
        assert len(comparison.json["results"]) == 20 * 8 + 20 * 5 * 3


class TestOneConfiguration:
    def test_trace_of_the_original_bug_is_the_reviewed_one(self):
        run = ptecheck("check", "loongarch/original", "--split", "carry-dirty")
        assert run.returncode == 1
        same_as_golden(run.stdout, "original-carry-dirty.txt")

    def test_traces_of_the_contract_are_the_reviewed_ones(self):
        run = ptecheck("check", "loongarch/original", "--world", "pte")
        assert run.returncode == 1
        same_as_golden(run.stdout, "original-pte.txt")

    def test_a_proof_shows_clauses_in_the_kernels_words(self):
        run = ptecheck("check", "loongarch/linux-6.12", "--invariant", "cow-shared-not-hw-writable")
        assert run.returncode == 0
        assert "if _PAGE_DIRTY then write" in run.stdout

    def test_proofs_by_states_say_the_same_and_are_checked_again(self, tmp_path):
        """The same verdicts and depths; the evidence is the set, which ``certify`` looks at anew."""
        found = {}
        for proofs in ("clauses", "states"):
            run = ptecheck(
                "check", "loongarch", "--no-cache", "--proofs", proofs, "--json", "-", "--save", tmp_path / proofs
            )
            assert run.returncode == 1
            found[proofs] = json.loads(run.stdout)["results"]
        said = [[(r["config"], r["split"], r["verdict"], r["depth"]) for r in results] for results in found.values()]
        assert said[0] == said[1]
        proved = [r for r in found["states"] if r["verdict"] == "proved"]
        assert proved
        assert all(r["enumerated"] and r["proof"] is None for r in proved)
        run = ptecheck("certify", tmp_path / "states")
        assert run.returncode == 0
        assert "looked at by both engines" in run.stdout

    def test_proofs_by_states_load_no_solver(self):
        code = (
            "import sys; from checker.cli.main import main\n"
            "status = main(['check', 'loongarch/huacai', '--no-cache', '--proofs', 'states', '--jobs', '1'])\n"
            "assert not {'numpy', 'pathlib', 'z3', 'checker.z3lib'} & set(sys.modules)\n"
            "sys.exit(status)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert run.returncode == 1, run.stderr  # dirty-never-lost

    def test_exit_status_ignores_costs(self):
        run = ptecheck("check", "loongarch/hev", "--world", "pte")
        assert run.returncode == 0
        assert "no-second-trap: COST" in run.stdout

    def test_depth_bounds_the_verdict(self):
        run = ptecheck("check", "loongarch/original", "--split", "carry-dirty", "--depth", "2", "--json", "-")
        verdicts = {r["invariant"]: (r["verdict"], r["depth"]) for r in json.loads(run.stdout)["results"]}
        assert verdicts["shared-not-hw-writable"] == ("violated", 2)
        assert verdicts["cow-isolation"] == ("bounded", 2)
        assert run.returncode == 1

    def test_time_limit_is_not_a_verdict(self):
        run = ptecheck("check", "loongarch/huacai", "--split", "reorder", "--timeout", "0.0001", "--json", "-")
        results = json.loads(run.stdout)["results"]
        assert {r["verdict"] for r in results} == {"unknown"}
        assert all("time limit" in r["reason"] for r in results)
        assert run.returncode == 3

    def test_invariant_names_select(self):
        run = ptecheck("check", "sparc64/original", "--invariant", "cow-isolation", "--json", "-")
        assert {r["invariant"] for r in json.loads(run.stdout)["results"]} == {"cow-isolation"}

    def test_split_selects_the_mm_world(self):
        run = ptecheck("check", "sparc64/original", "--split", "reorder", "--json", "-")
        assert {(r["world"], r["split"]) for r in json.loads(run.stdout)["results"]} == {("mm", "reorder")}

    def test_two_runs_print_the_same(self):
        first = ptecheck("check", "x86-64/linux-6.12", env={**os.environ, "PYTHONHASHSEED": "1"})
        second = ptecheck("check", "x86-64/linux-6.12", env={**os.environ, "PYTHONHASHSEED": "2"})
        assert first.stdout == second.stdout


class TestPartOfTheComparison:
    """What was not looked at is not spoken of."""

    @pytest.mark.parametrize(
        ("arguments", "absent"),
        [
            (["--invariant", "mkdirty-mkwrite-commute"], ["kernel", "contract"]),
            (["--invariant", "cow-isolation", "--split", "reorder"], ["contract", "every split"]),
        ],
    )
    def test_claims_nothing_about_the_rest(self, arguments, absent):
        run = ptecheck("check", *arguments)
        assert "What was proved" not in run.stdout
        for words in absent:
            assert f"{words} proved" not in run.stdout

    def test_a_bound_is_explained_and_not_called_a_proof(self):
        run = ptecheck("check", "--world", "pte", "--invariant", "invalid-pmd-unreachable", "--depth", "1")
        assert run.returncode == 0
        assert "<N: holds in all runs of fewer than N steps" in run.stdout
        assert "proved with all others" not in run.stdout


class TestErrorsOfOurs:
    def test_are_no_verdict(self):
        code = (
            "import sys, checker.cli.check as c; from checker.cli.main import main\n"
            "def crash(args): raise RuntimeError('of ours')\n"
            "c.run_check = crash\nsys.exit(main(['check']))"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert run.returncode == 3
        assert run.stderr == "ptecheck: internal error, nothing was decided: RuntimeError: of ours\n"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    def test_a_full_disk_is_one_sentence(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run(
                [sys.executable, "-m", "checker.cli", "list", "variants"],
                stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False,
            )  # fmt: skip
        assert run.returncode == 2
        assert run.stderr.startswith("ptecheck: ")
        assert "Traceback" not in run.stderr


@pytest.mark.slow
def test_no_line_of_any_configuration_is_too_wide(saved):
    from models.registry import FAMILIES

    for name, family in FAMILIES.items():
        for feature in ("", *(f"+{f}" for f in family.features)):
            run = ptecheck("check", name + feature)
            assert [line for line in run.stdout.splitlines() if len(line) > 79] == []
    for file in saved.rglob("*.trace.json"):
        assert [line for line in ptecheck("replay", str(file)).stdout.splitlines() if len(line) > 79] == []


class TestColour:
    def test_a_terminal_gets_colour(self):
        import pty

        main, terminal = pty.openpty()
        code = "import sys; from checker.cli.colour import for_terminal; sys.stdout.write(for_terminal('x: VIOLATED in 2 steps'))"
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
        subprocess.run([sys.executable, "-c", code], stdout=terminal, cwd=ROOT, check=True, env=environment)
        assert "\x1b[31mVIOLATED\x1b[0m" in os.read(main, 200).decode()

    def test_painting_changes_no_text(self):
        from checker.cli.colour import paint

        text = (GOLDEN / "comparison.txt").read_text()
        assert paint(text) != text
        assert re.sub(r"\x1b\[\d+m", "", paint(text)) == text


class TestBadUse:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["check", "loongarch/huacia"], ["huacia", "did you mean 'huacai'"]),
            (["check", "longarch"], ["longarch", "did you mean 'loongarch'"]),
            (["check", "loongarch+pwt"], ["pwt", "did you mean 'ptw'"]),
            (["check", "--split", "reordr"], ["reordr", "did you mean 'reorder'"]),
            (["check", "--invariant", "cow-isolaton"], ["did you mean 'cow-isolation'"]),
            (["check", "--world", "pte", "--split", "reorder"], ["--split belongs to the mm world"]),
            (["check", "--world", "pte", "--invariant", "cow-isolation"], ["belongs to the mm world"]),
            (["check", ""], ["no architecture ''"]),
            (["check", "loongarch/"], ["no variant ''"]),
            (["check", "loongarch/original", "--kernel", "."], ["leave out /original"]),
            (["check", "loongarch", "--kernel", "no-such-folder"], ["no-such-folder"]),
            (["check", "loongarch", "--kernel", "docs"], ["docs"]),
            (["replay", "no-such-file"], ["cannot read no-such-file"]),
            (["replay", "docs"], ["cannot read docs"]),
            (["certify", "no-such-folder"], ["no such folder"]),
            (["check", "loongarch", "--proofs", "states", "--depth", "3"], ["--proofs", "leave out --depth"]),
            (["certify", "docs"], ["no certificate.json"]),
        ],
    )
    def test_names_are_explained(self, arguments, words):
        refused(ptecheck(*arguments), *words)

    @pytest.mark.parametrize(
        "arguments",
        [["check", "--depth", "-1"], ["check", "--depth", "x"], ["check", "--timeout", "0"], ["check", "--timeout", "nan"],
         ["check", "--jobs", "0"], ["list", "everything"], ["frobnicate"], []],
    )  # fmt: skip
    def test_wrong_arguments(self, arguments):
        run = ptecheck(*arguments)
        assert run.returncode == 2
        assert "Traceback" not in run.stderr

    def test_unwritable_targets(self, tmp_path):
        (tmp_path / "file").write_text("")
        refused(ptecheck("check", "sparc64/original", "--save", str(tmp_path / "file" / "x")), "cannot write", "--save")
        refused(ptecheck("check", "sparc64/original", "--json", str(tmp_path / "no" / "x.json")), "cannot write --json")

    def test_a_closed_pipe_is_quiet(self):
        shell = f"{sys.executable} -m checker.cli list operations | head -n 1"
        run = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, cwd=ROOT, check=False)
        assert "Traceback" not in run.stderr


LOONGARCH = "arch/loongarch/include/asm"


class TestKernelTrees:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("static inline pte_t pte_mkdirty(pte_t pte)\n{\n\treturn pte +;\n}\n", [f"{LOONGARCH}/pgtable.h:3"]),
            ("#include <asm/pgtable.h>\n", [f"{LOONGARCH}/pgtable.h:1"]),
            ("#include <asm/pgtable-bits.h\n", [f"{LOONGARCH}/pgtable.h:1"]),
            ("#if 1\n", [f"{LOONGARCH}/pgtable.h"]),
        ],
    )
    def test_a_broken_header_is_one_sentence(self, tmp_path, text, words):
        refused(ptecheck("check", "loongarch", "--kernel", str(made_up_tree(tmp_path, text))), *words)

    def test_helpers_that_are_not_there_are_not_guessed(self, tmp_path):
        run = ptecheck(
            "check",
            "loongarch",
            "--kernel",
            str(made_up_tree(tmp_path, "typedef struct { unsigned long pte; } pte_t;\n")),
        )
        assert run.returncode == 3
        assert "NOT DECIDED" in run.stdout
        assert "pte_mkclean: not present" in " ".join(run.stdout.split())

    def test_a_folder_without_the_architecture(self, tmp_path):
        (tmp_path / "arch" / "alpha").mkdir(parents=True)
        (tmp_path / "include").mkdir()
        refused(ptecheck("check", "loongarch", "--kernel", str(tmp_path)), "no arch/loongarch", "alpha")

    @pytest.mark.kernel
    @pytest.mark.parametrize("version", ["6.1", "6.12"])
    def test_a_machine_of_a_real_tree_is_proved(self, version, tmp_path):
        from tests import kernel_trees

        tree = kernel_trees.tree(version)
        if tree is None:
            pytest.skip(kernel_trees.why_not(version))
        run = ptecheck("check", "riscv64", "--kernel", str(tree), "--json", "-", "--save", str(tmp_path))
        results = json.loads(run.stdout)["results"]
        assert run.returncode == 0, run.stderr
        assert {r["config"] for r in results} == {"riscv64/tree"}
        assert {r["world"] for r in results} == {"pte", "helpers", "levels", "codes"}
        assert {r["verdict"] for r in results if not r["cost"]} == {"proved"}
        certified = ptecheck("certify", str(tmp_path / "riscv64_tree"), "--kernel", str(tree))
        assert certified.returncode == 0, certified.stderr
        assert certified.stdout.count("is proved") == sum(r["verdict"] == "proved" for r in results)


class TestEvidence:
    def test_traces_replay(self, saved):
        files = sorted(saved.rglob("*.trace.json"))
        assert {f.name.split(".")[0] for f in files} == {
            "shared-not-hw-writable", "cow-isolation", "read-only-vma-holds",
        }  # fmt: skip
        for file in files:
            run = ptecheck("replay", str(file))
            assert run.returncode == 0, run.stderr
            assert "as replayed on integers" in run.stdout

    def test_certificates_are_accepted(self, saved):
        run = ptecheck("certify", str(saved))
        assert run.returncode == 0, run.stderr
        assert run.stdout.count("is proved") == 3

    @pytest.mark.parametrize("solver", [pytest.param("cvc5", marks=pytest.mark.slow), "bitwuzla"])
    def test_other_solvers_accept_them(self, saved, solver):
        pytest.importorskip(solver)
        assert ptecheck("certify", str(saved), "--solver", solver).stdout.count(f"clauses, {solver}") == 3

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda d: d["steps"][2]["state"].update({"processes[0].entry": 0}), ["step 2", "processes[0].entry"]),
            (lambda d: d["steps"][1].update(operation="exit(child)"), ["step 1", "not enabled"]),
            (lambda d: d["steps"].pop(), ["does not violate"]),
            (lambda d: d.update(steps=[]), ["first step"]),
            (lambda d: d.update(schema="x"), ["not a ptecheck.trace/1 file"]),
            (lambda d: d.pop("config"), ["config"]),
            (lambda d: d.update(config="loongarch/nope"), ["no variant 'nope'"]),
            (lambda d: d.update(config=7), ["config"]),
            (lambda d: d.update(split="nope"), ["no split 'nope'"]),
            (lambda d: d.update(inputs=[1]), ["inputs"]),
            (lambda d: d.update(invariant="nope"), ["no invariant 'nope'"]),
            (lambda d: d.update(start="nope"), ["no start 'nope'"]),
            (lambda d: d.update(config="loongarch/tree"), ["--kernel"]),
        ],
    )
    def test_a_tampered_trace_is_refused(self, saved, tmp_path, change, words):
        data = json.loads(next(saved.rglob("cow-isolation.trace.json")).read_text())
        change(data)
        file = tmp_path / "t.trace.json"
        file.write_text(json.dumps(data))
        refused(ptecheck("replay", str(file)), str(file), *words)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100000, b'{"schema": NaN}'])
    def test_a_file_that_is_no_trace(self, tmp_path, content):
        file = tmp_path / "junk"
        file.write_bytes(content)
        refused(ptecheck("replay", str(file)), str(file))

    @pytest.mark.parametrize(
        ("name", "change", "words"),
        [
            ("consecution.smt2", lambda t: t.replace("(assert ", "(assert (not ", 1), ["consecution.smt2 is not"]),
            ("safety.smt2", lambda t: "(assert false)(check-sat)", ["safety.smt2 is not"]),
            ("certificate.json", lambda t: t.replace('"literals"', '"literal"'), ["does not understand"]),
            ("certificate.json", lambda t: re.sub(r"parent write", "parent wrote", t), ["does not understand"]),
            ("certificate.json", lambda t: t.replace("huacai", "peter"), []),
            ("certificate.json", lambda t: t[:100], ["not JSON"]),
        ],
    )
    def test_a_tampered_certificate_is_refused(self, saved, tmp_path, name, change, words):
        source = next(saved.rglob("certificate.json")).parent
        for file in source.iterdir():
            (tmp_path / file.name).write_text(file.read_text())
        target = tmp_path / name
        changed = change(target.read_text())
        assert changed != target.read_text()
        target.write_text(changed)
        refused(ptecheck("certify", str(tmp_path)), *words)

    def test_one_bad_certificate_does_not_hide_the_others(self, saved, tmp_path):
        import shutil

        shutil.copytree(saved, tmp_path / "copy")
        next((tmp_path / "copy").rglob("safety.smt2")).write_text("")
        run = ptecheck("certify", str(tmp_path / "copy"))
        assert run.returncode == 2
        assert run.stderr.count("ptecheck: ") == 1
        assert run.stdout.count("is proved") == 2

    def test_a_certificate_without_its_scripts_is_refused(self, saved, tmp_path):
        source = next(saved.rglob("certificate.json"))
        (tmp_path / "certificate.json").write_text(source.read_text())
        refused(ptecheck("certify", str(tmp_path)), "cannot read", "initiation.smt2")

    def test_json_names_the_certificates_folder(self, tmp_path):
        run = ptecheck("check", "sparc64/linux-6.12", "--split", "reorder", "--save", str(tmp_path), "--json", "-")
        paths = [r["proof"]["certificate"] for r in json.loads(run.stdout)["results"]]
        assert all((Path(p) / "safety.smt2").is_file() for p in paths)


class TestStartup:
    def test_help_loads_no_engine(self):
        code = "import sys; from checker.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        code += (
            "print([m for m in ('z3', 'networkx', 'multiprocessing', 'models') if m in sys.modules], file=sys.stderr)"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert run.stderr.strip() == "[]"
        assert "exit status" in run.stdout

    def test_importing_the_package_loads_no_engine(self):
        code = "import sys; from checker import TransitionSystem, decide\n"
        code += "print([m for m in ('z3', 'networkx') if m in sys.modules])"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert run.stdout.strip() == "[]", run.stderr

    def test_version(self):
        run = ptecheck("--version")
        assert run.returncode == 0
        assert re.fullmatch(r"ptecheck \d+\.\d+\.\d+\n", run.stdout)

    @pytest.mark.parametrize("what", ["architectures", "variants", "invariants", "operations", "splits"])
    def test_lists_name_sources_and_fit(self, what):
        run = ptecheck("list", what)
        assert run.returncode == 0
        assert run.stdout
        assert all(len(line) < 80 for line in run.stdout.splitlines() if " " in line.strip())


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_is_decided(tmp_path, jobs):
    target = tmp_path / "out.json"
    code = (
        "import os, signal, sys; from checker.cli import jobs; from checker.cli.main import main\n"
        "decided, after = [], jobs._Progress.after\n"
        "def interrupting(self, outcome):\n"
        "    decided.append(outcome)\n"
        "    if len(decided) == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return after(self, outcome)\n"
        "jobs._Progress.after = interrupting\n"
        f"sys.exit(main(['check', '--no-cache', '--jobs', {jobs!r}, '--json', {str(target)!r}]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in run.stderr
    results = json.loads(target.read_text())["results"]
    verdicts = {r["verdict"] for r in results}
    assert run.returncode == 3
    assert "Not decided:" in run.stdout
    assert "unknown" in verdicts
    assert verdicts & {"proved", "violated"}
    assert all("interrupted" in r["reason"] for r in results if r["verdict"] == "unknown")


def test_a_process_that_is_killed_leaves_its_jobs_undecided(tmp_path):
    target = tmp_path / "out.json"
    code = (
        "import os, signal, sys; from checker.cli import jobs; from checker.cli.main import main\n"
        "decide = jobs._decide_job\n"
        "def dying(task):\n"
        "    if 'hev' in task[0].config: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return decide(task)\n"
        "jobs._decide_job = dying\n"
        f"sys.exit(main(['check', 'loongarch', '--world', 'pte', '--no-cache', '--jobs', '2', '--json', {str(target)!r}]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in run.stderr
    results = json.loads(target.read_text())["results"]
    assert {r["verdict"] for r in results if r["config"] == "loongarch/hev"} == {"unknown"}
    assert all("died" in r["reason"] for r in results if r["verdict"] == "unknown")
