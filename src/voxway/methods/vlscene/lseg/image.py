"""LSeg's image tower: a ViT-L/16 whose features a DPT decoder (ICCV 2021) puts together to a map of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import timm
import torch
import torch.nn.functional as F
from jaxtyping import Float
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn


class Tower(nn.Module):
    """A vision transformer of timm for pictures of any size, read after some of its blocks.

    Args:
        name: of the timm network.
        after: blocks after which it is read.
    """

    def __init__(self, name: str, after: Sequence[int]) -> None:
        super().__init__()
        self.network = cast(VisionTransformer, timm.create_model(name, num_classes=0))
        self.network.norm = nn.Identity()
        self.after = tuple(after)
        self.width: int = self.network.embed_dim

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b t c"]]:
        """Tokens after each of the blocks, the class token first."""
        network = self.network
        patches = network.patch_embed.proj(images)
        x = patches.flatten(2).transpose(1, 2)
        assert network.cls_token is not None
        x = torch.cat([network.cls_token.expand(len(x), -1, -1), x], 1) + self._positions(patches.shape[-2:])
        found = []
        for number, block in enumerate(network.blocks):
            x = block(x)
            if number in self.after:
                found.append(x)
        return found

    def _positions(self, size: Sequence[int]) -> Float[Tensor, "1 t c"]:
        whole = self.network.pos_embed
        assert whole is not None
        first, rest = whole[:, :1], whole[0, 1:]
        side = round(len(rest) ** 0.5)
        plane = rest.view(1, side, side, -1).permute(0, 3, 1, 2)
        plane = F.interpolate(plane, tuple(size), mode="bilinear", align_corners=False)
        return torch.cat([first, plane.flatten(2).transpose(1, 2)], 1)


class Reassemble(nn.Module):
    """Tokens to a map of another width and size; every token knows the class token."""

    def __init__(self, width: int, channels: int, resize: nn.Module) -> None:
        super().__init__()
        self.know = nn.Linear(2 * width, width)
        self.reduce = nn.Conv2d(width, channels, 1)
        self.resize = resize

    def forward(self, tokens: Float[Tensor, "b t c"], size: tuple[int, int]) -> Float[Tensor, "b d h w"]:
        """The map.

        Args:
            tokens: the class token first.
            size: rows and columns of the others.
        """
        rest = tokens[:, 1:]
        known = F.gelu(self.know(torch.cat([rest, tokens[:, :1].expand_as(rest)], -1)))
        return self.resize(self.reduce(known.transpose(1, 2).unflatten(2, size)))


class Refine(nn.Module):
    """x + norm(conv(relu(norm(conv(relu(x))))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.first_norm, self.second_norm = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Features of the same size."""
        return x + self.second_norm(self.second(F.relu(self.first_norm(self.first(F.relu(x))))))


class Join(nn.Module):
    """The coarser map and the refined finer one, refined, enlarged by two and mixed."""

    def __init__(self, width: int, coarsest: bool = False) -> None:
        super().__init__()
        self.refine_new = None if coarsest else Refine(width)
        self.refine = Refine(width)
        self.mix = nn.Conv2d(width, width, 1)

    def forward(
        self, coarse: Float[Tensor, "b c h w"], new: Float[Tensor, "b c h w"] | None = None
    ) -> Float[Tensor, "b c h2 w2"]:
        """Twice the size."""
        if self.refine_new is not None and new is not None:
            coarse = coarse + self.refine_new(new)
        x = F.interpolate(self.refine(coarse), scale_factor=2, mode="bilinear", align_corners=True)
        return self.mix(x)


class ImageTower(nn.Module):
    """Pictures, a multiple of 32 pixels in size, to a map of vectors at half their size."""

    def __init__(
        self,
        name: str = "vit_large_patch16_384",
        after: Sequence[int] = (5, 11, 17, 23),
        channels: tuple[int, int, int, int] = (256, 512, 1024, 1024),
        width: int = 256,
        features: int = 512,
    ) -> None:
        super().__init__()
        self.tower = Tower(name, after)
        resizes = (
            nn.ConvTranspose2d(channels[0], channels[0], 4, stride=4),
            nn.ConvTranspose2d(channels[1], channels[1], 2, stride=2),
            nn.Identity(),
            nn.Conv2d(channels[3], channels[3], 3, stride=2, padding=1),
        )
        self.reassemble = nn.ModuleList(
            Reassemble(self.tower.width, count, resize) for count, resize in zip(channels, resizes)
        )
        self.reduce = nn.ModuleList(nn.Conv2d(count, width, 3, padding=1, bias=False) for count in channels)
        self.join = nn.ModuleList(Join(width, coarsest=level == 3) for level in range(4))
        self.head = nn.Conv2d(width, features, 1)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b f h2 w2"]:
        """A vector for every second pixel along both sides."""
        size = (images.shape[-2] // 16, images.shape[-1] // 16)
        maps = [
            reduce(place(tokens, size))
            for tokens, place, reduce in zip(self.tower(images), self.reassemble, self.reduce, strict=True)
        ]
        joined = self.join[3](maps[3])
        for level in (2, 1, 0):
            joined = self.join[level](joined, maps[level])
        return self.head(joined)
