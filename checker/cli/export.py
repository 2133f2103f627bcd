"""``ptecheck export`` and ``ptecheck witness``: a system in the language of another tool, and its answer read back."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from checker.cli.export_formats import FORMATS
from checker.cli.main import EXIT_UNDECIDED, UsageError

if TYPE_CHECKING:
    from checker.cli.jobs import Job
    from checker.export.model import Exported
    from checker.system import TransitionSystem

PACKED = ".aig"
"""Files of this name are in the binary form of AIGER."""


def run_export(args: argparse.Namespace) -> int:
    """Writes one system in one format."""
    _, system = chosen_system(args)
    module, function = FORMATS[args.format]
    target = None if args.output in (None, "-") else Path(args.output)
    packed = args.format == "aiger" and target is not None and target.suffix == PACKED
    write = getattr(importlib.import_module(module), "binary" if packed else function)
    from checker.export.model import CannotExport

    try:
        found = write(_model(system, args.invariants))
    except CannotExport as why:
        raise UsageError(str(why)) from None
    if target is None:
        sys.stdout.write(found)
        return 0
    try:
        target.write_bytes(found if packed else found.encode())
    except OSError as why:
        raise UsageError(f"cannot write -o {args.output}: {why.strerror}") from None
    return 0


def run_witness(args: argparse.Namespace) -> int:
    """Replays a witness on plain integers and prints it as a trace; 0 when it is a run that violates its property."""
    from checker.cli.evidence import read_file
    from checker.cli.report import steps_words
    from checker.cli.traces import render_trace
    from checker.export.hardware import circuit
    from checker.export.witness import BadWitness, read, run_of
    from checker.system import operation_number
    from checker.trace import BadTrace, make_trace

    job, system = chosen_system(args)
    made = circuit(_model(system, args.invariants))
    path = Path(args.file)
    text = read_file(path)
    try:
        run = run_of(made, read(text, made))
    except BadWitness as why:
        raise UsageError(f"{path}: {why}") from None
    operations = [system.operations[operation_number(system, step)].name for step in run.steps]
    try:
        trace = make_trace(system, run.invariant, system.starts[run.start].name, run.inputs, operations)
    except BadTrace as why:
        if not system.views:
            raise UsageError(f"{path}: {why}") from None
        print(
            f"ptecheck: {path}: nothing is decided: the run exists among groups of processes looked at one at a time, "
            f"but is none of the whole system: {why}",
            file=sys.stderr,
        )
        return EXIT_UNDECIDED
    print(f"{trace.system}\n{trace.invariant} is violated in {steps_words(trace.depth)}, as replayed on integers")
    print(render_trace(job, trace), end="")
    return 0


def _model(system: TransitionSystem, invariants: list[str]) -> Exported:
    from checker.export.model import exported
    from models.registry import suggest

    known = [invariant.name for invariant in system.invariants]
    for name in invariants:
        if name not in known:
            raise UsageError(str(suggest(name, known, "invariant")))
    return exported(system, tuple(dict.fromkeys(invariants)))


def chosen_system(args: argparse.Namespace) -> tuple[Job, TransitionSystem]:
    """The one system that the arguments name.

    Raises:
        UsageError: they name none, or several.
    """
    from checker.cli.jobs import NotModelled, build_system

    found = _candidates(args)
    try:
        if len(found) > 1 and args.invariants:
            wanted = set(args.invariants)
            found = [j for j in found if wanted <= {i.name for i in build_system(j).invariants}] or found
        if len(found) != 1:
            raise UsageError(_ask(args, found))
        return found[0], build_system(found[0])
    except NotModelled as why:
        raise UsageError(f"{args.config}: not all helpers were understood: {why}") from None


def _candidates(args: argparse.Namespace) -> list[Job]:
    from checker.cli.check import plan
    from checker.cli.jobs import HELPER_WORLDS, NotModelled, find_architecture
    from checker.cli.kernels import kernel_tree

    world = "helpers" if args.world in HELPER_WORLDS else args.world
    choices = {
        **dict.fromkeys(("reductions", "save")),  # of check alone: everything is exported as it is searched
        **vars(args),
        "configs": [args.config],
        "world": world,
        "invariant": args.invariants[0] if args.invariants and world != "kernel" else None,
        "kernel": kernel_tree(args.kernel, args.git, [], False, args.machine),
    }
    jobs = plan(argparse.Namespace(**choices))
    jobs = [job for job in jobs if args.world in (None, job.world) and args.level in (None, job.level)]
    try:
        return [
            job
            for job in jobs
            if set(filter(None, job.level.split("+"))) <= set(find_architecture(job.config, job.kernel).levels)
        ]
    except NotModelled as why:
        raise UsageError(f"{args.config}: not all helpers were understood: {why}") from None


def _ask(args: argparse.Namespace, found: list[Job]) -> str:
    if not found:
        return f"{args.config} has no such world or level"
    lines = [f"  {_options(job)}" for job in found]
    return "\n".join([f"{args.config} is {len(found)} systems; ask for one of them:", *lines])


def _options(job: Job) -> str:
    """The options that name a job, as far as jobs of one command line differ."""
    words = [job.config.removesuffix("/tree"), "--world", job.world]
    words += ["--level", job.level] if job.level else []
    words += ["--split", job.split] if job.split else []
    words += ["--mm", job.generation] if job.generation else []
    return " ".join(words)
