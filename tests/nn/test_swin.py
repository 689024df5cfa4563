"""Swin against timm's network where the two agree, and against a plain twin where maps are no whole windows."""

from __future__ import annotations

import pytest
import timm
import torch
import torch.nn.functional as F

from voxway.nn.swin import SwinBlock, SwinPyramid, Variant, from_windows, regions_apart, to_windows

SMALL = Variant(channels=32, depths=(2, 2, 2, 2), heads=2, window=4)
NAMES = {
    "patch.": "patch_embed.proj.", "patch_norm.": "patch_embed.norm.", "stages.": "layers_",
    "merge.": "downsample.reduction.",
    "merge_norm.": "downsample.norm.", "attention_norm.": "norm1.", "mlp_norm.": "norm2.", "attention.qkv": "attn.qkv",
    "attention.output": "attn.proj", "attention.position_bias": "attn.relative_position_bias_table",
    "expand.": "mlp.fc1.", "contract.": "mlp.fc2.",
}  # fmt: skip


def interleaved(channels):
    """Where timm's merged channels (pixel by pixel, columns first) stand in ours (channel by channel, rows first)."""
    ours = torch.arange(4 * channels).view(channels, 2, 2)
    return ours.permute(2, 1, 0).flatten()


@torch.no_grad()
def test_equals_timm_on_whole_windows():
    torch.manual_seed(0)
    ours = SwinPyramid(SMALL, (4, 8, 16, 32)).eval()
    for parameter in ours.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    theirs = timm.create_model(
        "swin_tiny_patch4_window7_224",
        pretrained=False,
        features_only=True,
        out_indices=(0, 1, 2, 3),
        img_size=(256, 256),
        embed_dim=32,
        depths=SMALL.depths,
        num_heads=(2, 4, 8, 16),
        window_size=4,
    ).eval()
    state = {}
    for name, tensor in ours.state_dict().items():
        if name.startswith("norms."):
            continue
        translated = name
        for mine, timms in NAMES.items():
            translated = translated.replace(mine, timms)
        if "merge" in name:
            tensor = tensor[..., interleaved(tensor.shape[-1] // 4)]
        state[translated] = tensor
    theirs.load_state_dict(state)
    images = torch.randn(1, 3, 256, 256)
    for i, (mine, their) in enumerate(zip(ours(images), theirs(images))):
        normed = ours.norms[str(i)](their).permute(0, 3, 1, 2)
        torch.testing.assert_close(mine, normed, atol=2e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("shifted", [False, True])
def test_attention_on_a_padded_map(shifted):
    """Window by window in plain Python: pad, shift, attend among tokens of one region."""
    torch.manual_seed(0)
    block = SwinBlock(8, 2, 4, shifted).eval()
    torch.nn.init.normal_(block.attention.position_bias)
    x = torch.randn(1, 6, 9, 8)
    padded = F.pad(x, (0, 0, 0, 3, 0, 2))
    shift = 2 if shifted else 0
    query, key, value = block.attention.qkv(padded)[0].split(8, -1)
    out = torch.zeros(8, 12, 8)
    for top in range(0, 8, 4):
        for left in range(0, 12, 4):
            cells = [((top + i + shift) % 8, (left + j + shift) % 12, i, j) for i in range(4) for j in range(4)]
            wraps = [(top + i + shift >= 8, left + j + shift >= 12) for i in range(4) for j in range(4)]
            for (y, x0, i, j), region in zip(cells, wraps):
                for head in range(2):
                    part = slice(4 * head, 4 * head + 4)
                    scores = []
                    for (y2, x2, i2, j2), other in zip(cells, wraps):
                        bias = block.attention.position_bias[(i - i2 + 3) * 7 + j - j2 + 3, head]
                        score = (query[y, x0, part] @ key[y2, x2, part]) / 2 + bias
                        scores.append(score - 100.0 * (region != other))
                    weights = torch.stack(scores).softmax(0)
                    out[y, x0, part] = sum(w * value[y2, x2, part] for w, (y2, x2, _, _) in zip(weights, cells))
    expected = block.attention.output(out[:6, :9])[None]
    torch.testing.assert_close(block.attend(x), expected, atol=1e-5, rtol=1e-5)


def test_windows_there_and_back():
    x = torch.randn(2, 8, 12, 5)
    windows = to_windows(x, 4)
    assert torch.equal(windows[1, 4, 6], x[1, 5, 6]) and torch.equal(from_windows(windows, (8, 12)), x)
    assert not regions_apart((8, 12), 4, 2)[0].any() and regions_apart((8, 12), 4, 2)[-1].any()


def test_any_size_and_gradients():
    network = SwinPyramid(SMALL, (16, 32))
    maps = network(torch.randn(1, 3, 50, 70))
    assert [tuple(m.shape) for m in maps] == [(1, 128, 4, 5), (1, 256, 2, 3)]
    sum((m * torch.randn_like(m)).sum() for m in maps).backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]


def test_unknown_level():
    with pytest.raises(ValueError, match=r"reductions \[4, 8, 16, 32\], not \(64,\)"):
        SwinPyramid(SMALL, (64,))
