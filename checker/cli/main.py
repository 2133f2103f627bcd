"""``ptecheck``: arguments, dispatch, and errors for people."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

EXIT_USAGE, EXIT_UNDECIDED = 2, 3

EPILOG = """\
CONFIG is ARCH[+FEATURE...][/VARIANT], for example loongarch/huacai or
loongarch+ptw/linux-6.12; without /VARIANT every built-in variant is meant.

exit status: 0 all hold, 1 something is violated, 2 wrong use or bad input,
3 something could not be decided. With --depth, holding up to that depth is
an answer. In the comparison (no CONFIG) an undecided cell weighs more than
the violations that are its content.

examples:
  ptecheck check                                the comparison of all variants
  ptecheck check loongarch/original             one variant, with traces
  ptecheck check --kernel ~/linux               every machine of a kernel tree
  ptecheck check arm64 --kernel ~/linux         one of them
  ptecheck check --kernel ~/linux --patch fix.patch       what a patch changes
  ptecheck compare riscv64 arm64 csky --kernel ~/linux    side by side
  ptecheck check loongarch/huacai --save out    keep traces and certificates
  ptecheck list variants
"""


class UsageError(Exception):
    """Wrong use or bad input; the message is one sentence for the user."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ptecheck",
        description="Checks the kernel's page-table-entry helpers against what generic mm relies on.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_check(commands)
    _add_compare(commands)
    _add_scenario(commands)
    _add_list(commands)
    from checker.cli.export import add_commands

    add_commands(commands)
    _add_reductions(commands)
    replay = commands.add_parser("replay", help="run a saved trace again on plain integers")
    replay.add_argument("file", metavar="FILE", help="a .trace.json file written by check --save")
    replay.add_argument("--kernel", metavar="DIR", help="the kernel tree the trace was made from")
    certify = commands.add_parser("certify", help="prove saved certificates anew")
    certify.add_argument("dir", metavar="DIR", help="a folder written by check --save, or one certificate's folder")
    certify.add_argument("--kernel", metavar="DIR", help="the kernel tree the certificates were made from")
    certify.add_argument("--solver", choices=("z3", "cvc5", "bitwuzla"), default="z3", help="who answers (default: z3)")
    return parser


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check",
        help="decide the invariants of configurations",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("configs", nargs="*", metavar="CONFIG", help="what to check (default: the comparison of all)")
    check.add_argument(
        "--world",
        choices=("pte", "helpers", "mm", "kernel"),
        help="only one world (default: pte and mm; with --kernel pte and helpers)",
    )
    check.add_argument("--mm", metavar="RELEASE", help="world kernel: generic mm of this release (default: each)")
    check.add_argument("--migration", metavar="NAME", help="world kernel: this order of calls when a migration ends")
    check.add_argument(
        "--with",
        dest="extras",
        metavar="NAME",
        action="append",
        default=[],
        help="world kernel: stale-tlb, race, as-is, untracked or without-ad; see list choices",
    )
    check.add_argument("--processes", type=_processes, default=2, metavar="N", help="world kernel: 1 to 3 (default: 2)")
    check.add_argument("--split", metavar="NAME", help="only this order of calls in the huge-page split")
    check.add_argument("--invariant", metavar="NAME", help="only this invariant")
    check.add_argument("--depth", type=_natural, metavar="N", help="only runs of at most N transitions")
    check.add_argument("--kernel", metavar="DIR", help="take the helpers from the C of this kernel tree")
    check.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    check.add_argument(
        "--patch", metavar="FILE", action="append", default=[], help="what this patch changes; - is standard input"
    )
    check.add_argument("--reverse", action="store_true", help="take the patches back instead of applying them")
    check.add_argument("--timeout", type=_seconds, metavar="S", help="time limit for each system in seconds")
    check.add_argument(
        "--reductions",
        metavar="LIST",
        help="search with these only: none, or names from ptecheck reductions with commas (default: all)",
    )
    check.add_argument(
        "--memory",
        type=_size,
        metavar="SIZE",
        help="limit for each process, such as 500M (default: its share of what is free)",
    )
    check.add_argument("--checkpoint", metavar="DIR", help="keep long searches there, and go on from what is kept")
    check.add_argument("--json", metavar="FILE", help="write results as JSON; - is standard output")
    check.add_argument("--save", metavar="DIR", help="write traces and certificates below this folder")
    check.add_argument("--save-scenarios", metavar="DIR", help="write each counterexample as a scenario file there")
    check.add_argument("--jobs", type=_positive, metavar="N", help="processes to use (default: one for each CPU)")
    check.add_argument("--no-cache", action="store_true", help="neither use nor keep verdicts of other runs")


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    compare = commands.add_parser("compare", help="what is required of helpers, machine by machine")
    compare.add_argument("machines", nargs="*", metavar="MACHINE", help="machines, as check takes them")
    compare.add_argument("--all", action="store_true", help="every machine there is; only what some of them break")
    compare.add_argument("--kernel", metavar="DIR", help="take the helpers from the C of this kernel tree")
    compare.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    compare.add_argument("--timeout", type=_seconds, metavar="S", help="time limit for each system in seconds")
    compare.add_argument("--json", metavar="FILE", help="write the table as JSON; - is standard output")
    compare.add_argument("--jobs", type=_positive, metavar="N", help="processes to use (default: one for each CPU)")
    compare.add_argument("--no-cache", action="store_true", help="neither use nor keep verdicts of other runs")


