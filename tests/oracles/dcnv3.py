"""Slow obvious twin of `voxway.ops.dcnv3`."""

import math

import torch


def dcnv3_loops(value, offset, mask, offset_scale=1.0):
    """One tap at a time, in plain Python, on a map that is really padded."""
    batch, height, width, channels = value.shape
    groups = mask.shape[3]
    split = value.unflatten(-1, (groups, -1))
    out = torch.zeros_like(split)

    def pixel(b, row, column, g):
        inside = 0 <= row < height and 0 <= column < width
        return split[b, row, column, g] if inside else torch.zeros(channels // groups, dtype=value.dtype)

    for b in range(batch):
        for i in range(height):
            for j in range(width):
                for g in range(groups):
                    for gx in (-1, 0, 1):
                        for gy in (-1, 0, 1):
                            p = 3 * (gx + 1) + gy + 1
                            dx, dy = (float(v) for v in offset[b, i, j, g, p])
                            x, y = j + offset_scale * (gx + dx), i + offset_scale * (gy + dy)
                            for row in (math.floor(y), math.floor(y) + 1):
                                for column in (math.floor(x), math.floor(x) + 1):
                                    share = (1 - abs(x - column)) * (1 - abs(y - row))
                                    out[b, i, j, g] += mask[b, i, j, g, p] * share * pixel(b, row, column, g)
    return out.flatten(3)
