"""The page that predicts in a browser, in a real one, where both it and the page's files are there."""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from tests.docs.pages import ROOT

STATIC = ROOT / "docs" / "_static"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TELL = """<script>setInterval(() => {
  const said = document.getElementById("box-said").textContent;
  if (!/^(Loading|Looking|Choose)/.test(said)) fetch("/said/" + encodeURIComponent(said));
}, 300)</script>"""
"""What the page says in the end is asked for from the test's server, which notes it."""


class Listening(SimpleHTTPRequestHandler):
    def __init__(self, *args: object, heard: queue.Queue[str], **more: object) -> None:
        self.heard = heard
        super().__init__(*args, **more)  # ty: ignore

    def do_GET(self) -> None:
        if self.path.startswith("/said/"):
            self.heard.put(unquote(self.path.removeprefix("/said/")))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def said(folder: Path, query: str = "") -> str:
    """What the page says in Chromium, after its script has run."""
    text = (ROOT / "docs" / "browser.md").read_text()
    page = text[text.index("<div") : text.index("</script>") + len("</script>")]
    (folder / "index.html").write_text(page + TELL)
    heard: queue.Queue[str] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Listening, directory=folder, heard=heard))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/index.html{query}"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}")
    browser = subprocess.Popen(
        [str(CHROMIUM), *flags, "--remote-debugging-port=0", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return heard.get(timeout=240)
    finally:
        browser.kill()
        browser.wait()
        server.shutdown()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_without_the_network_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "_static").mkdir()
    shutil.copy(STATIC / "box.js", tmp_path / "_static")
    assert "lacks the network's files" in said(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.skipif(not (STATIC / "box" / "box.onnx").exists(), reason="needs docs/_site/browser_files.py to have run")
def test_a_picture_becomes_voxels(tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "_static")
    picture = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "street.png")
    found = said(tmp_path, "?picture=street.png")
    assert "voxels in sight, in" in found
