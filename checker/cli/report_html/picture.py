"""A small picture of one state: which process maps which page, by what entry, and who may write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checker.cli.telling import PAGE_MARKS, ToldStep, ToldTrace

if TYPE_CHECKING:
    from checker.cli.telling import Row

Data = dict[str, Any]

WIDTH, LEFT, RIGHT, BOX, HEIGHT, GAP, EDGE = 340, 4, 208, 128, 62, 12, 4
"""The picture's width, where the boxes begin on either side, their width and height, what is between them and around."""

LONGEST = 21
"""How many characters of small type fit into a box."""


def picture(run: ToldTrace, step: ToldStep) -> Data | None:
    """The boxes and lines of one state, and the same in words; None where there is nothing to draw.

    Args:
        run: the trace.
        step: the step that leads to the state.
    """
    if run.job.world in ("mm", "kernel"):
        return _processes(run, step)
    if run.job.world == "codes":
        return None
    return _entries(run, step)


def _processes(run: ToldTrace, step: ToldStep) -> Data:
    """Every process with its entry on the left, every page that is referred to on the right."""
    from models.mm.state import ABSENT, ELSEWHERE, NONE, PMD, PTE, on_zero_page, page_of

    state, boxes, links, words = run.states[step.number], [], [], []
    rows_of_pages: dict[str, int] = {}
    for p, row in enumerate(step.rows):
        process = state.processes[p]
        boxes.append(_box(LEFT, p, _entry_lines(run, row), row.note, _changed(step, p)))
        if process.level in (ABSENT, NONE, ELSEWHERE):
            words.append(f"{row.who} has no entry")
            continue
        number = int(process.page)
        name = "zero page" if on_zero_page(state, process) else f"page {number}"
        if name not in rows_of_pages:
            rows_of_pages[name] = len(rows_of_pages)
            facts = [] if name == "zero page" else _page_facts(state, p, page_of(state, p))
            boxes.append(_box(RIGHT, rows_of_pages[name], [name, *facts], "", False))
        how = _how(run, row, process.level in (PTE, PMD))
        links.append(_link(p, rows_of_pages[name], how))
        words.append(f"{row.who}: {row.cells[0]} to {name}, {how}")
    height = max(len(step.rows), len(rows_of_pages))
    return _drawn(boxes, links, height, words)


def _page_facts(state: Any, p: int, page: Any) -> list[str]:
    from models.mm.state import exclusive, shared

    owner = "shared" if shared(state, p) else "exclusive" if exclusive(state, p) else "not shared"
    return [owner, ", ".join(says for says, holds in PAGE_MARKS.values() if holds(page))]


def _changed(step: ToldStep, row: int) -> bool:
    """The entry is another one than before; at the start nothing is."""
    return step.number > 0 and row in step.changed


def _cell(run: ToldTrace, row: Row, heading: str) -> str:
    """What a row says under a heading; "" where it says nothing."""
    place = run.headings.index(heading) if heading in run.headings else len(row.cells)
    return row.cells[place] if place < len(row.cells) else ""


def _how(run: ToldTrace, row: Row, present: bool) -> str:
    if not present:
        return "not present"
    if _cell(run, row, "hw-rd") == "-":
        return "no access"
    return "may write" if _cell(run, row, "hw-wr") == "yes" else "read-only"


def _entries(run: ToldTrace, step: ToldStep) -> Data:
    """Every entry on the left, its page on the right."""
    boxes, links, words = [], [], []
    for k, row in enumerate(step.rows):
        local = _cell(run, row, "hw-wr") == "local"
        how = "kept out" if local else _how(run, row, present=True)
        boxes.append(_box(LEFT, k, _entry_lines(run, row), row.note, _changed(step, k)))
        boxes.append(_box(RIGHT, k, ["page", *_contract_facts(run, row)], "", False))
        links.append(_link(k, k, how))
        words.append(f"{row.who or 'the entry'}: {'a local copy' if local else how}")
    return _drawn(boxes, links, len(step.rows), words)


def _contract_facts(run: ToldTrace, row: Row) -> list[str]:
    """What the PTE world knows of the page."""
    if run.job.world != "pte":
        return []
    shared, unsaved = (_cell(run, row, name) == "yes" for name in ("shared", "unsaved"))
    return ["shared" if shared else "not shared", "unsaved data" if unsaved else ""]


def _entry_lines(run: ToldTrace, row: Row) -> list[str]:
    """Whose it is, its kind, and its bits: a letter for each that is set."""
    title = row.who or "entry"
    if _cell(run, row, "") in ("-", "none"):
        return [title, "no entry"]
    local = _cell(run, row, "hw-wr") == "local"
    kind = "local copy" if local else _cell(run, row, "") or _cell(run, row, "value")
    letters = "" if row.entry is None else "".join(b.letter if row.entry & b.mask else "·" for b in run.bits)
    return [title, kind, letters]


def _box(x: int, place: int, lines: list[str], note: str, changed: bool) -> Data:
    short = [line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in lines if line]
    y = EDGE + place * (HEIGHT + GAP)
    return {"x": x, "y": y, "lines": short, "bad": bool(note), "changed": changed}


def _link(left: int, right: int, how: str) -> Data:
    y1, y2 = (EDGE + place * (HEIGHT + GAP) + HEIGHT // 2 for place in (left, right))
    kinds = {"may write": "write", "read-only": "read"}
    return {"x1": LEFT + BOX, "y1": y1, "x2": RIGHT, "y2": y2, "kind": kinds.get(how, "away"), "how": how}


def _drawn(boxes: list[Data], links: list[Data], rows: int, words: list[str]) -> Data:
    height = 2 * EDGE + rows * HEIGHT + (rows - 1) * GAP
    return {"width": WIDTH, "height": height, "boxes": boxes, "links": links, "says": "; ".join(words)}
