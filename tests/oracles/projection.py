"""Slow obvious twin of OccLE's scatter-accumulated projection."""

import torch


def accumulate(q, free, pixels, depth, mode):
    """Voxel by voxel: {cell: (sums of the classes but free, sum of occupied, voxels)}.

    Args:
        q: (v, k) probabilities.
        free: the class of free space.
        pixels: the cell of every voxel, None where no image shows it.
        depth: of every voxel.
        mode: "sum" or "visible".
    """
    found = {}
    for cell in set(pixels) - {None}:
        own = sorted((float(depth[j]), j) for j, other in enumerate(pixels) if other == cell)
        light, sums, occupied = 1.0, 0.0, 0.0
        for _, j in own:
            classes = torch.cat([q[j, :free], q[j, free + 1 :]])
            sums = sums + (light if mode == "visible" else 1.0) * classes
            occupied = occupied + 1 - q[j, free]
            light = light * q[j, free]
        found[cell] = (sums, occupied, len(own))
    return found
