"""Triton's kernels against the plain forms: interpreted on a CPU, compiled for GPUs, and on one where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses import FakeTensorMode

import voxway.ops.triton_use
from tests.ops import test_dcnv3, test_deform_attn, test_selective_scan
from tests.ops.triton_worker import run
from tests.oracles.dcnv3 import dcnv3_loops
from tests.oracles.deform_attn import deformable_attention_loops
from tests.oracles.selective_scan import selective_scan_sequential
from voxway.ops.triton_use import use_triton

Case = tuple[str, tuple[Any, ...], torch.Tensor]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}


def attention(dtype: torch.dtype = torch.float32, **sizes: Any) -> Case:
    """Positions up to 2.5 pixels outside the map, every seventh column exactly on a pixel."""
    value, size, x, y, weights = test_deform_attn.inputs(dtype=dtype, **sizes)
    x.view(-1)[::7] = x.view(-1)[::7].round()
    return "attention", (value, size, x, y, weights), torch.randn(len(x), x.shape[1] * value.shape[-1], dtype=dtype)


def convolution(scale: float, dtype: torch.dtype = torch.float32, **sizes: Any) -> Case:
    value, offset, mask = (t.to(dtype) for t in test_dcnv3.inputs(**sizes))
    return "dcnv3", (value, offset, mask, scale), torch.randn(value.shape).to(dtype)


def scan(length: int, chunk: int | None = None, dtype: torch.dtype = torch.float32, **sizes: Any) -> Case:
    """All arguments; the output and the last state in one."""
    tensors = test_selective_scan.inputs(length, dtype=dtype, **sizes)
    samples, _, channels = tensors[0].shape
    grad_out = torch.randn(samples, channels * (length + tensors[2].shape[1]))
    return "scan", (*tensors, True, chunk), grad_out.to(torch.promote_types(dtype, torch.float32))


def rough_scan() -> Case:
    _, arguments, grad_out = scan(21, chunk=8)
    rough = (0, 1, 3, 4, 6)
    moved = [a.bfloat16() if i in rough else a for i, a in enumerate(arguments)]
    return "scan", tuple(moved), grad_out


def with_rough_values() -> Case:
    _, (value, *rest), grad_out = attention()
    return "attention", (value.bfloat16(), *rest), grad_out


def far_away() -> Case:
    _, (value, size, x, y, weights), grad_out = attention()
    x[0, 0, 0], x[0, 1, 1], y[1, 0, 0] = -1e9, 1e30, float("inf")
    return "attention", (value, size, x, y, weights), grad_out


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    torch.manual_seed(0)
    return {
        "small": attention(),
        "odd": attention(queries=101, heads=3, channels=5, points=5, size=(7, 3)),
        "several blocks": attention(queries=70, heads=2, channels=16, points=2, size=(2, 9)),
        "one channel": attention(queries=3, heads=1, channels=1, points=1, size=(2, 2)),
        "no query": attention(queries=0),
        "float64": attention(dtype=torch.float64),
        "bfloat16 values": with_rough_values(),
        "all bfloat16": tuple(_rough(attention(size=(3, 4)))),
        "far away": far_away(),
        "convolution": convolution(1.0),
        "convolution, spread": convolution(2.0, size=(3, 7), groups=3),
        "convolution, one row": convolution(2.0, size=(1, 3)),
        "convolution, float64": convolution(2.0, torch.float64),
        "convolution, bfloat16": convolution(1.0, torch.bfloat16),
        "scan": scan(21, chunk=8),
        "scan, one chunk": scan(6, channels=3, states=5),
        "scan, one position": scan(1, samples=1, channels=1, states=1),
        "scan, groups": scan(23, chunk=5, groups=3),
        "scan, several tiles": scan(7, chunk=3, samples=1, channels=70, states=3),
        "scan, float64": scan(21, chunk=8, dtype=torch.float64),
        "scan, bfloat16": rough_scan(),
    }  # ty: ignore[invalid-return-type]


def _rough(case: Case) -> Case:
    operator, arguments, grad_out = case
    moved = tuple(a.bfloat16() if isinstance(a, torch.Tensor) else a for a in arguments)
    return operator, moved, grad_out.bfloat16()


NAMES = [
    "small",
    "odd",
    "several blocks",
    "one channel",
    "no query",
    "float64",
    "bfloat16 values",
    "all bfloat16",
    "far away",
    "convolution",
    "convolution, spread",
    "convolution, one row",
    "convolution, float64",
    "convolution, bfloat16",
    "scan",
    "scan, one chunk",
    "scan, one position",
    "scan, groups",
    "scan, several tiles",
    "scan, float64",
    "scan, bfloat16",
]


def worker(folder: Path, cases: dict[str, Case], *device: str, **environment: str) -> dict[str, Any]:
    """Results of the kernels, computed by a process of its own."""
    torch.save(cases, folder / "cases.pt")
    script = Path(__file__).with_name("triton_worker.py")
    environment = os.environ | {"TRITON_CACHE_DIR": str(folder / "cache")} | environment
    command = [sys.executable, str(script), str(folder / "cases.pt"), str(folder / "results.pt"), *device]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return torch.load(folder / "results.pt")


@pytest.fixture(scope="module")
def interpreted(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pytest.importorskip("triton")
    return worker(tmp_path_factory.mktemp("triton"), cases, TRITON_INTERPRET="1")


def compare(case: Case, found: Any) -> None:
    """Values and gradients as those of the plain form; of bfloat16 arguments, as those of the same in float32."""
    operator, arguments, grad_out = case
    tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
    tolerance = max(TOLERANCE[t.dtype] for t in tensors)
    exact = [a.float() if isinstance(a, torch.Tensor) and a.dtype == torch.bfloat16 else a for a in arguments]
    out, grads = run(operator, exact, grad_out.to(torch.promote_types(grad_out.dtype, torch.float32)))
    assert found[0].dtype == grad_out.dtype
    torch.testing.assert_close(found[0].to(out.dtype), out, atol=tolerance, rtol=tolerance)
    for tensor, mine, plain in zip(tensors, found[1], grads):
        assert mine.dtype == tensor.dtype
        scale = float(plain.abs().max()) if plain.numel() else 1.0
        torch.testing.assert_close(mine.to(plain.dtype), plain, atol=tolerance * max(scale, 1), rtol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_interpreted_kernels_equal_the_plain_form(name: str, cases: dict[str, Case], interpreted: Any) -> None:
    assert list(cases) == NAMES
    compare(cases[name], interpreted[name])


def test_interpreted_kernels_equal_the_loops(cases: dict[str, Case], interpreted: Any) -> None:
    for name, twin in (("odd", deformable_attention_loops), ("convolution, spread", dcnv3_loops)):
        torch.testing.assert_close(interpreted[name][0], twin(*cases[name][1]), atol=1e-5, rtol=1e-5)
    y, last = selective_scan_sequential(*cases["scan, groups"][1][:-1])
    expected = torch.cat([y.flatten(1), last.flatten(1)], 1)
    torch.testing.assert_close(interpreted["scan, groups"][0], expected, atol=1e-5, rtol=1e-5)


def test_not_a_number_reads_nothing_outside(tmp_path: Path) -> None:
    pytest.importorskip("triton")
    operator, (value, size, x, y, weights), grad_out = attention()
    x[0, 0, 0] = float("nan")
    out, grads = worker(tmp_path, {"nan": (operator, (value, size, x, y, weights), grad_out)}, TRITON_INTERPRET="1")[
        "nan"
    ]
    assert out[0, :4].isnan().all() and not out[0, 4:].isnan().any() and not out[1:].isnan().any()
    assert not grads[1][1:].isnan().any()


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from voxway.ops import triton_attention, triton_scan_kernels

def check(kernel, fixed, kinds):
    fixed = {name: value for name, value in fixed.items() if name in kernel.arg_names}
    kinds = kinds | dict.fromkeys(fixed, "constexpr")
    signature = {name: kinds.get(name, "*fp32") for name in kernel.arg_names}
    for capability in (80, 90):
        source = ASTSource(fn=kernel, signature=signature, constexprs=fixed)
        assert triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]

digits = {"DIGITS": triton.language.float32}
kinds = dict.fromkeys(("rows", "points", "heads", "height", "width"), "i32") | {"value": "*bf16"}
for kernel in (triton_attention._sum_kernel, triton_attention._gradient_kernel):
    check(kernel, {"CHANNELS": 16, "WIDE": 16, "BLOCK": 64} | digits, kinds)
whole = ("length", "chunk", "chunks", "groups", "channels", "first", "rows", "size", "states")
kinds = dict.fromkeys(whole, "i32") | dict.fromkeys(("u", "B", "C"), "*bf16")
for name in ("ends", "reverse_ends", "carry", "outputs", "gradient"):
    fixed = {"STATES": 16, "WIDE": 16, "BLOCK": 32, "REVERSE": True} | digits
    check(getattr(triton_scan_kernels, f"{name}_kernel"), fixed, kinds)
print("compiled")
"""


