"""Say whether this installation works: versions, devices, optional packages, and known values computed on each device.

examples:
  voxway doctor
"""

from __future__ import annotations

from dataclasses import dataclass

EXTRAS = {
    "embreex": ("world", "synthetic streets"),
    "cv2": ("stereo", "proposals from stereo pairs"),
    "onnxruntime": ("export", "ONNX files"),
    "mcap_protobuf": ("formats", "files that Foxglove plays"),
    "rerun": ("formats", "files that Rerun plays"),
    "rosbags": ("bags", "recordings of ROS"),
    "kiss_icp": ("poses", "poses from scans alone"),
    "tensorboard": ("tensorboard", "event files"),
    "transformers": ("foundation", "depth and pseudo-labels by foundation networks"),
    "ray": ("cluster", "files made by many machines"),
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
    return broken or _compute()


def _compute() -> int:
    """Compute on every device what is known beforehand."""
    import torch

    wrong = 0
    for device in ("cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))):
        name = torch.cuda.get_device_name(device) if device != "cpu" else f"{torch.get_num_threads()} threads"
        found = [what for what, right in known_values(device).items() if not right]
        wrong |= bool(found)
        print(f"  {device:<14} {name}: {'WRONG: ' + ', '.join(found) if found else 'computes known values correctly'}")
    return int(wrong)


def known_values(device: str) -> dict[str, bool]:
    """Whether a device finds what can be worked out by hand, for each kind of operation that networks consist of."""
    import torch
    import torch.nn.functional as F

    def near(found: torch.Tensor, expected: list) -> bool:
        return torch.allclose(found.detach().cpu(), torch.tensor(expected, dtype=found.dtype), atol=1e-4)

    ones = torch.ones(1, 1, 3, 3, device=device)
    ramp = torch.arange(4.0, device=device).view(1, 1, 2, 2)
    matrix = torch.tensor([[1.0, 2], [3, 4]], device=device)
    weight = torch.full((1, 1, 3, 3), 2.0, device=device, requires_grad=True)
    convolved = F.conv2d(ones, weight, padding=1)
    convolved.sum().backward()
    assert weight.grad is not None
    sums = torch.zeros(2, device=device).index_add(
        0, torch.tensor([1, 0, 1], device=device), torch.arange(3.0, device=device)
    )
    return {
        "matrix product": near(matrix @ matrix, [[7, 10], [15, 22]]),
        "convolution": near(convolved[0, 0], [[8, 12, 8], [12, 18, 12], [8, 12, 8]]),
        "its gradient": near(weight.grad[0, 0], [[4, 6, 4], [6, 9, 6], [4, 6, 4]]),
        "bilinear sampling": near(
            F.grid_sample(ramp, torch.zeros(1, 1, 1, 2, device=device), align_corners=False), [[[[1.5]]]]
        ),
        "scattered sums": near(sums, [1, 2]),
        "softmax": near(torch.zeros(4, device=device).softmax(0), [0.25] * 4),
    }
