"""Whether a page is sound HTML: tags closed, references answered, nothing loaded, no script or style in an attribute."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
FLOW_ONLY = frozenset("div p ul ol dl table section details figure pre h1 h2 h3 h4 nav header footer main".split())
"""What must not stand in a paragraph, which it would end."""
PARENTS = {
    "li": {"ul", "ol"}, "dt": {"dl"}, "dd": {"dl"}, "tr": {"table", "thead", "tbody"}, "td": {"tr"}, "th": {"tr"},
    "thead": {"table"}, "tbody": {"table"}, "caption": {"table"}, "summary": {"details"}, "figcaption": {"figure"},
}  # fmt: skip
"""Where some elements must stand."""
CHILDREN = {"ul": {"li"}, "ol": {"li"}, "dl": {"dt", "dd"}, "tr": {"td", "th"}, "tbody": {"tr"}, "thead": {"tr"}}
"""What alone may stand in some elements."""


class Page(HTMLParser):
    """A page read strictly.

    Attributes:
        faults: what is wrong with it, each with its line.
        tags: how often each element occurs.
        ids: the ids, in order.
        attributes: (tag, name, value) of every attribute.
        texts: the text of each element that was asked for by :meth:`text_of`.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.faults: list[str] = []
        self.tags: dict[str, int] = {}
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.stack]
        self.faults += [f"id {name} twice" for name in {i for i in self.ids if self.ids.count(i) > 1}]
        self._references()

    def fault(self, words: str) -> None:
        self.faults.append(f"line {self.getpos()[0]}: {words}")

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        above = self.stack[-1] if self.stack else ""
        if "p" in self.stack and tag in FLOW_ONLY:
            self.fault(f"<{tag}> in a paragraph")
        if tag in PARENTS and above not in PARENTS[tag]:
            self.fault(f"<{tag}> in <{above}>")
        if above in CHILDREN and tag not in CHILDREN[above]:
            self.fault(f"<{tag}> in <{above}>")
        names = [name for name, _ in attrs]
        self.faults += [
            f"line {self.getpos()[0]}: {n} twice in <{tag}>" for n in {n for n in names if names.count(n) > 1}
        ]
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        if "svg" not in self.stack:
            self.fault(f"<{tag}/> outside of a drawing")
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1] != tag:
            self.fault(f"</{tag}> closes <{self.stack[-1] if self.stack else ''}>")
        else:
            self.stack.pop()

    def handle_data(self, data):
        for tag in set(self.stack):
            self.texts.setdefault(tag, []).append(data)

    def _references(self) -> None:
        for tag, name, value in self.attributes:
            if name.startswith("on") or name == "style":
                self.faults.append(f"{name} in <{tag}>")
            if name in ("src", "srcset", "xlink:href", "action", "formaction"):
                self.faults.append(f"<{tag}> loads {value}")
            wanted = value.split() if name in ("aria-labelledby", "aria-describedby", "for") else []
            if name == "href":
                if not re.fullmatch(r"#[a-z0-9-]+", value):
                    self.faults.append(f"<{tag}> leads to {value}")
                wanted = [value[1:]]
            self.faults += [f"nothing has the id {i}" for i in wanted if i not in self.ids]

    def text_of(self, tag: str) -> str:
        """All text inside elements of a name."""
        return "".join(self.texts.get(tag, []))
