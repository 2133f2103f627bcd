"""``ptecheck check``: from arguments to jobs, from outcomes to text, JSON and files."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from checker.cli.jobs import EXTRAS, Job, Outcome, decide_jobs
from checker.cli.main import UsageError
from checker.decision import Options
from checker.limits import watch_interrupts
from checker.verdict import exit_status


def _splits(args: argparse.Namespace) -> list[str]:
    from models.mm.orders import COMPARED_SPLITS, SPLITS
    from models.registry import suggest

    if args.split is None:
        return list(COMPARED_SPLITS)
    if args.world == "pte":
        raise UsageError("--split belongs to the mm world: leave out --world pte")
    if args.split not in SPLITS:
        raise UsageError(str(suggest(args.split, SPLITS, "split")))
    return [args.split]


def _worlds(args: argparse.Namespace) -> list[str]:
    """The worlds to look at: as asked for, or the one that has the invariant."""
    from models.registry import suggest
    from models.worlds import WORLDS, invariant_names

    worlds = [args.world] if args.world else list(WORLDS)
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
        Job("", "kernel", args.split or "", "", release, args.migration or "", extras, args.processes)
        for release in releases
    ]


def _configs(args: argparse.Namespace) -> list[str]:
    from models.registry import DEFAULT_MACHINES, UnknownName, architectures

    try:
        wanted = args.configs or list(DEFAULT_MACHINES)
        return list(dict.fromkeys(arch.config for config in wanted for arch in architectures(config)))
    except UnknownName as why:
        raise UsageError(str(why)) from None


def _tree_configs(args: argparse.Namespace) -> list[str]:
    """The configurations to lift: as asked for, or every architecture of the tree that can be lifted."""
    from models.kernel import KernelError, liftable
    from models.registry import UnknownName, machine, split_config

    configs = []
    try:
        for config in args.configs or liftable(Path(args.kernel)):
            name, features, variant = split_config(config)
            if variant not in (None, "tree"):
                raise UsageError(f"{config}: with --kernel the helpers come from the tree; leave out /{variant}")
            configs.append(machine(name, features)[-1].config.rpartition("/")[0] + "/tree")
    except (UnknownName, KernelError) as why:
        raise UsageError(str(why)) from None
    return list(dict.fromkeys(configs))


def plan(args: argparse.Namespace) -> list[Job]:
    """The jobs that the arguments ask for, in the order of the report.

    Raises:
        UsageError: an argument names something that does not exist.
    """
    splits, worlds, kernel = _splits(args), _worlds(args), args.kernel or ""
    whole = _whole_kernels(args)
    if whole and not args.configs and args.invariant is None and not args.split:
        worlds = ["pte", *worlds]  # the comparison shows the contract's verdict beside the kernel's
    jobs = []
    for config in _tree_configs(args) if kernel else _configs(args):
        if "pte" in worlds:
            jobs.append(Job(config, "pte", kernel=kernel))
        if "mm" in worlds:
            jobs += [Job(config, "mm", split, kernel) for split in splits]
        jobs += [replace(job, config=config, kernel=kernel) for job in whole]
    return jobs


def _only(outcome: Outcome, invariant: str | None) -> Outcome:
    if invariant is None:
        return outcome
    return Outcome(outcome.job, tuple(r for r in outcome.results if r.invariant == invariant))


def run_check(args: argparse.Namespace) -> int:
    """Runs ``ptecheck check`` and returns its exit status."""
    watch_interrupts()
    jobs = plan(args)
    if args.save:
        _require_writable_folder(args.save, "--save")
    if args.save_scenarios:
        if args.kernel:
            raise UsageError("--save-scenarios: scenarios name built-in configurations, so leave out --kernel")
        _require_writable_folder(args.save_scenarios, "--save-scenarios")
    if args.json and args.json != "-":
        require_writable_file(args.json)
    if args.kernel:
        _lift_once(jobs)
    outcomes = decide_jobs(jobs, Options(depth=args.depth, seconds=args.timeout, remember=not args.no_cache), args.jobs)
    outcomes = [_only(outcome, args.invariant) for outcome in outcomes]
    paths: dict[tuple[Job, str], str] = {}
    if args.save:
        from checker.cli.evidence import save

        paths = save(outcomes, Path(args.save))
    if args.save_scenarios:
        from checker.cli.scenario import save_scenarios

        save_scenarios(outcomes, Path(args.save_scenarios))
    if args.json:
        from checker.cli.output import write_json
        from checker.cli.report import json_data

        write_json(json_data(outcomes, paths), args.json)
    if args.json != "-":
        from checker.cli.colour import for_terminal
        from checker.cli.report import report

        sys.stdout.write(for_terminal(report(outcomes, _is_comparison(args), _is_whole(args))))
    results = [result for outcome in outcomes for result in outcome.results]
    return exit_status(results, bounded=args.depth is not None, comparison=_is_comparison(args))


def _is_whole(args: argparse.Namespace) -> bool:
    return not (args.world or args.split or args.invariant or args.depth is not None)


def _is_comparison(args: argparse.Namespace) -> bool:
    return not args.configs and not args.kernel


def _lift_once(jobs: list[Job]) -> None:
    """Reads the tree before the workers are forked, so that they share it and its errors come first."""
    from checker.cli.jobs import NotModelled, find_architecture

    for config, kernel in dict.fromkeys((job.config, job.kernel) for job in jobs):
        try:
            find_architecture(config, kernel)
        except NotModelled:
            continue


def _require_writable_folder(path: str, option: str) -> None:
    probe = Path(path) / ".ptecheck-probe"
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as why:
        raise UsageError(f"cannot write below {option} {path}: {why.strerror}") from None


def require_writable_file(path: str) -> None:
    """Raises UsageError if the file that --json names cannot be written."""
    target = Path(path)
    folder = target.parent
    if target.is_dir() or not folder.is_dir() or not os.access(target if target.exists() else folder, os.W_OK):
        raise UsageError(f"cannot write --json {path}: it is a folder, or its folder is missing or not writable")
