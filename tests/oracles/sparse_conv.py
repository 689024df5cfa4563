"""Slow obvious twins of `voxway.ops.sparse_conv`: dense convolutions, and the textbook rule book."""

import itertools

import torch
import torch.nn.functional as F


def dense(features, index, shape, samples):
    """Rows of sites written into volumes (b, c, z, y, x)."""
    volume = features.new_zeros(samples, *shape, features.shape[1])
    volume[tuple(index.T)] = features
    return volume.permute(0, 4, 1, 2, 3)


def active(index, shape, samples):
    """Which cells of the volumes (b, 1, z, y, x) hold a site."""
    return dense(torch.ones(len(index), 1), index, shape, samples)


def convolve(volume, weight, kernel, stride, padding):
    """Dense convolution with weights (k, c, d)."""
    dense_weight = weight.unflatten(0, kernel).permute(4, 3, 0, 1, 2)
    return F.conv3d(volume, dense_weight, stride=stride, padding=padding)


def rule_book(index, shape, kernel, stride, padding, submanifold):
    """Output sites in ascending order, and pairs {offset: {(input row, output row)}}, in plain Python."""
    places = {tuple(site): row for row, site in enumerate(index.tolist())}
    out_shape = [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(shape, kernel, stride, padding)]
    offsets = list(itertools.product(*(range(k) for k in kernel)))
    found = {offset: set() for offset in offsets}
    for (sample, *cell), row in places.items():
        for offset in offsets:
            steps = [c + p - k for c, p, k in zip(cell, padding, offset)]
            target = (sample, *(step // s for step, s in zip(steps, stride)))
            fits = all(step % s == 0 for step, s in zip(steps, stride))
            if fits and all(0 <= t < n for t, n in zip(target[1:], out_shape)):
                found[offset].add((row, target))
    sites = sorted(places if submanifold else {target for pairs in found.values() for _, target in pairs})
    rows = {site: row for row, site in enumerate(sites)}
    return sites, [sorted((s, rows[t]) for s, t in found[offset] if t in rows) for offset in offsets]
