"""The page as HTML: the template filled in, every value escaped, nothing taken from anywhere else."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import Any

LONGEST = 2_000
"""A value with more characters is cut: no name, reason or line of a tree needs more, and a hostile one must not fill the page."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters, those that turn the direction of text, and those that show nothing."""


def page(data: dict[str, Any]) -> str:
    """The page for this data, see :func:`checker.cli.report_html.data.page_data`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("checker.cli.report_html", "files"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = whole
    style, script = _file("page.css"), _file("page.js")
    return environment.get_template("page.html").render(
        **data, style=Markup(style), script=Markup(script), policy=content_policy(style, script)
    )


def content_policy(style: str, script: str) -> str:
    """What a browser may load for the page: this style and this script, and nothing at all besides."""
    hashes = f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    return f"default-src 'none'; {hashes}; base-uri 'none'; form-action 'none'"


def visible(value: Any) -> Any:
    """A value fit to be read: characters that hide or turn text are written out, and what is far too long is cut."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    short = value if len(value) <= LONGEST else f"{value[:LONGEST]}… ({len(value) - LONGEST} more characters)"
    return _written_out(short)


def whole(text: str) -> Any:
    """A long text that is shown to its end, escaped."""
    from markupsafe import escape

    return escape(_written_out(text))


def _written_out(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _file(name: str) -> str:
    """A file of the page. It stands between tags as it is, so that its hash is the one the browser sees."""
    text = resources.files("checker.cli.report_html").joinpath("files", name).read_text(encoding="utf-8")
    return "\n" + text