def test_kernels_compile_for_gpus(tmp_path: Path) -> None:
    triton = pytest.importorskip("triton")
    if "nvidia" not in triton.backends.backends:
        pytest.skip("this Triton does not compile for NVIDIA's GPUs")
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "TRITON_INTERPRET": "0"}
    command = [sys.executable, "-c", COMPILE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == "compiled", done.stderr


def test_used_on_gpus_only_and_never_required(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not use_triton(torch.zeros(1))
    capability = [(8, 0)]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability[0])
    monkeypatch.setattr(voxway.ops.triton_use, "_installed", lambda: True)
    with FakeTensorMode():
        tensor = torch.empty(1, device="cuda")
        assert use_triton(tensor)
        capability[0] = (7, 5)
        assert not use_triton(tensor)
        capability[0] = (9, 0)
        torch.use_deterministic_algorithms(True)
        try:
            assert not use_triton(tensor)
        finally:
            torch.use_deterministic_algorithms(False)
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
        assert not use_triton(tensor)
        monkeypatch.undo()
    voxway.ops.triton_use._installed.cache_clear()
    monkeypatch.setattr(voxway.ops.triton_use, "find_spec", lambda name: None)
    assert not voxway.ops.triton_use._installed()
    voxway.ops.triton_use._installed.cache_clear()


@pytest.mark.gpu
def test_gpu_equals_the_plain_form(cases: dict[str, Case], tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    pytest.importorskip("triton")
    found = worker(tmp_path, cases, "cuda")
    for name, case in cases.items():
        compare(case, found[name])
