"""``ptecheck scenario``: scenario files, the systems they name, and the processes that run them."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from checker.cli.jobs import EXTRAS, Job, Outcome, build_system, find_architecture, kernel_of
from checker.cli.main import EXIT_USAGE, UsageError
from checker.decision import INTERRUPTED
from checker.limits import Budget, stop_if_interrupted, watch_interrupts
from checker.scenario import Answer, Expectation, Scenario, ScenarioError, Setting, Vocabulary
from checker.scenario_machine import Accesses, Machine, Served, machine_for
from checker.scenario_run import Ran, run_scenario
from checker.scenario_text import MAX_BYTES, parse_bytes
from checker.scenario_write import counterexample_scenario, scenario_name
from checker.verdict import EXIT_HOLDS, EXIT_UNDECIDED, EXIT_VIOLATED

if TYPE_CHECKING:
    from checker.system import TransitionSystem

SUFFIX = ".scenario"
MAX_FILES = 10_000
"""A folder with more scenario files is refused."""


@cache
def vocabulary() -> Vocabulary:
    """The names that scenario files may use."""
    from models.mm.kernel import GENERATIONS
    from models.mm.orders import MIGRATIONS, SPLITS
    from models.registry import DEFAULT_MACHINES, FAMILIES, architectures

    machines = [m for name, family in FAMILIES.items() for m in (name, *(f"{name}+{f}" for f in family.features))]
    return Vocabulary(
        configurations=tuple(arch.config for name in machines for arch in architectures(name)),
        default=tuple(arch.config for name in DEFAULT_MACHINES for arch in architectures(name)),
        worlds=("mm", "pte"),
        kernels=tuple(GENERATIONS),
        choices={"split": tuple(SPLITS), "migration": tuple(MIGRATIONS), "with": tuple(EXTRAS)},
        several=("with",),
    )


def job_of(setting: Setting) -> Job:
    """The job whose system a setting names."""
    if setting.world == "pte":
        return Job(setting.config, "pte")
    chosen = setting.chosen()
    split, migration = ("".join(chosen.get(keyword, ())) for keyword in ("split", "migration"))
    return Job(setting.config, "kernel", split, None, setting.kernel, migration, tuple(sorted(chosen.get("with", ()))))


def setting_of(job: Job) -> Setting:
    """How scenarios name a job's system: the same one, or for the core under one split the whole kernel around it."""
    from models.mm.orders import SPLITS

    if job.world == "pte":
        return Setting(job.config, "pte")
    pairs = [("split", job.split), ("migration", job.migration), *(("with", extra) for extra in job.extras)]
    release = job.generation or SPLITS[job.split].generation
    return Setting(job.config, "mm", release, tuple((key, value) for key, value in pairs if value))


def resolve(setting: Setting) -> tuple[TransitionSystem, Accesses]:
    """The system a setting names, and how its stores and loads are served."""
    from models.mm.words import accesses

    job = job_of(setting)
    system = build_system(job)
    if setting.world == "pte":
        return system, {}
    kernel = kernel_of(job, find_architecture(setting.config))
    return system, {
        (access, name): Served(final, faults)
        for (access, name), (final, faults) in accesses(kernel, job.processes).items()
    }


@dataclass(frozen=True)
class Answered:
    """What a scenario gave on one system, and what was expected."""

    setting: Setting
    expected: Expectation
    ran: Ran

    @property
    def as_expected(self) -> bool:
        """The answer is the expected one."""
        return self.ran.answer is self.expected.answer

    @property
    def undecided(self) -> bool:
        """There is no answer."""
        return self.ran.answer is Answer.UNDECIDED


@dataclass(frozen=True)
class Report:
    """A scenario and its answers, one for each of its systems, in order."""

    scenario: Scenario
    answers: tuple[Answered, ...]


@dataclass(frozen=True)
class Limits:
    """The limits on one scenario on one system."""

    seconds: float | None
    states: int


@dataclass(frozen=True)
class Task:
    """The scenarios to run on one system, by number."""

    setting: Setting
    scenarios: tuple[tuple[int, Scenario], ...]
    limits: Limits


Found = dict[tuple[int, Setting], Ran | str]
"""For each scenario and system, what came of it; a text is an error in the file."""


def scenario_files(names: list[str]) -> list[Path]:
    """The files that are named, and those below the folders that are named.

    Raises:
        UsageError: there is no such file, or nothing in a folder.
    """
    files: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            below = sorted(f for f in path.rglob(f"*{SUFFIX}") if f.is_file())
            if not below:
                raise UsageError(f"{name}: no *{SUFFIX} file in it or below it")
            files += below
        elif path.exists():
            files.append(path)
        else:
            raise UsageError(f"cannot read {name}: there is no such file or folder")
    if len(files) > MAX_FILES:
        raise UsageError(f"{len(files)} scenario files are more than {MAX_FILES}: name a smaller folder")
    return list(dict.fromkeys(files))


def _read(path: Path) -> Scenario:
    try:
        with path.open("rb") as stream:
            return parse_bytes(stream.read(MAX_BYTES + 1), str(path), vocabulary())
    except OSError as why:
        raise UsageError(f"cannot read {path}: {why.strerror}") from None


