"""Pages of the documentation, and what Markdown says in them: links, headings."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        path.relative_to(ROOT).as_posix()
        for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"))
    )
)
"""Every page that people read, by its place in the repository."""


def prose(text: str) -> str:
    """Text without blocks and spans of code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def links(text: str) -> list[str]:
    """Targets of links and pictures, in Markdown and in HTML's ``src`` and ``href``."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(text)) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose(text))


def anchors(text: str) -> set[str]:
    """What links within the page may name: its headings, as the site and code hosts spell them."""
    headings = re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}
