"""The page of commands says what the commands say of themselves."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout, suppress
from unittest.mock import patch

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

PAGE = "reference/commands.md"
COLUMNS = "78"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add the help of every command to their page."""
    if page.file.src_uri != PAGE:
        return markdown
    from voxway.cli import COMMANDS

    sections = [f"## {command}\n\n```text\n{said(command, '--help')}\n```\n" for command in COMMANDS]
    return "\n".join([markdown, f"```text\n{said('--help')}\n```\n", *sections])


def said(*words: str) -> str:
    """What a command prints, without colours."""
    from voxway.cli import main

    screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)  # its encoding says what can be drawn
    with redirect_stdout(screen), suppress(SystemExit), patch.dict("os.environ", COLUMNS=COLUMNS, NO_COLOR="1"):
        main(words)
    return re.sub(r"\x1b\[[0-9;]*m", "", screen.buffer.getvalue().decode()).strip()
