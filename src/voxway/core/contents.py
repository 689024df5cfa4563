"""What bytes are that stand under another file's name: a web page instead of weights, a picture instead of a scan.

Every reader asks here when a file is not what it expects, so that all of them say the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HEAD = 512
"""Bytes that tell."""
_TEXT = frozenset(bytes(range(32, 127)) + b"\t\n\r\f")
_LEAST_TEXT = 24
_BROWSER = "Download the file itself: a server answered with a page instead, as after a login, a quota or a dead link."
_OTHER = "Put the right file there; this one is of another kind, whatever its name says."


@dataclass(frozen=True)
class Contents:
    """A kind of file.

    Attributes:
        name: in words, with an article.
        remedy: what to do where another kind was expected.
    """

    name: str
    remedy: str = _OTHER


_PAGE = Contents("a web page (HTML)", _BROWSER)
_KINDS: tuple[tuple[int, bytes, Contents], ...] = (
    (
        0,
        b"version https://git-lfs",
        Contents("a Git LFS pointer, not the file that it stands for", "Fetch the file itself with `git lfs pull`."),
    ),
    (0, b"/annex/objects/", Contents("a git-annex pointer", "Fetch the file itself with `git annex get`.")),
    (0, b"<?xml", Contents("an XML message, as storage servers answer with", _BROWSER)),
    (0, b"# .PCD", Contents("a point cloud of the Point Cloud Library (PCD)", "Write its points as the layout says.")),
    (
        0,
        b"VERSION .7",
        Contents("a point cloud of the Point Cloud Library (PCD)", "Write its points as the layout says."),
    ),
    (0, b"ply\n", Contents("a PLY file", "Write its points as the layout says.")),
    (0, b"ply\r", Contents("a PLY file", "Write its points as the layout says.")),
    (0, b"LASF", Contents("a LAS point cloud", "Write its points as the layout says.")),
    (0, b"\x93NUMPY", Contents("a NumPy array (.npy)")),
    (0, b"PK\x03\x04", Contents("a zip archive (.zip, .npz or a torch checkpoint)")),
    (0, b"PK\x05\x06", Contents("an empty zip archive")),
    (0, b"\x1f\x8b\x08", Contents("a gzip archive", "Unpack it.")),
    (0, b"7z\xbc\xaf\x27\x1c", Contents("a 7z archive", "Unpack it.")),
    (0, b"\xfd7zXZ", Contents("an xz archive", "Unpack it.")),
    (0, b"BZh", Contents("a bzip2 archive", "Unpack it.")),
    (0, b"\x28\xb5\x2f\xfd", Contents("a zstd archive", "Unpack it.")),
    (0, b"Rar!", Contents("a RAR archive", "Unpack it.")),
    (257, b"ustar", Contents("a tar archive", "Unpack it.")),
    (0, b"\x89PNG\r\n\x1a\n", Contents("a PNG picture")),
    (0, b"\xff\xd8\xff", Contents("a JPEG picture")),
    (0, b"GIF8", Contents("a GIF picture")),
    (0, b"%PDF", Contents("a PDF document")),
    (0, b"\x89HDF\r\n", Contents("an HDF5 file")),
    (0, b"#ROSBAG", Contents("a ROS bag")),
    (0, b"\x7fELF", Contents("a program")),
)
_SAFETENSORS = Contents("a safetensors file")


def contents(head: bytes) -> Contents | None:
    """The kind of file that begins with these bytes (`HEAD` of them, or all); None where they do not tell."""
    start = head[:HEAD]
    words = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if words[:1] == b"<" and any(mark in words.lower() for mark in (b"<html", b"<!doctype", b"<head", b"<body")):
        return _PAGE
    if start[4:8] == bytes(4) and start[8:10] == b'{"':
        return _SAFETENSORS
    for place, mark, kind in _KINDS:
        if start[place:].startswith(mark):
            return kind
    return None


def is_text(head: bytes) -> bool:
    """Whether bytes are plain text of some length, which numbers in binary never are."""
    start = head[:HEAD]
    return len(start) >= _LEAST_TEXT and _TEXT.issuperset(start)


def head_of(path: Path | str) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
