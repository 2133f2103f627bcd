"""A state graph as SVG: a column for each depth, the path of the counterexample along the top, everything else behind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from checker.cli.forms.picture import Edge, Node, Picture
from checker.cli.forms.plain import one_line

LETTER, LINE, PAD = 6.2, 13, 6
"""Width of a letter and height of a line of the labels, and the space around them, in pixels."""

GAP, BETWEEN, TOP, SIDE = 10, 70, 132, 16
"""Space between boxes, between columns, above and beside the graph."""

NUMBER = 14
"""Space for a state's number, in a corner of its box."""

SWEEPS = 6
"""How often the order in the columns is improved."""

STYLE = """\
text { font: 10px ui-monospace, monospace; fill: #222; }
.number { font-size: 8px; fill: #8a939c; text-anchor: end; }
.head { font: bold 14px system-ui, sans-serif; }
.says { font: 12px system-ui, sans-serif; }
.back { fill: #fff; }
rect.state { fill: #f6f8fa; stroke: #8a939c; }
rect.start { stroke-width: 2; stroke: #222; }
rect.broken { fill: #fde2e0; }
rect.path { stroke: #b42318; stroke-width: 2.5; }
path { fill: none; stroke: #5c6670; }
.first { stroke-opacity: .55; }
.other { stroke-opacity: .13; }
.taken { stroke: #b42318; stroke-width: 2.5; }
.step { fill: #b42318; font-weight: bold; }
g.edge:hover path { stroke: #0b5cad; stroke-opacity: 1; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e8ea; } .back { fill: #14171a; } rect.state { fill: #23282d; stroke: #77818b; }
  rect.start { stroke: #e6e8ea; } rect.broken { fill: #55201c; } path { stroke: #9aa4ae; }
  .taken, rect.path { stroke: #ff7a6b; } .step { fill: #ff7a6b; }
}
"""


@dataclass(frozen=True)
class _Box:
    """Where a state is drawn."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def svg(picture: Picture) -> str:
    """The picture; the same graph gives the same text."""
    columns = _columns(picture)
    boxes = _boxes(picture, columns)
    width = max([*(box.x + box.width for box in boxes.values()), 640]) + SIDE + 24
    height = max(box.y + box.height for box in boxes.values()) + SIDE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{_plain(picture.title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{width:.0f}" height="{height:.0f}"/>',
        *_heading(picture, columns, boxes),
    ]
    path = picture.on_path
    first = picture.first
    behind = [edge for edge in picture.edges if (edge.source, edge.target) not in path]
    front = [edge for edge in picture.edges if (edge.source, edge.target) in path]
    out += [_edge(edge, boxes, "first" if (edge.source, edge.target) in first else "other") for edge in behind]
    out += [_state(node, boxes[node.number], picture) for node in picture.nodes]
    out += [_edge(edge, boxes, "taken") for edge in front]
    out += [_step(edge, boxes, path[edge.source, edge.target], picture) for edge in front]
    return "\n".join([*out, "</svg>"]) + "\n"


def _plain(text: str) -> str:
    """Text for an element: one line, in which nothing is markup."""
    return escape(one_line(text))


def _heading(picture: Picture, columns: list[list[Node]], boxes: dict[int, _Box]) -> list[str]:
    broken = f"breaks {picture.invariant}" if picture.path else "breaks a requirement"
    key = [f"black frame: initial state; red ground: {broken}", "darker lines: first shortest way to a state"]
    says = [*picture.says, "; ".join(key), "point at a state or a line to see all of it"]
    out = [f'<text class="head" x="{SIDE}" y="22">{_plain(picture.title)}</text>']
    out += [f'<text class="says" x="{SIDE}" y="{40 + 15 * k}">{_plain(line)}</text>' for k, line in enumerate(says)]
    tops = [(nodes[0].depth, boxes[nodes[0].number]) for nodes in columns]
    return out + [f'<text x="{box.x:.0f}" y="{TOP - 8}">{_depth_words(depth)}</text>' for depth, box in tops]


def _depth_words(depth: int) -> str:
    return "start" if depth == 0 else f"{depth} step{'' if depth == 1 else 's'}"


def _columns(picture: Picture) -> list[list[Node]]:
    """The states by depth, each column in an order that crosses few edges; the path's state comes first."""
    depths = sorted({node.depth for node in picture.nodes})
    columns = [[node for node in picture.nodes if node.depth == depth] for depth in depths]
    near: dict[int, list[int]] = {node.number: [] for node in picture.nodes}
    for edge in picture.edges:
        near[edge.source].append(edge.target)
        near[edge.target].append(edge.source)
    depth_of = {node.number: node.depth for node in picture.nodes}
    for sweep in range(SWEEPS):
        order = columns if sweep % 2 == 0 else columns[::-1]
        for before, here in pairwise(order):
            places = {node.number: k / len(before) for k, node in enumerate(before)}
            here.sort(key=lambda node: _rank(node, places, near, before[0].depth, depth_of, picture))
    return columns


