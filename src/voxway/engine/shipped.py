"""Networks that the package brings along, which are named instead of a folder: ``voxway predict box ...``.

::

    voxway/engine/shipped_models/box/
        config.json  model.safetensors      as `voxway.engine.model_files` writes them, weights in float16
        about.json                          version, and SHA-256 and size of the weights
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from voxway.core.errors import InputError
from voxway.core.files import read_json

NAMES = ("box",)
"""Whatever there is, or may be, in an installation."""
VERSION = 1
"""Of what this version of the package can load."""
FOLDER = Path(__file__).parent / "shipped_models"
ABOUT = "about.json"
_AGAIN = "Install the package anew: pip install --force-reinstall voxway."


def model_folder(source: Path | str) -> Path:
    """The folder that is meant: of a network that the package brings along if its name is given, and no such folder or
    file is there; or else as it was given.

    Raises:
        InputError: that network is not in this installation, or of a version that this package does not know.
    """
    name = os.fspath(source)
    if name not in NAMES or Path(source).exists():
        return Path(source)
    about = FOLDER / name / ABOUT
    if not about.exists():
        raise InputError(
            file=name,
            field="weights",
            expected="those that the package brings along",
            found="none in this installation",
            remedy="Install a release of the package, which has them; or train your own: voxway train box-world "
            "(docs: Box).",
        )
    if (version := _about(about).get("version")) != VERSION:
        raise InputError(file=about, field="version", expected=VERSION, found=version, remedy=_AGAIN)
    return about.parent


def check_shipped(folder: Path, weights: Path, digest: Callable[[Path], str]) -> None:
    """Make sure that weights that the package brings along are whole; other folders' are not looked at.

    Args:
        folder: of the network.
        weights: the file.
        digest: its SHA-256, of a folder.

    Raises:
        InputError: it is another file than the one that was packed.
    """
    if not folder.is_relative_to(FOLDER):
        return
    expected, found = _about(folder / ABOUT).get("sha256"), digest(folder)
    if found != expected:
        raise InputError(file=weights, field="SHA-256", expected=expected, found=found, remedy=_AGAIN)


def _about(path: Path) -> dict[str, object]:
    content = read_json(path, remedy=_AGAIN)
    if not isinstance(content, dict):
        raise InputError(
            file=path, field="contents", expected="version and sha256", found=type(content).__name__, remedy=_AGAIN
        )
    return content
