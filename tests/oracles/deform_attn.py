"""Slow obvious twins of `voxway.ops.deform_attn`."""

import math

import torch
import torch.nn.functional as F


def deformable_attention_loops(value, size, x_px, y_px, weights):
    """One sample at a time, in plain Python."""
    height, width = size
    queries, heads, points = x_px.shape
    out = torch.zeros(queries, heads, value.shape[-1], dtype=value.dtype)
    for q in range(queries):
        for h in range(heads):
            for p in range(points):
                x, y = float(x_px[q, h, p]), float(y_px[q, h, p])
                for row in (math.floor(y), math.floor(y) + 1):
                    for col in (math.floor(x), math.floor(x) + 1):
                        if 0 <= row < height and 0 <= col < width:
                            share = (1 - abs(x - col)) * (1 - abs(y - row))
                            out[q, h] += weights[q, h, p] * share * value[row * width + col, h]
    return out.flatten(1)


def deformable_attention_grid_sample(value, size, x_px, y_px, weights):
    """The textbook form with grid_sample; differentiable."""
    height, width = size
    maps = value.permute(1, 2, 0).unflatten(-1, size)
    grid = torch.stack([(x_px + 0.5) / width, (y_px + 0.5) / height], -1).transpose(0, 1) * 2 - 1
    samples = F.grid_sample(maps, grid, align_corners=False)  # heads, c, q, points
    return (samples * weights.transpose(0, 1)[:, None]).sum(-1).permute(2, 0, 1).flatten(1)
