"""Links lead somewhere: files exist, anchors are headings. No page is fetched."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    place = ROOT / page
    lost = []
    for link in links(place.read_text()):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (place.parent / path).resolve() if path else place
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            lost.append(link)
    assert not lost


def test_what_a_link_and_a_heading_are() -> None:
    text = "# Many machines\n## Ray, *two* (2)\n```\n# no heading\n[a](no)\n```\n[a](b.md#c) `[d](e)` ![f](g.png)\n"
    assert links(text) == ["b.md#c", "g.png"]
    assert anchors(text) == {"many-machines", "ray-two-2"}
