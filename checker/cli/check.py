"""``ptecheck check``: from arguments to jobs, from outcomes to text, JSON and files."""

from __future__ import annotations

import argparse
import os
import sys

from checker.cli.forms.reports import require_reports, write_reports
from checker.cli.jobs import EXTRAS, REDUCTIONS, UNREAD, Job, Make, Outcome, by_machine, cores, decide_jobs, only
from checker.cli.kernels import kernel_tree, opened
from checker.cli.main import UsageError
from checker.decision import Options
from checker.limits import Keeping, watch_interrupts
from checker.records import replace
from checker.verdict import exit_status

ENGINE_VARIABLE = "PTECHECK_ENGINE"
"""Environment variable: the explicit engine; unset or empty for whichever suits."""


def _splits(args: argparse.Namespace) -> list[str]:
    from models.mm.orders import COMPARED_SPLITS, SPLITS
    from models.registry import suggest

    if args.split is None:
        return list(COMPARED_SPLITS)
    if args.world in ("pte", "helpers"):
        raise UsageError(f"--split belongs to the mm world: leave out --world {args.world}")
    if args.split not in SPLITS:
        raise UsageError(str(suggest(args.split, SPLITS, "split")))
    return [args.split]


def _worlds(args: argparse.Namespace) -> list[str]:
    """The worlds to look at: as asked for, or the one that has the invariant."""
    from models.registry import suggest
    from models.worlds import WORLDS, invariant_names

    worlds = [args.world] if args.world else list(WORLDS)
    if worlds == ["helpers"]:
        return worlds
    if args.split is not None and args.world is None:
        worlds = ["mm"]
    if args.invariant is None:
        return worlds
    names = {world: [name for name, _ in invariant_names(world)] for world in worlds}
    found = [world for world in worlds if args.invariant in names[world]]
    if not found:
        other = next(
            (w for w in (*WORLDS, "kernel") if args.invariant in [name for name, _ in invariant_names(w)]), None
        )
        if other:
            raise UsageError(
                f"invariant {args.invariant} belongs to the {other} world, which --world or --split leaves out"
            )
        known = [name for world in worlds for name in names[world]]
        raise UsageError(str(suggest(args.invariant, known, "invariant")))
    return found


def _whole_kernels(args: argparse.Namespace) -> list[Job]:
    """The choices of the world ``kernel`` as jobs without a configuration; none if it is not asked for."""
    from models.mm.kernel import GENERATIONS
    from models.mm.orders import MIGRATIONS
    from models.registry import suggest

    chosen = [f"--{n}" for n in ("mm", "migration") if getattr(args, n)] + (["--with"] if args.extras else [])
    if args.world != "kernel":
        if chosen or args.processes != 2:
            raise UsageError(f"{(chosen or ['--processes'])[0]} belongs to the whole kernel: add --world kernel")
        return []
    for what, known, name in (
        ("release of generic mm", GENERATIONS, args.mm),
        ("migration", MIGRATIONS, args.migration),
    ):
        if name and name not in known:
            raise UsageError(str(suggest(name, known, what)))
    for name in args.extras:
        if name not in EXTRAS:
            raise UsageError(str(suggest(name, EXTRAS, "choice")))
    extras = tuple(sorted(set(args.extras)))
    releases = [args.mm] if args.mm else list(GENERATIONS)
    return [
        Job("", "kernel", args.split or "", None, release, args.migration or "", extras, args.processes)
        for release in releases
    ]


def _configs(args: argparse.Namespace) -> list[str]:
    from models.registry import DEFAULT_MACHINES, UnknownName, architectures

    try:
        wanted = args.configs or list(DEFAULT_MACHINES)
        return list(dict.fromkeys(arch.config for config in wanted for arch in architectures(config)))
    except UnknownName as why:
        raise UsageError(str(why)) from None


def _without(args: argparse.Namespace) -> tuple[str, ...]:
    """The reductions that are switched off."""
    from models.registry import suggest

    if args.reductions is None:
        return ()
    wanted = [name for name in args.reductions.split(",") if name and name != "none"]
    for name in wanted:
        if name not in REDUCTIONS:
            raise UsageError(str(suggest(name, [*REDUCTIONS, "none"], "reduction")))
    if "views" in wanted and "frames" not in wanted:
        raise UsageError("--reductions: views rest on canonical numbers of frames, so add frames")
    if args.save:
        raise UsageError("--save keeps evidence of the search with every reduction, so leave out --reductions")
    return tuple(sorted(set(REDUCTIONS) - set(wanted)))


def plan(args: argparse.Namespace) -> list[Job]:
    """The jobs that the arguments ask for, in the order of the report.

    Raises:
        UsageError: an argument names something that does not exist.
    """
    without = _without(args)
    return [replace(job, without=without) for job in _plan(args)]


