"""``ptecheck check``: from arguments to jobs, from outcomes to text, JSON and files."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from checker.cli.jobs import Job, Outcome, decide_jobs
from checker.cli.main import UsageError
from checker.decision import Options
from checker.limits import watch_interrupts
from checker.verdict import exit_status


def _splits(args: argparse.Namespace) -> list[str]:
    from models.mm.kernel import SPLITS
    from models.registry import suggest

    if args.split is None:
        return list(SPLITS)
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
    if args.split is not None:
        worlds = ["mm"]
    if args.invariant is None:
        return worlds
    names = {world: [name for name, _ in invariant_names(world)] for world in worlds}
    found = [world for world in worlds if args.invariant in names[world]]
    if not found:
        other = next((w for w in WORLDS if args.invariant in [name for name, _ in invariant_names(w)]), None)
        if other:
            raise UsageError(
                f"invariant {args.invariant} belongs to the {other} world, which --world or --split leaves out"
            )
        known = [name for world in worlds for name in names[world]]
        raise UsageError(str(suggest(args.invariant, known, "invariant")))
    return found


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
    jobs = []
    for config in _tree_configs(args) if kernel else _configs(args):
        if "pte" in worlds:
            jobs.append(Job(config, "pte", kernel=kernel))
        if "mm" in worlds:
            jobs += [Job(config, "mm", split, kernel) for split in splits]
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
        _require_writable_folder(args.save)
    if args.json and args.json != "-":
        _require_writable_file(args.json)
    if args.kernel:
        _lift_once(jobs)
    outcomes = decide_jobs(jobs, Options(depth=args.depth, seconds=args.timeout), args.jobs)
    outcomes = [_only(outcome, args.invariant) for outcome in outcomes]
    paths: dict[tuple[Job, str], str] = {}
    if args.save:
        from checker.cli.evidence import save

        paths = save(outcomes, Path(args.save))
    if args.json:
        from checker.cli.report import write_json

        write_json(outcomes, paths, args.json)
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


def _require_writable_folder(path: str) -> None:
    probe = Path(path) / ".ptecheck-probe"
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as why:
        raise UsageError(f"cannot write below --save {path}: {why.strerror}") from None


def _require_writable_file(path: str) -> None:
    target = Path(path)
    folder = target.parent
    if target.is_dir() or not folder.is_dir() or not os.access(target if target.exists() else folder, os.W_OK):
        raise UsageError(f"cannot write --json {path}: it is a folder, or its folder is missing or not writable")
