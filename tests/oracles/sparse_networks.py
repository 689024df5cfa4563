"""Dense twins of OccLE's sparse networks: whole volumes, cleared after every layer where there is no site."""

import torch
import torch.nn.functional as F


def halved(mask):
    """Sites after a strided convolution: wherever its kernel meets one."""
    return F.max_pool3d(mask, 3, 2, 1)


def layer(conv, x, mask, how="same"):
    """A `SparseConvNorm` in evaluation on a volume (1, c, x, y, z); `mask` tells the sites of what comes out."""
    weight = conv.weight
    if how == "up":
        slack = [m - (2 * n - 1) for n, m in zip(x.shape[2:], mask.shape[2:])]
        y = F.conv_transpose3d(x, weight.permute(3, 4, 0, 1, 2), stride=2, padding=1, output_padding=slack)
    else:
        y = F.conv3d(x, weight.permute(4, 3, 0, 1, 2), stride=2 if how == "down" else 1, padding=1)
    norm = conv.norm
    y = F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0, norm.eps)
    return (y.relu() if conv.relu else y) * mask


def block(pair, x, mask):
    """A `SparseBlock`."""
    return (layer(pair.second, layer(pair.first, x, mask), mask) + x).relu() * mask


def ends(conv, x, mask):
    """A `RowGroupConv`: the norm of each site by itself."""
    y = F.conv3d(x, conv.weight.permute(4, 3, 0, 1, 2), conv.bias, padding=1)
    rows = y[0].flatten(1).T
    return F.group_norm(rows, conv.norm.num_groups, conv.norm.weight, conv.norm.bias).relu().T.view_as(y) * mask


def encode(network, x, mask):
    """A `SparseEncoder`."""
    x = ends(network.enter, x, mask)
    for i, blocks in enumerate(network.blocks):
        if i:
            mask = halved(mask)
            x = layer(network.down[i - 1], x, mask, "down")
        for pair in blocks:
            x = block(pair, x, mask)
    return ends(network.leave, x, mask)


def unet(network, x, mask):
    """A `SparseUNet`: what it gives for the finest resolution, and for the one below."""
    masks, found = [mask], [layer(network.first, layer(network.enter, x, mask), mask)]
    for down, layers in zip(network.down, network.level):
        masks.append(halved(masks[-1]))
        y = layer(down, found[-1], masks[-1], "down")
        for conv in layers:
            y = layer(conv, y, masks[-1])
        found.append(y)
    x, made = found[-1], []
    for i in reversed(range(len(found))):
        rise, own = network.up[i], found[i]
        both = torch.cat([x, block(rise.lateral, own, masks[i])], 1)
        pairs = both[:, ::2] + both[:, 1::2]
        merged = layer(rise.merge, both, masks[i]) + pairs
        x = layer(rise.leave, merged, masks[i - 1] if i else masks[0], "up" if i else "same")
        made.append(x)
    return made[-1], made[-3]
