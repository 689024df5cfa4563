"""Depth from one picture by a network of the `transformers` library, such as Depth Anything V2 (metric) or ZoeDepth."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from voxway.prepare.foundation import Foundation

DepthModel = Callable[[UInt8[np.ndarray, "h w 3"]], Float32[np.ndarray, "h w"]]
"""From an RGB picture to metres along the optical axis."""


def depth_foundation(model: str, device: torch.device | str = "cpu") -> Foundation:
    """A network that estimates depth: its folder, or ``hf:owner/name`` to fetch it from the hub.

    Raises:
        InputError: the folder is absent.
        MissingExtra: transformers is not installed.
    """
    return Foundation(model=model, what="depth model", purpose="depth from single pictures", device=device)


def load_depth_model(model: Foundation) -> DepthModel:
    """Load a network that estimates metric depth.

    Raises:
        InputError: the folder holds no such network, or the network's depth has no unit.
    """
    expected = "a depth estimation network"
    processor = model.load(model.library.AutoImageProcessor, expected)
    network = model.network(model.library.AutoModelForDepthEstimation, expected)
    if getattr(network.config, "depth_estimation_type", "metric") != "metric":
        remedy = "Take the metric network of its family."
        raise model.error("metric depth", "relative depth, without a unit", remedy)

    def depth(image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        size = [image.shape[:2]]
        inputs = processor(images=image, return_tensors="pt").to(model.device)
        with model.inference():
            outputs = network(**inputs)
        model.require_numbers(outputs.predicted_depth)
        # ZoeDepth's processor pads, and must be told the size before.
        takes = inspect.signature(processor.post_process_depth_estimation).parameters
        sizes = {key: size for key in ("source_sizes", "target_sizes") if key in takes}
        (found,) = processor.post_process_depth_estimation(outputs, **sizes)
        return found["predicted_depth"].float().cpu().numpy()

    return depth
