"""Page: camera image, prediction and truth of many frames in one HTML file that opens from disk, without a network.

Where probabilities of a prediction are known, it can be coloured by confidence, and what is less sure hidden.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from voxway.core.errors import InputError
from voxway.core.files import write_bytes
from voxway.core.occupancy import Occupancy
from voxway.core.result import Result
from voxway.core.task import Task
from voxway.core.version import __version__
from voxway.view.agreement import agreement
from voxway.view.frame import Frame
from voxway.view.shade import EDGE, FACE_LIGHT, OCCLUSION, display_colours
from voxway.view.table import results_table
from voxway.view.volumes import class_ids, common_task

_SCRIPTS = ("volume.js", "scene.js", "shapes.js", "legend.js", "rays.js", "page.js")

_VOLUMES = ("prediction", "truth", "confidence", "rays-prediction", "rays-truth")
"""What a frame may have for every voxel."""
_LARGEST = (4096, 4096, 256)
"""Voxels per axis that a face's packed position has bits for (web/volume.js)."""

_IMAGE_PX = 1600
"""Widest image that is embedded; wider ones are scaled down."""


def write_page(
    path: Path | str,
    frames: Sequence[Frame],
    *,
    title: str,
    results: Sequence[Result] = (),
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the page, atomically.

    Args:
        path: the HTML file.
        frames: what to show, in order; all volumes are of one task.
        title: heading of the page.
        results: scores for the table below, e.g. a model and its baseline.
        notes: names and values listed at the end, e.g. machine, commit, command.

    Raises:
        InputError: no frames, a frame without volumes, volumes of several tasks, a grid too large, an image that is not
            RGB, or a result of another benchmark.
        OutputError: the file cannot be written.
    """
    task = _checked_task(frames, results)
    grid = task.grid
    descriptions, payload = [], []
    for number, frame in enumerate(frames):
        description, parts = _described(frame)
        descriptions.append(description)
        payload += [
            f'<script type="text/plain" id="frame-{number}-{name}">{base64.b64encode(data).decode()}</script>'
            for name, data in parts.items()
        ]
    content = {
        "grid": {"lower": grid.lower, "upper": grid.upper, "cell": grid.cell, "shape": grid.shape},
        "classes": task.classes,
        "colours": display_colours(task).tolist(),
        "free": task.free,
        "shading": {"light": FACE_LIGHT, "occlusion": OCCLUSION, "edge": EDGE},
        "frames": descriptions,
    }
    page = _filled(
        {
            "title": escape(title),
            "subtitle": escape(f"{task.name} · {grid} · {len(frames)} frame{'s' if len(frames) != 1 else ''}"),
            "version": __version__,
            "style": _resource("page.css"),
            "last": str(len(frames) - 1),
            "results": results_table(results, task),
            "notes": _noted(notes or {}),
            # "</script" inside a string would end the element that carries it.
            "content": json.dumps(content).replace("<", "\\u003c"),
            "payload": "\n".join(payload),
            "script": "\n".join(map(_resource, _SCRIPTS)),
        }
    )
    write_bytes(path, page.encode())


def _checked_task(frames: Sequence[Frame], results: Sequence[Result]) -> Task:
    """The task of all frames and results.

    Raises:
        InputError: no frames, a frame without volumes, several tasks, a grid too large, rays through another grid, a
            result of another benchmark.
    """
    if not frames:
        remedy = "Pass at least one frame."
        raise InputError(file="page", field="frames", expected="at least one", found="none", remedy=remedy)
    for frame in frames:
        if not frame.volumes:
            file, remedy = f"frame {frame.key}", "Give the frame at least one of the two."
            raise InputError(file=file, field="prediction, truth", expected="a volume", found="neither", remedy=remedy)
    task = common_task([(f"frame {frame.key}, {name}", v) for frame in frames for name, v in frame.volumes.items()])
    shape = task.grid.shape
    if any(count > most for count, most in zip(shape, _LARGEST)):
        remedy = "Cut the volumes first: `occupancy[x1:x2, y1:y2, z1:z2]`."
        raise InputError(file="page", field="grid", expected=f"at most {_LARGEST}", found=shape, remedy=remedy)
    for frame in frames:
        if frame.rays is not None and frame.rays.truth.shape != shape:
            file, remedy = f"frame {frame.key}", "Cast rays through the volumes that the frame shows."
            raise InputError(file=file, field="rays", expected=shape, found=frame.rays.truth.shape, remedy=remedy)
    for result in results:
        if result.protocol.benchmark != task.name:
            raise InputError(
                file=f"result {result.name!r}",
                field="benchmark",
                expected=task.name,
                found=result.protocol.benchmark,
                remedy="Put results of one benchmark onto one page.",
            )
    return task


def _described(frame: Frame) -> tuple[dict[str, object], dict[str, bytes]]:
    """What the page's script reads about a frame, and the bytes of its image and volumes by name."""
    parts = {name: zlib.compress(class_ids(volume).tobytes(), 9) for name, volume in frame.volumes.items()}
    kind = ""
    if frame.image is not None:
        kind, parts["image"] = "image/jpeg", _jpeg(frame.image, f"frame {frame.key}")
    prediction, truth = frame.prediction, frame.truth
    if prediction is not None and prediction.judged:
        parts["confidence"] = zlib.compress(_percent(prediction).tobytes(), 9)
    rays = frame.rays
    if rays is not None:
        parts["rays-prediction"], parts["rays-truth"] = (
            zlib.compress(volume.tobytes(), 9) for volume in (rays.prediction, rays.truth)
        )
    fits = agreement(prediction, truth) if prediction is not None and truth is not None else None
    description = {
        "key": frame.key,
        "note": frame.note,
        "image": kind,
        "agreement": asdict(fits) if fits else None,
        "curves": rays and {"metres": rays.metres, "shares": rays.curves, "rays": rays.rays},
        **{name: name in parts for name in _VOLUMES},
    }
    return description, parts


def _percent(prediction: Occupancy) -> UInt8[np.ndarray, "x y z"]:
    """Confidence in every occupied voxel in percent, 0 elsewhere, which is not shown and packs well."""
    percent = (100 * prediction.confidence).round() * prediction.occupied
    return percent.to("cpu", torch.uint8).contiguous().numpy()


def _jpeg(image: np.ndarray, source: str) -> bytes:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            file=source,
            field="image",
            expected="uint8 (height, width, 3)",
            found=f"{image.dtype} {image.shape}",
            remedy="Move the channels last: `image.permute(1, 2, 0).numpy()`.",
        )
    picture = Image.fromarray(image)
    if picture.width > _IMAGE_PX:
        picture = picture.resize(
            (_IMAGE_PX, round(picture.height * _IMAGE_PX / picture.width)), Image.Resampling.LANCZOS
        )
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _noted(notes: Mapping[str, str]) -> str:
    if not notes:
        return ""
    items = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in notes.items())
    return f'<section class="notes"><h2>Notes</h2><dl>{items}</dl></section>'


def _resource(name: str) -> str:
    return (files("voxway.view") / "web" / name).read_text(encoding="utf-8").strip()


def _filled(values: Mapping[str, str]) -> str:
    """The template with each ``{{name}}`` replaced; one pass, so that values may hold braces themselves."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _resource("page.html"))