def _plan(args: argparse.Namespace) -> list[Job]:
    whole = _whole_kernels(args)
    if args.kernel:
        return _tree_plan(args, whole)
    from checker.cli.trees import contract_jobs

    splits, worlds = _splits(args), _worlds(args)
    if whole and not args.configs and args.invariant is None and not args.split:
        worlds = ["pte", *worlds]  # the comparison shows the contract's verdict beside the kernel's
    jobs: list[Job] = []
    for config in _configs(args):
        jobs += contract_jobs(config, None, ("pte", "pmd"), worlds)
        if "mm" in worlds:
            jobs += [Job(config, "mm", split) for split in splits]
        jobs += [replace(job, config=config) for job in whole]
    return jobs


def _tree_plan(args: argparse.Namespace, whole: list[Job]) -> list[Job]:
    """The same for a kernel tree: what is required of helpers, and generic mm where that is asked for."""
    from checker.cli.trees import MM_MACHINES, contract_jobs, tree_configs
    from models.kernel import affects

    mm = args.world in ("mm", "kernel") or args.split is not None
    splits = _splits(args) if mm and not whole else []
    jobs: list[Job] = []
    for config in tree_configs(args.configs, args.kernel):
        name = config.partition("/")[0].partition("+")[0]
        if args.kernel.patches and not args.configs and not affects(opened(args.kernel), args.kernel.platforms[name]):
            continue
        if not mm:
            worlds = [args.world] if args.world else ["pte", "helpers"]
            jobs += contract_jobs(config, args.kernel, args.kernel.platforms[name].levels, worlds)
        elif name in MM_MACHINES:
            jobs += [Job(config, "mm", split, args.kernel) for split in splits]
            jobs += [replace(job, config=config, kernel=args.kernel) for job in whole]
        elif args.configs or args.kernel.machine:
            raise UsageError(f"{name}: generic mm is modelled for {', '.join(MM_MACHINES)} only; leave out --world")
    return jobs


def _only(outcomes: list[Outcome], invariant: str | None) -> list[Outcome]:
    """The results on one invariant; whatever could not be read at all stays."""
    if invariant is None:
        return outcomes
    names = {r.invariant for outcome in outcomes for r in outcome.results}
    if not {invariant, UNREAD} & names:
        from models.registry import suggest

        raise UsageError(str(suggest(invariant, sorted(names), "invariant")))
    return [kept for o in outcomes if (kept := only(o, invariant)).results]


def run_check(args: argparse.Namespace) -> int:
    """Runs ``ptecheck check`` and returns its exit status."""
    watch_interrupts()
    if args.save_scenarios and args.kernel:
        raise UsageError("--save-scenarios: scenarios name built-in configurations, so leave out --kernel")
    if args.depth is not None and args.proofs != "clauses":
        raise UsageError("--proofs is about verdicts without bound, so leave out --depth")
    require_reports(args)
    args.kernel = kernel_tree(args.kernel, args.git, args.patch, args.reverse, args.machine)
    jobs = plan(args)
    _require_writable_targets(args)
    if args.kernel and args.kernel.patches:
        return _run_changes(args, jobs)
    named = bool(args.kernel and (args.configs or args.kernel.machine))
    if named and (cores(args.jobs) == 1 or not by_machine(jobs, cores(args.jobs))):
        _lift_once(jobs)
    make = _making(args, jobs)
    outcomes = [outcome for outcome in decide_jobs(jobs, _options(args), args.jobs, make) if outcome.results]
    if named and (unread := next((o.unread for o in outcomes if o.unread), "")):
        raise UsageError(unread)
    outcomes = _only(outcomes, args.invariant)
    paths = {key: path for o in outcomes if args.save and o.made for key, path in o.made.paths.items()}
    if args.save_scenarios:
        from pathlib import Path

        from checker.cli.scenario import save_scenarios

        save_scenarios(outcomes, Path(args.save_scenarios))
    if args.json:
        from checker.cli.output import write_json
        from checker.cli.report import json_data

        write_json(json_data(outcomes, paths), args.json)
    write_reports(outcomes, args)
    _tell(outcomes, args, len(jobs))
    results = [result for outcome in outcomes for result in outcome.results]
    return exit_status(results, bounded=args.depth is not None, comparison=_is_comparison(args))


def _tell(outcomes: list[Outcome], args: argparse.Namespace, jobs: int) -> None:
    """Prints the results, and writes them as a page, as far as that was asked for."""
    if args.json == "-" and not args.report:
        return
    text = _tree_text(outcomes, args) if _tells_many(args, outcomes) else _text(outcomes, args)
    if args.report:
        from checker.cli.report_html.write import write_report

        write_report(outcomes, args, text, jobs)
    if args.json != "-":
        from checker.cli.colour import for_terminal

        sys.stdout.write(for_terminal(text))


