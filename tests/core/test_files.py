"""A file is the old one or the whole new one; errors say file, field, expected, found and remedy."""

from __future__ import annotations

import copy
import errno
import os
import pickle
from pathlib import Path

import pytest

from voxway.core.errors import InputError, MissingExtra, OutputError, UserError, nearest
from voxway.core.files import (
    atomic_path,
    listed,
    present,
    read_json,
    reading,
    require_writable,
    write_bytes,
    write_json,
)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_writes_and_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.bin"
    write_bytes(path, b"old")
    write_bytes(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["file.bin"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"")
        assert os.umask(0o027) == 0o027  # looking at the mask has not changed it
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, ValueError])
def test_an_exception_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_the_new_file_is_invisible_until_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
    assert path.read_text() == "new"


def test_a_full_disk_gives_an_output_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as stream:
            stream.write(data[:2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError) as caught:
        write_bytes(path, b"new content")
    assert caught.value.found == "No space left on device"
    assert caught.value.file == str(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_failing_sync_gives_an_output_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OutputError, match="Input/output error"):
        write_bytes(tmp_path / "file", b"new")
    assert names(tmp_path) == []


def test_a_folder_that_may_not_be_written_gives_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):  # the superuser may write anywhere

        def refused(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("voxway.core.files.tempfile.mkstemp", refused)
    with pytest.raises(OutputError, match="Permission denied"):
        write_bytes(folder / "file", b"new")
    assert names(folder) == []


def test_a_file_in_the_way_of_a_folder_gives_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError):
        write_bytes(tmp_path / "taken" / "file", b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write_bytes(tmp_path / "folder", b"new")
    assert names(tmp_path) == ["folder", "taken"]


def test_an_input_error_inside_stays_what_it_is(tmp_path: Path) -> None:
    error = InputError(file="a", field="b", expected="c", found="d", remedy="e")
    with pytest.raises(InputError) as caught, atomic_path(tmp_path / "file"):
        raise error
    assert caught.value is error


def test_json_round_trip_and_errors(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"x": [1, 2.5, None]}
    assert (tmp_path / "a.json").read_text().endswith("}\n")
    with pytest.raises(TypeError):
        write_json(tmp_path / "b.json", {"x": object()})
    assert names(tmp_path) == ["a.json"]
    for content in (b"{", b"\xff\xfe\x00"):
        (tmp_path / "c.json").write_bytes(content)
        with pytest.raises(InputError, match=r"c\.json: contents: expected JSON"):
            read_json(tmp_path / "c.json")
    with pytest.raises(InputError, match=r"absent\. Make it first\."):
        read_json(tmp_path / "d.json", remedy="Make it first.")


@pytest.mark.parametrize(("kind", "builtin"), [(InputError, ValueError), (OutputError, OSError)])
def test_errors_carry_all_five_parts(kind: type[UserError], builtin: type[Exception]) -> None:
    error = kind(file=Path("calib.txt"), field="Tr", expected=12, found="11 numbers", remedy="Fetch it again.")
    assert (error.file, error.field, error.expected, error.found) == ("calib.txt", "Tr", "12", "11 numbers")
    assert str(error) == "calib.txt: Tr: expected 12, found 11 numbers. Fetch it again."
    assert error.remedy == "Fetch it again."
    assert isinstance(error, UserError) and isinstance(error, builtin)


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtra("embreex", "world", "ray casting")
    assert isinstance(error, ImportError) and isinstance(error, UserError)
    assert "pip install 'voxway[world]'" in str(error) and "for ray casting" in str(error)


def test_the_nearest_name() -> None:
    close = nearest("monoc", ["monoocc", "effocc"], "method")
    assert (close.found, close.remedy) == ("'monoc'", "Perhaps you meant 'monoocc'.")
    far = nearest("zzz", ("monoocc", "effocc"), "method")
    assert far.remedy == "Choose one of the names listed." and far.expected == "one of monoocc, effocc"


READING = {
    "absent": (FileNotFoundError(errno.ENOENT, "No such file or directory"), "file", "absent", "Make it."),
    "a folder": (IsADirectoryError(errno.EISDIR, "Is a directory"), "file", "a folder", "Make it."),
    "below a file": (NotADirectoryError(errno.ENOTDIR, "Not a directory"), "file", "no folder", "Make it."),
    "no permission": (PermissionError(errno.EACCES, "Permission denied"), "reading", "Permission denied", "chmod"),
    "a broken disk": (OSError(errno.EIO, "Input/output error"), "reading", "Input/output error", "disk"),
    "a stale network disk": (OSError(errno.ESTALE, "Stale file handle"), "reading", "Stale", "connection"),
}


@pytest.mark.parametrize("case", READING)
def test_what_the_system_says_about_reading(case: str) -> None:
    error, field, found, remedy = READING[case]
    with pytest.raises(InputError) as caught, reading("scan.bin", "Make it."):
        raise error
    assert (caught.value.file, caught.value.field) == ("scan.bin", field)
    assert found in caught.value.found and remedy in caught.value.remedy


@pytest.mark.parametrize("error", [OSError("image file is truncated"), ValueError("no picture")])
def test_what_decoders_say_passes_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, reading("image.png"):
        raise error
    assert caught.value is error


def test_folders_are_listed_in_order_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "a", ".c"):
        (tmp_path / name).touch()
    assert [path.name for path in listed(tmp_path)] == [".c", "a", "b"]
    assert listed(tmp_path / "none") == listed(tmp_path / "a" / "below") == []
    (tmp_path / "round").symlink_to("round")
    assert present(tmp_path / "a") and not present(tmp_path / "a" / "below")
    assert not any(present(tmp_path / name) for name in ("none", "round", "no\0name"))

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    for name in ("listdir", "scandir", "stat"):
        monkeypatch.setattr(os, name, closed)
    for look in (listed, present):
        with pytest.raises(InputError, match="reading: expected readable, found Permission denied"):
            look(tmp_path)


def kinds(of: type[UserError]) -> list[type[UserError]]:
    return [of, *(kind for below in of.__subclasses__() for kind in kinds(below))]


def made(kind: type[UserError]) -> UserError:
    if kind is MissingExtra:
        return MissingExtra("embreex", "world", "ray casting")
    return kind(file="calib.txt", field="Tr", expected=12, found="11 numbers", remedy="Fetch it again.")


def test_every_error_crosses_the_border_of_a_process() -> None:
    import voxway.engine.step  # has one of its own  # noqa: F401

    assert len(kinds(UserError)) >= 5
    for kind in kinds(UserError):
        error = made(kind)
        for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(copied) is kind and str(copied) == str(error) and vars(copied) == vars(error)


def test_whether_something_can_be_written_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_writable(tmp_path / "new" / "result.json")
    assert names(tmp_path / "new") == []
    with pytest.raises(OutputError, match="Is a directory"):
        require_writable(tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        require_writable(tmp_path / "file" / "result.json")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("voxway.core.files.tempfile.TemporaryFile", refused)
    with pytest.raises(OutputError, match="Permission denied"):
        require_writable(tmp_path / "result.json")
