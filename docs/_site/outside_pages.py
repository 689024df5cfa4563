"""Files of the repository outside ``docs`` as parts of the site, and links between both.

A page links to a file as it lies in the repository, so that the link leads somewhere wherever the page is read. On the
site such files stand below ``project``.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OUTSIDE = "project"
PATTERNS = ("*.md", "LICENSE", "CITATION.cff", "bench/*.md", "examples/*.py", "src/voxway/**/*.py")
"""Files that pages may link to; pages among them become pages of the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add all pages outside ``docs``, and the further files that some page links to."""
    outside = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
    for path in outside:
        if path.suffix == ".md":
            files.append(_outside(config, path))
    linked = {repository_place(file.src_uri, link) for file in files.documentation_pages() for link in links(file)}
    for path in outside:
        if path.suffix != ".md" and path.relative_to(ROOT).as_posix() in linked:
            files.append(_outside(config, path))
    return files


def _outside(config: MkDocsConfig, path: Path) -> File:
    return File.generated(config, f"{OUTSIDE}/{path.relative_to(ROOT).as_posix()}", abs_src_path=str(path))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that leave ``docs``, or come from outside it, into the site's."""
    uri = page.file.src_uri
    return re.sub(r"(?<=\]\()([^)#\s:]+)(?=[)#])", lambda link: site_link(uri, link[1]), markdown)


def links(file: File) -> list[str]:
    """Targets of a page's links to files."""
    return re.findall(r"\]\(([^)#\s:]+)", file.content_string)


def repository_place(uri: str, link: str) -> str:
    """Where a link of a page of the site leads in the repository."""
    own = uri.removeprefix(f"{OUTSIDE}/") if uri.startswith(f"{OUTSIDE}/") else f"docs/{uri}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(own), link))


def site_link(uri: str, link: str) -> str:
    """The same link, from page to file of the site."""
    place = repository_place(uri, link)
    target = place.removeprefix("docs/") if place.startswith("docs/") else f"{OUTSIDE}/{place}"
    return posixpath.relpath(target, posixpath.dirname(uri) or ".")
