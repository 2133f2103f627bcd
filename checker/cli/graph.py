"""``ptecheck graph``: the state graph of one system as a picture."""

from __future__ import annotations

import argparse
from pathlib import PurePath
from typing import TYPE_CHECKING

from checker.cli.commands.graph import SHOWN
from checker.cli.export import chosen_system
from checker.cli.forms.picture import Picture, picture
from checker.cli.main import UsageError
from checker.cli.output import write_text

if TYPE_CHECKING:
    import networkx


def run_graph(args: argparse.Namespace) -> int:
    """Writes the picture; what is marked must be there, and what does not fit is said."""
    from models.registry import suggest

    chosen = args.format or _by_name(args.output)
    if args.trace and not args.invariants:
        args.invariants = [args.trace]  # so that a trace that only one world can have chooses it
    job, system = chosen_system(args)
    known = [invariant.name for invariant in system.invariants]
    if args.trace and args.trace not in known:
        raise UsageError(str(suggest(args.trace, known, "invariant")))
    drawn, graph = picture(job, system, args.states or SHOWN[chosen], args.trace or "")
    write_text(_in_form(chosen, drawn, graph), args.output or "-", "-o")
    return 0


def _by_name(output: str | None) -> str:
    """The language that a file's name asks for."""
    suffix = PurePath(output or "").suffix.removeprefix(".")
    return {"gv": "dot"}.get(suffix, suffix if suffix in SHOWN else "svg")


def _in_form(name: str, drawn: Picture, graph: networkx.MultiDiGraph) -> str:
    if name == "graphml":
        from checker.cli.forms.graphml import graphml

        return graphml(drawn, graph)
    if name == "dot":
        from checker.cli.forms.dot import dot

        return dot(drawn)
    from checker.cli.forms.svg import svg

    return svg(drawn)
