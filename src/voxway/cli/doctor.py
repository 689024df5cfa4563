"""Say whether this installation works: versions, devices, optional packages, and a tiny network that trains a step.

examples:
  voxway doctor
"""

from __future__ import annotations

from dataclasses import dataclass

EXTRAS = {
    "embreex": ("world", "synthetic streets"),
    "cv2": ("stereo", "proposals from stereo pairs"),
    "onnxruntime": ("export", "ONNX files"),
    "tensorboard": ("tensorboard", "event files"),
    "transformers": ("depth", "depth from single images"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check the installation."""


def run(options: Options) -> int:
    """Print the findings; 1 if something needed is broken."""
    import importlib
    import platform
    from importlib.metadata import PackageNotFoundError, version

    print(f"voxway {version('voxway')}, Python {platform.python_version()}, {platform.platform()}")
    broken = 0
    for package in ("torch", "torchvision", "timm", "numpy", "safetensors", "einops", "jaxtyping", "pillow"):
        try:
            importlib.import_module({"pillow": "PIL"}.get(package, package))
            print(f"  {package:<14} {version(package)}")
        except (ImportError, RuntimeError, PackageNotFoundError) as error:
            broken = 1
            hint = "; torch and torchvision must be of one release" if package in ("torchvision", "timm") else ""
            print(f"  {package:<14} BROKEN: {error}{hint}")
    for module, (extra, purpose) in EXTRAS.items():
        try:
            importlib.import_module(module)
            print(f"  {module:<14} present ({purpose})")
        except ImportError:
            print(f"  {module:<14} absent ({purpose}): pip install 'voxway[{extra}]'")
    return broken or _try_network()


def _try_network() -> int:
    import torch

    from voxway.core.grid import VoxelGrid
    from voxway.core.task import Task
    from voxway.methods.monoocc import MonoOccConfig

    devices = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    grid = VoxelGrid(lower=(0.0, -3.2, -2.0), cell=(0.4, 0.4, 0.4), shape=(16, 16, 8))
    task = Task(name="doctor", grid=grid, classes=("free", "ground", "wall"), free=0)
    config = MonoOccConfig(
        task=task, plane=(16, 16), width=16, heads=2, points=2, hidden=16, backbone="resnet18", norm="group",
        frozen_stages=-1,
    )  # fmt: skip
    for device in devices:
        name = torch.cuda.get_device_name(device) if device != "cpu" else f"{torch.get_num_threads()} threads"
        head = config.build().to(device).head
        scores = head(torch.randn(8, 8, 4, 16, device=device))
        scores.square().mean().backward()
        print(f"  {device:<14} {name}: computes {'correctly' if torch.isfinite(scores).all() else 'NaN'}")
    return 0
