"""``ptecheck reproduce``: a saved trace as a C program."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from checker.cli.evidence import saved_trace
from checker.cli.jobs import NotModelled, find_architecture
from checker.cli.kernels import KernelTree
from checker.cli.main import UsageError
from checker.cli.telling import told
from checker.reproduce import CannotReproduce

if TYPE_CHECKING:
    from checker.cli.jobs import Job
    from checker.cli.telling import ToldTrace
    from models.pte import Architecture


def run_reproduce(args: argparse.Namespace) -> int:
    """Writes the program for one trace."""
    from checker.reproduce.selftest import MM_WORLDS

    job, trace = saved_trace(Path(args.file), args.kernel)
    form = args.form or ("selftest" if job.world in MM_WORLDS else "kunit")
    if args.against and form != "kunit":
        raise UsageError(f"--against goes with --form kunit, not with {form}")
    try:
        text = _program(told(job, trace), form, _against(args), commands(args, job, trace.invariant))
    except CannotReproduce as why:
        raise UsageError(f"{args.file}: {why}") from None
    _write(text, args.output)
    return 0


def _program(run: ToldTrace, form: str, against: Architecture | None, made_by: list[str]) -> str:
    if form == "selftest":
        from checker.reproduce.selftest import selftest

        return selftest(run, made_by)
    from checker.reproduce import forms
    from checker.reproduce.entries import entry_test

    test = entry_test(run)
    if against is not None:
        from checker.reproduce.standalone import standalone

        return standalone(test, against, made_by)
    return (forms.kunit if form == "kunit" else forms.debug_vm_pgtable)(test, made_by)


def _against(args: argparse.Namespace) -> Architecture | None:
    if not args.against:
        return None
    tree = args.against.endswith("/tree")
    if tree and not args.kernel:
        raise UsageError(f"{args.against}: name the tree with --kernel")
    try:
        return find_architecture(args.against, KernelTree(args.kernel) if tree else None)
    except NotModelled as why:
        raise UsageError(str(why)) from None


def commands(args: argparse.Namespace, job: Job, invariant: str) -> list[str]:
    """The commands that make the program from nothing, for its first lines; files by name alone, wherever they lay."""
    tree = ["--kernel", Path(args.kernel).name] if args.kernel else []
    check = ["ptecheck", "check", job.config.removesuffix("/tree"), "--world", job.world, *_choices(job)]
    words = ["ptecheck", "reproduce", Path(args.file).name]
    words += ["--form", args.form] if args.form else []
    words += ["--against", args.against] if args.against else []
    return [shlex.join([*check, *tree, "--invariant", invariant, "--save", "out"]), shlex.join([*words, *tree])]


def _choices(job: Job) -> list[str]:
    """The options of ``check`` that choose a job's world."""
    named = {"--mm": job.generation, "--split": job.split, "--migration": job.migration}
    words = [word for option, value in named.items() if value for word in (option, value)]
    words += [word for extra in job.extras for word in ("--with", extra)]
    return words + (["--processes", str(job.processes)] if job.processes != 2 else [])


def _write(text: str, output: str | None) -> None:
    if output in (None, "-"):
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as why:
        raise UsageError(f"cannot write -o {output}: {why.strerror}") from None
