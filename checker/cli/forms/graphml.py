"""A state graph in GraphML, with every value of every state and every single operation, for Gephi, yEd and programs."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from checker.cli.forms.picture import Picture
from checker.cli.forms.plain import one_line

if TYPE_CHECKING:
    import networkx


def graphml(picture: Picture, graph: networkx.MultiDiGraph) -> str:
    """The graph. Words are hexadecimal text, since readers of GraphML keep 32 or 64 signed bits at most."""
    import networkx

    out = networkx.MultiDiGraph(title=one_line(picture.title), says=one_line("; ".join(picture.says)))
    steps = {number: place for place, number in enumerate(picture.path)}
    for node in picture.nodes:
        data = graph.nodes[node.number]["state"]
        values = {f"state {one_line(path)}": f"{value:#x}" for path, value in data.items()}
        out.add_node(
            f"n{node.number}",
            label=one_line(" | ".join(node.label)),
            depth=node.depth,
            start=one_line(node.start),
            breaks=one_line(", ".join(node.broken)),
            path_step=steps.get(node.number, -1),
            **values,
        )
    taken = {(s, t, picture.steps[k - 1]): k for (s, t), k in picture.on_path.items()}
    for source, target, operation in graph.edges(data="operation"):
        step = taken.get((source, target, operation), -1)
        out.add_edge(f"n{source}", f"n{target}", operation=one_line(operation), path_step=step)
    buffer = BytesIO()
    networkx.write_graphml_xml(out, buffer, encoding="utf-8", prettyprint=True)
    return buffer.getvalue().decode() + "\n"
