"""A state graph in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Sequence

from checker.cli.forms.picture import Edge, Node, Picture, few
from checker.cli.forms.plain import one_line

LABELLED = 60
"""Every edge has a label if there are no more than so many; else those of the path, and the others a tooltip."""


def dot(picture: Picture) -> str:
    """The graph for ``dot``: depth from left to right, the path of the counterexample in red."""
    path, first, every = picture.on_path, picture.first, len(picture.edges) <= LABELLED
    out = [
        "digraph states {",
        "  rankdir=LR; nslimit=2; nslimit1=2; mclimit=0.3;",
        '  node [shape=box, fontname="monospace", fontsize=10];',
    ]
    out += ['  edge [color=gray60, fontname="monospace", fontsize=9];', "  labelloc=t;"]
    out += [f"  label={quoted([picture.title, *picture.says])};"]
    out += [_node(node, node.number in picture.path, picture.invariant) for node in picture.nodes]
    for edge in picture.edges:
        pair = (edge.source, edge.target)
        out.append(_edge(edge, path.get(pair, 0), pair in first, picture, every))
    return "\n".join([*out, "}"]) + "\n"


def quoted(lines: Sequence[str]) -> str:
    """Lines as one string. A backslash would begin an escape, an ampersand an entity of HTML."""
    escaped = [line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in map(one_line, lines)]
    return '"' + "\\n".join(escaped) + '"'


def _node(node: Node, on_path: bool, invariant: str) -> str:
    broken = invariant in node.broken if invariant else bool(node.broken)
    looks = ["penwidth=2.5", "color=firebrick"] if on_path else []
    looks += ['style="filled"', 'fillcolor="mistyrose"'] if broken else ["peripheries=2"] if node.start else []
    says = [f"{node.number}: {node.whole}", *(f"breaks {name}" for name in node.broken)]
    says += [f"start: {node.start}"] if node.start else []
    parts = [f"label={quoted(node.label)}", f"tooltip={quoted(says)}", *looks]
    return f"  n{node.number} [{', '.join(parts)}];"


def _edge(edge: Edge, step: int, first: bool, picture: Picture, every: bool) -> str:
    """An edge; those that are not on a first shortest way have no say in the layout, which would take minutes otherwise."""
    looks = [] if first or step else ["constraint=false", "color=gray88"]
    if step:
        label = f"{step} {picture.steps[step - 1]}"
        looks += [f"label={quoted([label])}", "color=firebrick", "fontcolor=firebrick", "penwidth=2.5"]
    elif every:
        looks += [f"label={quoted([few(edge.operations)])}"]
    parts = [f"tooltip={quoted([', '.join(edge.operations)])}", *looks]
    return f"  n{edge.source} -> n{edge.target} [{', '.join(parts)}];"