def _rank(
    node: Node,
    places: dict[int, float],
    near: dict[int, list[int]],
    depth: int,
    depth_of: dict[int, int],
    picture: Picture,
) -> tuple[bool, float, int]:
    """The path's state first, then by the middle of the neighbours in the column before."""
    found = [places[other] for other in near[node.number] if depth_of[other] == depth]
    return (node.number not in picture.path, sum(found) / len(found) if found else 0.5, node.number)


def _boxes(picture: Picture, columns: list[list[Node]]) -> dict[int, _Box]:
    boxes: dict[int, _Box] = {}
    steps = {number: picture.steps[k] for k, number in enumerate(picture.path[:-1])}
    x = float(SIDE)
    for nodes in columns:
        width = max(len(line) for node in nodes for line in node.label) * LETTER + 2 * PAD + NUMBER
        y = float(TOP)
        for node in nodes:
            height = len(node.label) * LINE + 2 * PAD
            boxes[node.number] = _Box(x, y, width, height)
            y += height + GAP
        named = [len(steps[node.number]) + 3 for node in nodes if node.number in steps]
        x += width + max([BETWEEN, *(count * LETTER + 16 for count in named)])
    return boxes


def _state(node: Node, box: _Box, picture: Picture) -> str:
    broken = picture.invariant in node.broken if picture.invariant else bool(node.broken)
    marks = {"path": node.number in picture.path, "broken": broken, "start": bool(node.start)}
    classes = " ".join(["state", *(name for name, on in marks.items() if on)])
    says = [f"state {node.number}", node.whole, *(f"breaks {name}" for name in node.broken)]
    says += [f"start: {node.start}"] if node.start else []
    lines = [
        f'<text x="{box.x + PAD:.1f}" y="{box.y + PAD + LINE * (k + 0.75):.1f}" xml:space="preserve">{_plain(line)}</text>'
        for k, line in enumerate(node.label)
    ]
    return (
        f"<g><title>{chr(10).join(map(_plain, says))}</title>"
        f'<rect class="{classes}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="3"/>'
        f'<text class="number" x="{box.x + box.width - 2:.1f}" y="{box.y + 8:.1f}">{node.number}</text>'
        f"{''.join(lines)}</g>"
    )


def _edge(edge: Edge, boxes: dict[int, _Box], kind: str) -> str:
    line = _curve(boxes[edge.source], boxes[edge.target])
    says = f"{edge.source} to {edge.target}: {', '.join(edge.operations)}"
    return f'<g class="edge"><title>{_plain(says)}</title><path class="{kind}" d="{line}"/></g>'


def _curve(source: _Box, target: _Box) -> str:
    """From the right side of one box to the left side of a later one; along the right sides in one column; else back."""
    x1, y1, y2 = source.x + source.width, source.middle, target.middle
    if target.x > source.x:
        x2, bend = target.x, max(30.0, (target.x - x1) / 2)
        return f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    if target.x == source.x:
        return f"M{x1:.1f} {y1 + 3:.1f}C{x1 + 34:.1f} {y1 + 3:.1f} {x1 + 34:.1f} {y2 - 3:.1f} {x1:.1f} {y2 - 3:.1f}"
    x1, x2 = source.x, target.x + target.width
    bend = max(30.0, (x1 - x2) / 2)
    return f"M{x1:.1f} {y1 + 4:.1f}C{x1 - bend:.1f} {y1 + 4:.1f} {x2 + bend:.1f} {y2 + 4:.1f} {x2:.1f} {y2 + 4:.1f}"


def _step(edge: Edge, boxes: dict[int, _Box], step: int, picture: Picture) -> str:
    source, target = boxes[edge.source], boxes[edge.target]
    x, y = source.x + source.width + 8, source.middle - 6
    tip = f"M{target.x - 7:.1f} {target.middle - 4:.1f}l7 4l-7 4"
    words = _plain(f"{step} {picture.steps[step - 1]}")
    return f'<path class="taken" d="{tip}"/><text class="step" x="{x:.1f}" y="{y:.1f}">{words}</text>'
