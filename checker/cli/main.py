"""``ptecheck``: runs the command that was asked for; errors are for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from checker.cli.parser import command_module, command_parser

EXIT_USAGE, EXIT_UNDECIDED = 2, 3


class UsageError(Exception):
    """Wrong use or bad input; the message is one sentence for the user."""


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
    words = sys.argv[1:] if argv is None else argv
    parser = command_parser(words)
    args = parser.parse_args(words)
    args.words = tuple(words)  # for a report that says what was asked
    if args.version:
        from checker import __version__

        print(f"ptecheck {__version__}")
        return 0
    if args.command is None:
        parser.print_help()
        return EXIT_USAGE
    status: int = command_module(args.command).run(args)
    return status


def _silence_stdout() -> None:
    """What is still buffered cannot be written; without this Python would say so once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
