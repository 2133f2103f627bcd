"""``ptecheck show``: a saved trace, replayed, in the form of another tool."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from checker.cli.evidence import saved_trace
from checker.cli.kernels import kernel_tree
from checker.cli.output import write_text
from checker.cli.telling import told


def run_show(args: argparse.Namespace) -> int:
    """Writes one trace in one form; 0 when it replays."""
    job, trace = saved_trace(Path(args.file), kernel_tree(args.kernel, None, [], False, args.machine))
    if args.format == "text":
        from checker.cli.traces import render_trace

        write_text(render_trace(job, trace), args.output or "-", "-o")
        return 0
    write_text(_in_form(args.format, told(job, trace)), args.output or "-", "-o")
    return 0


def _in_form(name: str, run: object) -> str:
    """A told trace in one of the forms; only that one is loaded."""
    if name == "json":
        from checker.cli.forms.told import told_data

        return json.dumps(told_data(run), indent=1) + "\n"  # type: ignore[arg-type]
    import importlib

    text: str = getattr(importlib.import_module(f"checker.cli.forms.{name}"), name)(run)
    return text