def _parsed(files: list[Path]) -> tuple[list[Scenario], list[str]]:
    """The scenarios in the files, and what is wrong with the other files."""
    scenarios, errors = [], []
    for path in files:
        try:
            scenarios.append(_read(path))
        except (UsageError, ScenarioError) as why:
            errors.append(str(why))
    return scenarios, errors


def _tasks(scenarios: list[Scenario], limits: Limits) -> list[Task]:
    wanted: dict[Setting, list[tuple[int, Scenario]]] = {}
    for number, scenario in enumerate(scenarios):
        for setting in scenario.settings():
            wanted.setdefault(setting, []).append((number, scenario))
    tasks = [Task(setting, tuple(chosen), limits) for setting, chosen in wanted.items()]
    return sorted(tasks, key=lambda task: -len(task.scenarios))  # the longest first, so that no process ends late


def _run_task(task: Task) -> Found:
    found: Found = {}
    try:
        system, accesses = resolve(task.setting)
        compiled = machine_for(system, [scenario for _, scenario in task.scenarios], accesses)
        for number, scenario in task.scenarios:
            found[number, task.setting] = _run_one(scenario, compiled, accesses, task.limits)
    except KeyboardInterrupt:
        pass
    return found


def _run_one(scenario: Scenario, compiled: Machine, accesses: Accesses, limits: Limits) -> Ran | str:
    try:
        return run_scenario(scenario, compiled.system, accesses, Budget(limits.seconds, limits.states), compiled)
    except ScenarioError as why:
        return str(why)


def _run_tasks(tasks: list[Task], processes: int | None) -> Found:
    """What every task found; after Ctrl-C, what was found until then."""
    found: Found = {}
    try:
        for part in _each(tasks, min(processes or os.cpu_count() or 1, len(tasks))):
            found |= part
    except KeyboardInterrupt:
        print("ptecheck: interrupted; what is not finished is reported as not decided", file=sys.stderr)
    return found


def _each(tasks: list[Task], processes: int) -> Iterator[Found]:
    if processes <= 1:
        for task in tasks:
            yield _run_task(task)
            stop_if_interrupted()
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with multiprocessing.get_context(method).Pool(processes) as pool:
        yield from pool.imap_unordered(_run_task, tasks)


def run_all(scenarios: list[Scenario], limits: Limits, processes: int | None = None) -> tuple[list[Report], list[str]]:
    """A report on each scenario without an error, and the errors of the others."""
    found = _run_tasks(_tasks(scenarios, limits), processes)
    reports: list[Report] = []
    errors: list[str] = []
    for number, scenario in enumerate(scenarios):
        answers = []
        wrong = ""
        for setting in scenario.settings():
            ran = found.get((number, setting), Ran(Answer.UNDECIDED, INTERRUPTED))
            if isinstance(ran, str):
                wrong = wrong or ran
            else:
                answers.append(Answered(setting, scenario.expected(setting), ran))
        if wrong:
            errors.append(wrong)
        else:
            reports.append(Report(scenario, tuple(answers)))
    return reports, errors


def status_of(reports: list[Report]) -> int:
    """0 every answer as expected, 1 some other answer, 3 something not decided."""
    answers = [answered for report in reports for answered in report.answers]
    if any(not a.as_expected and not a.undecided for a in answers):
        return EXIT_VIOLATED
    return EXIT_UNDECIDED if any(a.undecided for a in answers) else EXIT_HOLDS


def run_scenarios(args: argparse.Namespace) -> int:
    """Runs ``ptecheck scenario`` and returns its exit status."""
    from checker.cli.check import require_writable_file
    from checker.cli.colour import for_terminal
    from checker.cli.output import write_json
    from checker.cli.scenario_report import json_data, report_text

    watch_interrupts()
    if args.json and args.json != "-":
        require_writable_file(args.json)
    scenarios, errors = _parsed(scenario_files(args.files))
    reports, more = run_all(scenarios, Limits(args.timeout, args.states), args.jobs)
    for error in (*errors, *more):
        print(f"ptecheck: {error}", file=sys.stderr)
    if args.json:
        write_json(json_data(reports), args.json)
    if args.json != "-" and reports:
        sys.stdout.write(for_terminal(report_text(reports, args.runs)))
    return EXIT_USAGE if errors or more else status_of(reports)


def save_scenarios(outcomes: list[Outcome], root: Path) -> list[Path]:
    """Writes every counterexample as a scenario file of its own, and returns the files.

    Raises:
        UsageError: a file cannot be written, or a counterexample cannot be written as a scenario.
    """
    written: list[Path] = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for outcome in outcomes:
            for result in outcome.results:
                if result.trace is None:
                    continue
                setting = setting_of(outcome.job)
                path = root / (scenario_name(result.trace, setting) + SUFFIX)
                text = counterexample_scenario(result.trace, build_system(outcome.job), setting)
                path.write_text(text, encoding="utf-8")
                written.append(path)
    except OSError as why:
        raise UsageError(f"cannot write {why.filename}: {why.strerror}") from None
    except ValueError as why:
        raise UsageError(str(why)) from None
    return written
