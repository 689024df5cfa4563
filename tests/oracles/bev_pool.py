"""Slow obvious twins of `voxway.ops.bev_pool`."""

import torch


def cell_of(point, grid):
    """Row and column of one point (metres), or None; positions are truncated, as the published code does."""
    cell = [int((p - low) / size) for p, low, size in zip(point.tolist(), grid.lower, grid.cell)]
    inside = all(0 <= c < n for c, n in zip(cell, grid.shape))
    return (cell[1], cell[0]) if inside else None


def pool_loops(depth, context, points, grid):
    """Point by point."""
    samples, _, channels = context.shape[:3]
    out = torch.zeros(samples, channels, grid.shape[1], grid.shape[0], dtype=context.dtype)
    for b, n, d, h, w in torch.cartesian_prod(*(torch.arange(k) for k in depth.shape)).tolist():
        cell = cell_of(points[b, n, d, h, w], grid)
        if cell is not None:
            out[b, :, cell[0], cell[1]] += depth[b, n, d, h, w] * context[b, n, :, h, w]
    return out
