"""``ptecheck completion``: its options."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")

EPILOG = """\
exit status: 0, 2 wrong use.

examples:
  ptecheck completion bash > ptecheck.bash     then, in ~/.bashrc:
                                               . ~/ptecheck.bash
  ptecheck completion zsh > _ptecheck          into a folder of $fpath
  ptecheck completion fish > ptecheck.fish     into ~/.config/fish/completions

The script knows commands, options, names of configurations, invariants,
splits and choices, and completes file names. It starts no ptecheck, so write
it again after an update.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "shell", choices=SHELLS, metavar="SHELL", help=" or ".join([", ".join(SHELLS[:-1]), SHELLS[-1]])
    )


def run(args: argparse.Namespace) -> int:
    """Loads what does the work, does it, and returns the exit status."""
    from checker.cli.completion import run_completion

    return run_completion(args.shell)