def _making(args: argparse.Namespace, jobs: list[Job]) -> Make | None:
    """What the workers make of each outcome, if anything."""
    tell = (args.json != "-" or bool(args.report)) and len({job.config for job in jobs if job.kernel}) > 1
    find = bool(args.junit or args.sarif)
    if not (args.save or tell or find or args.report):
        return None
    from checker.cli.making import Making

    return Making(args.invariant, args.save or "", tell, find, _states_drawn(args, len(jobs)))


def _states_drawn(args: argparse.Namespace, jobs: int) -> int:
    """How many states each picture in the report may have; 0 without a report."""
    if not args.report:
        return 0
    from checker.cli.report_html.write import states_drawn

    return states_drawn(jobs)


def _tells_many(args: argparse.Namespace, outcomes: list[Outcome]) -> bool:
    return bool(args.kernel) and len({outcome.job.config for outcome in outcomes}) > 1


def _keeping(folder: str | None) -> Keeping | None:
    if not folder:
        return None
    from pathlib import Path

    return Keeping(Path(folder))


def _options(args: argparse.Namespace) -> Options:
    return Options(
        depth=args.depth,
        seconds=args.timeout,
        memory=args.memory,
        keeping=_keeping(args.checkpoint),
        progress=True,
        remember=not args.no_cache,
        only=None if args.invariant is None else frozenset((args.invariant,)),
        engine=_engine(),
        clauses=args.proofs == "clauses",
    )


def _engine() -> str:
    """The explicit engine that the environment asks for; "" for whichever suits."""
    from checker.limits import ENGINES

    named = os.environ.get(ENGINE_VARIABLE, "")
    if named not in ("", *ENGINES):
        raise UsageError(f"{ENGINE_VARIABLE} is {named!r}, but the engines are {', '.join(ENGINES)}")
    return named


def _text(outcomes: list[Outcome], args: argparse.Namespace) -> str:
    from checker.cli.report import report

    return report(outcomes, _is_comparison(args), _is_whole(args))


def _tree_text(outcomes: list[Outcome], args: argparse.Namespace) -> str:
    from checker.cli.trees import tree_report

    return tree_report(outcomes, args.kernel)


def _run_changes(args: argparse.Namespace, jobs: list[Job]) -> int:
    """What the patches change: every machine that they can make a difference for, before and after."""
    from checker.cli.changes import change_data, change_report, changes, status_of

    if not jobs:
        print("the patches touch no file that helpers are read from: nothing changes")
        if args.report:
            print(f"ptecheck: nothing to report, so {args.report} is not written", file=sys.stderr)
        return 0
    old = [replace(job, kernel=args.kernel.unpatched) for job in jobs]
    outcomes = decide_jobs([*old, *jobs], _options(args), args.jobs)
    before, after = outcomes[: len(old)], outcomes[len(old) :]
    found = changes(_only(before, args.invariant), _only(after, args.invariant))
    if args.report:
        from checker.cli.report_html.write import write_report

        shown, said = _only(after, args.invariant), change_report(found, args.kernel)
        write_report([o for o in shown if o.results], args, said, len(jobs), changed=said)
    if args.json:
        from checker.cli.output import write_json

        write_json(change_data(found, args.kernel), args.json)
    if args.json != "-":
        sys.stdout.write(change_report(found, args.kernel))
    return status_of(found)


def _is_whole(args: argparse.Namespace) -> bool:
    return not (args.world or args.split or args.invariant or args.depth is not None)


def _is_comparison(args: argparse.Namespace) -> bool:
    return not args.configs and not args.kernel


def _lift_once(jobs: list[Job]) -> None:
    """Reads the tree before the workers are forked, so that they share it and its errors come first.

    Where each worker reads machines of its own, an error takes the report's place afterwards.
    """
    from checker.cli.jobs import NotModelled, find_architecture

    for config, kernel in dict.fromkeys((job.config, job.kernel) for job in jobs):
        try:
            find_architecture(config, kernel)
        except NotModelled:
            continue


def _require_writable_targets(args: argparse.Namespace) -> None:
    """Raises UsageError if something that is to be written cannot be, before hours are spent on it."""
    for path, option in (
        (args.save, "--save"),
        (args.save_scenarios, "--save-scenarios"),
        (args.checkpoint, "--checkpoint"),
    ):
        if path:
            _require_writable_folder(path, option)
    if args.json and args.json != "-":
        require_writable_file(args.json)
    if args.report:
        require_writable_file(args.report, "--report")


def _require_writable_folder(path: str, option: str) -> None:
    from pathlib import Path

    probe = Path(path) / ".ptecheck-probe"
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as why:
        raise UsageError(f"cannot write below {option} {path}: {why.strerror}") from None


def require_writable_file(path: str, option: str = "--json") -> None:
    """Raises UsageError if the file that an option names cannot be written."""
    from pathlib import Path

    target = Path(path)
    folder = target.parent
    if target.is_dir() or not folder.is_dir() or not os.access(target if target.exists() else folder, os.W_OK):
        raise UsageError(f"cannot write {option} {path}: it is a folder, or its folder is missing or not writable")
