"""Depth from one picture by a network of the `transformers` library, such as Depth Anything V2 (metric) or ZoeDepth."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from voxway.core.errors import InputError, MissingExtra
from voxway.core.stamps import digest

HUB = "hf:"
"""Prefix of a model that may be fetched from the Hugging Face hub; anything else is a folder."""

DepthModel = Callable[[UInt8[np.ndarray, "h w 3"]], Float32[np.ndarray, "h w"]]
"""From an RGB picture to metres along the optical axis."""


def load_depth_model(model: str, device: torch.device | str = "cpu") -> DepthModel:
    """Load a network that estimates metric depth.

    Args:
        model: a folder as `save_pretrained` writes it (``config.json``, ``preprocessor_config.json``, weights), or
            ``hf:owner/name`` to fetch it from the hub.
        device: where it runs.

    Raises:
        InputError: the folder is absent or holds no such network, or the network's depth has no unit.
        MissingExtra: transformers is not installed.
    """
    local = not model.startswith(HUB)
    if local and not Path(model, "config.json").exists():
        raise _bad(
            model, "a folder with config.json", "none", f"Name a model's folder, or {HUB}owner/name to fetch it."
        )
    try:
        import transformers  # ty: ignore[import-not-found]  # an extra
    except ImportError:
        raise MissingExtra("transformers", "depth", "depth from single pictures") from None
    name = model.removeprefix(HUB)
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(name, local_files_only=local)
        network = transformers.AutoModelForDepthEstimation.from_pretrained(name, local_files_only=local)
    except (OSError, ValueError) as error:
        found = str(error).strip().splitlines()[0]
        raise _bad(
            model, "a depth estimation network", found, "Take one of the library's, with its weights."
        ) from error
    if getattr(network.config, "depth_estimation_type", "metric") != "metric":
        raise _bad(model, "metric depth", "relative depth, without a unit", "Take the metric network of its family.")
    network = network.to(device).eval()

    def depth(image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        size = [image.shape[:2]]
        inputs = processor(images=image, return_tensors="pt").to(device)
        with torch.no_grad():
            outputs = network(**inputs)
        # ZoeDepth's processor pads, and must be told the size before.
        takes = inspect.signature(processor.post_process_depth_estimation).parameters
        sizes = {key: size for key in ("source_sizes", "target_sizes") if key in takes}
        (found,) = processor.post_process_depth_estimation(outputs, **sizes)
        return found["predicted_depth"].float().cpu().numpy()

    return depth


def depth_model_name(model: str) -> str:
    """What tells a network from others: its name on the hub, or the SHA-256 of its files."""
    if model.startswith(HUB):
        return model
    files = sorted(path for path in Path(model).iterdir() if path.is_file())
    return hashlib.sha256("".join(f"{path.name} {digest(path)}\n" for path in files).encode()).hexdigest()


def _bad(model: str, expected: str, found: str, remedy: str) -> InputError:
    return InputError(file=model, field="depth model", expected=expected, found=found, remedy=remedy)
