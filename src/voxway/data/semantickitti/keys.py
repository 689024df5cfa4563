"""Which frames a reader reads: keys such as "08/000005", from a split, from sequences, or as given."""

from __future__ import annotations

import re
from pathlib import Path

from voxway.core.errors import InputError
from voxway.data.files.names import names_in, some
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.layout import SequenceFiles

_STRIDE = 5
"""Every fifth scan is annotated."""


def parse_key(key: str) -> tuple[str, int]:
    """Sequence and frame number of a key.

    Raises:
        InputError: not of the form "08/000005".
    """
    match = re.fullmatch(r"((?!\d/)[^/]+)/(\d{6})", key)
    if match is None:
        raise InputError(
            file="sample key",
            field="key",
            expected='sequence and frame, such as "08/000005"',
            found=repr(key),
            remedy="Write two digits, a slash and six digits.",
        )
    return match[1], int(match[2])


def find_keys(config: SemanticKITTIConfig) -> tuple[str, ...]:
    """Keys of all frames that `config` asks for, ascending.

    Raises:
        InputError: a sequence is missing, nothing was found, or fewer frames than the split has.
    """
    if config.keys:
        for key in config.keys:
            parse_key(key)
        return config.keys
    split = SEMANTIC_KITTI.splits[config.split]
    whole = not config.drives and not config.partial
    keys: list[str] = []
    missing: list[str] = []
    for sequence in config.drives or split.sequences:
        frames = annotated_frames(config, sequence)
        keys += [f"{sequence}/{frame:06d}" for frame in frames]
        if not frames:
            missing.append(sequence)
    if missing and not config.partial:
        raise InputError(
            file=_where(config),
            field="sequences",
            expected=", ".join(config.drives or split.sequences),
            found=f"no annotated frames for {', '.join(missing)}{_there(config)}",
            remedy="Complete the copy (`voxway check-data` lists what is missing), name the sequences that you have, "
            "or set `partial`.",
        )
    if not keys:
        raise InputError(
            file=_where(config),
            field="frames",
            expected="annotated frames of "
            + (f"sequence {', '.join(config.drives)}" if config.drives else f"split {config.split}"),
            found=f"none{_there(config)}",
            remedy="Check the root folder: it must hold sequences/00 and so on. A drive of your own lies there, "
            "too, and is read with --sequences.",
        )
    if whole and split.frames is not None and len(keys) != split.frames:
        raise InputError(
            file=_where(config),
            field=f"frames of split {config.split}",
            expected=split.frames,
            found=len(keys),
            remedy="Complete the copy (`voxway check-data` lists what is missing), or set `partial`.",
        )
    return tuple(keys)


def split_keys(config: SemanticKITTIConfig) -> tuple[str, ...]:
    """Keys of all annotated frames that are there of the split's sequences, and of any that `config` names beyond."""
    beyond = {*config.drives, *(parse_key(key)[0] for key in config.keys)}
    sequences = sorted({*SEMANTIC_KITTI.splits[config.split].sequences, *beyond})
    return tuple(f"{sequence}/{frame:06d}" for sequence in sequences for frame in annotated_frames(config, sequence))


def _where(config: SemanticKITTIConfig) -> Path:
    return Path(config.targets or config.preprocessed or config.folder / "sequences")


def _there(config: SemanticKITTIConfig) -> str:
    """What there is instead."""
    folder = config.folder / "sequences"
    if not folder.is_dir():
        return (
            f"; {config.root} holds {some(names_in(config.folder))}" if config.folder.is_dir() else "; no such folder"
        )
    return f"; sequences that are there: {some(names_in(folder))}"


def annotated_frames(config: SemanticKITTIConfig, sequence: str) -> list[int]:
    """Annotated frames of a sequence, wherever its targets come from; empty where there are none."""
    if config.targets is not None:
        return _numbers(Path(config.targets), rf"{sequence}_(\d{{6}})\.npz")
    if config.preprocessed is not None:
        return _numbers(Path(config.preprocessed) / sequence, r"(\d{6})_1_1\.npy")
    files = SequenceFiles(config.folder, sequence, config.voxel_folder)
    folder = files.folder / config.voxel_folder
    labelled = _numbers(folder, r"(\d{6})\.label")
    if labelled or "target" in config.needs:
        return labelled
    # Test sequences have no labels, and camera-only copies no voxel folder: the stride still says which count.
    pictures = files.pictures(config.cameras[0])
    return _numbers(folder, r"(\d{6})\.bin") or [frame for frame in pictures if frame % _STRIDE == 0]


def _numbers(folder: Path, pattern: str) -> list[int]:
    if not folder.is_dir():
        return []
    matches = (re.fullmatch(pattern, path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)