def _add_scenario(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    scenario = commands.add_parser(
        "scenario",
        help="run scenario files and compare their answers with what they expect",
        epilog="exit status: 0 all as expected, 1 some expectation failed, 2 wrong use or a bad file, 3 not decided.",
    )
    scenario.add_argument("files", nargs="+", metavar="FILE|DIR", help="scenario files, or folders with *.scenario")
    scenario.add_argument("--runs", action="store_true", help="print the run behind an expected answer, too")
    scenario.add_argument("--timeout", type=_seconds, metavar="S", help="time limit for each scenario on each system")
    scenario.add_argument(
        "--states", type=_states, default=1_000_000, metavar="N", help="limit on states likewise (default: 1000000)"
    )
    scenario.add_argument("--json", metavar="FILE", help="write answers as JSON; - is standard output")
    scenario.add_argument("--jobs", type=_positive, metavar="N", help="processes to use (default: one for each CPU)")


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser("list", help="what there is to choose from")
    listing.add_argument(
        "what",
        choices=("architectures", "helpers", "variants", "invariants", "operations", "splits", "choices", "facts"),
    )
    listing.add_argument("names", nargs="*", metavar="MACHINE", help="helpers: of these machines (default: all)")
    listing.add_argument("--kernel", metavar="DIR", help="architectures and helpers: those of this kernel tree")
    listing.add_argument("--git", metavar="REV", help="read this revision of the tree's git repository")
    listing.add_argument("--coverage", action="store_true", help="operations: how often each fires, branch by branch")


def _add_reductions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    reductions = commands.add_parser(
        "reductions",
        help="what makes searches smaller, and whether it is proved to be sound for a configuration",
        epilog="exit status: 0 every argument holds, 1 one is refuted, 2 wrong use, 3 not decided.",
    )
    reductions.add_argument("configs", nargs="*", metavar="CONFIG", help="prove it for these (default: only list them)")
    reductions.add_argument("--world", choices=("pte", "helpers", "mm", "kernel"), help="only one world, as for check")
    reductions.add_argument("--mm", metavar="RELEASE", help="world kernel: generic mm of this release (default: each)")
    reductions.add_argument(
        "--processes", type=_processes, default=2, metavar="N", help="world kernel: 1 to 3 (default: 2)"
    )
    reductions.add_argument("--split", metavar="NAME", help="only this order of calls in the huge-page split")
    reductions.add_argument("--timeout", type=_seconds, metavar="S", help="time limit for each argument in seconds")
    reductions.add_argument("--jobs", type=_positive, metavar="N", help="processes to use (default: one for each CPU)")
    reductions.set_defaults(invariant=None, migration=None, extras=[], kernel=None, reductions=None, save=None)


def _natural(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of transitions")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes")
    return int(text)


def _states(text: str) -> int:
    if not text.isdecimal() or not 1 <= len(text) <= 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of states")
    return int(text)


def _processes(text: str) -> int:
    if text not in ("1", "2", "3"):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1, 2 or 3")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds")
    return value


def _size(text: str) -> int:
    from checker.memory import parse_size

    try:
        return parse_size(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 2G") from None


def _dispatch(args: argparse.Namespace) -> int:
    if args.command == "check":
        from checker.cli.check import run_check

        return run_check(args)
    if args.command == "compare":
        from checker.cli.compare import run_compare

        return run_compare(args)
    if args.command == "scenario":
        from checker.cli.scenario import run_scenarios

        return run_scenarios(args)
    if args.command in ("export", "witness"):
        from checker.cli.export import run_export, run_witness

        return run_export(args) if args.command == "export" else run_witness(args)
    if args.command == "reductions":
        from checker.cli.reductions import run_reductions

        return run_reductions(args)
    if args.command == "list":
        from checker.cli.kernels import kernel_tree
        from checker.cli.listing import run_list

        return run_list(args.what, args.coverage, args.names, kernel_tree(args.kernel, args.git, [], False))
    from checker.cli.evidence import run_certify, run_replay

    return (
        run_replay(args.file, args.kernel)
        if args.command == "replay"
        else run_certify(args.dir, args.kernel, args.solver)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status; errors are one sentence on standard error."""
    try:
        status = _run(argv)
        sys.stdout.flush()
    except UsageError as why:
        print(f"ptecheck: {why}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("ptecheck: interrupted", file=sys.stderr)
        return EXIT_UNDECIDED
    except OSError as why:
        _silence_stdout()
        print(f"ptecheck: {why.filename or 'output'}: {why.strerror}", file=sys.stderr)
        return EXIT_USAGE
    except Exception as why:  # an error of ours must never look like a verdict
        if os.environ.get("PTECHECK_TRACEBACK"):
            raise
        message = " ".join(str(why).split())
        print(f"ptecheck: internal error, nothing was decided: {type(why).__name__}: {message}", file=sys.stderr)
        return EXIT_UNDECIDED
    return status


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    if args.version:
        from checker import __version__

        print(f"ptecheck {__version__}")
        return 0
    if args.command is None:
        parser.print_help()
        return EXIT_USAGE
    return _dispatch(args)


def _silence_stdout() -> None:
    """What is still buffered cannot be written; without this Python would say so once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
