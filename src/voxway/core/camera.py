"""Cameras: n pinhole cameras, and the pixel transform that resizing, cropping and flipping left behind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from voxway.core.pixels import ResizeRule, scale_pixels
from voxway.core.transforms import invert, is_rigid, transform_points


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """Pinhole cameras with any leading batch axes.

    Pixels are (u right, v down), with the centres of pixels at whole numbers: an image of w columns spans -0.5 to
    w - 0.5. `resize`, `crop`, `flip` and drawing obey that; `visible` draws its line at 0 and w, as published code
    does. Projections are right for the image that the network sees, after any resize, crop or flip.

    Attributes:
        K: intrinsics of the original image, float64.
        T_cam_ego: ego to camera, metres, float64.
        size_px: (height, width) of the image that the network sees.
        T_image: pixel transform from the original image to that one, float64.
    """

    K: Float[Tensor, "*b n 3 3"]
    T_cam_ego: Float[Tensor, "*b n 4 4"]
    size_px: Int[Tensor, "*b n 2"]
    T_image: Float[Tensor, "*b n 3 3"]

    @classmethod
    def pinhole(
        cls, K: Float[Tensor, "*b n 3 3"], T_cam_ego: Float[Tensor, "*b n 4 4"], size_px: Int[Tensor, "*b n 2"]
    ) -> Cameras:
        """Cameras whose images are still as recorded.

        Raises:
            ValueError: a matrix is not finite, a focal length is not positive, or a rotation is not orthogonal.
        """
        K, T_cam_ego = K.double(), T_cam_ego.double()
        if not torch.isfinite(K).all() or (K[..., [0, 1], [0, 1]] <= 0).any():
            raise ValueError(f"intrinsics need finite entries and positive focal lengths, got {K.tolist()}")
        for transform in T_cam_ego.reshape(-1, 4, 4):
            if not is_rigid(transform):
                raise ValueError(f"T_cam_ego is not a rigid transform (orthogonal rotation): {transform.tolist()}")
        return cls(K=K, T_cam_ego=T_cam_ego, size_px=size_px.long(), T_image=torch.eye(3).double().expand_as(K).clone())

    @classmethod
    def from_projection(
        cls, P: Float[Tensor, "n 3 4"], T_rect_ego: Float[Tensor, "n 4 4"], size_px: Int[Tensor, "n 2"]
    ) -> Cameras:
        """Cameras from KITTI projections: the fourth column of P folds into `T_cam_ego` as ``K^-1 P[:, 3]``."""
        K = P[..., :3].double()
        T_cam_rect = torch.eye(4).double().repeat(*K.shape[:-2], 1, 1)
        T_cam_rect[..., :3, 3] = torch.linalg.solve(K, P[..., 3:].double())[..., 0]
        return cls.pinhole(K, T_cam_rect @ T_rect_ego.double(), size_px)

    @property
    def count(self) -> int:
        """Number of cameras n."""
        return self.K.shape[-3]

    @property
    def projection(self) -> Float[Tensor, "*b n 3 4"]:
        """Ego metres to homogeneous pixels of the image that the network sees, float64."""
        return self.T_image @ self.K @ self.T_cam_ego[..., :3, :]

    def project(self, points: Float[Tensor, "*b p 3"]) -> tuple[Float[Tensor, "*b n p 2"], Float[Tensor, "*b n p"]]:
        """Project ego points (metres) into every camera, in the precision of the points.

        Returns:
            pixels (u, v), and depths (metres along the optical axis); where the depth is not positive, pixels are
            meaningless.
        """
        homogeneous = torch.cat([points, torch.ones_like(points[..., :1])], -1)
        image = homogeneous[..., None, :, :] @ self.projection.to(points).transpose(-1, -2)
        depth = image[..., 2]
        return image[..., :2] / depth.clamp(min=1e-5)[..., None], depth

    def visible(self, pixels: Float[Tensor, "*b n p 2"], depth: Float[Tensor, "*b n p"]) -> Bool[Tensor, "*b n p"]:
        """Whether projected points lie in front of the camera, and strictly between 0 and width or height."""
        scaled = pixels / self.size_px.to(pixels).flip(-1)[..., None, :]
        return (depth > 1e-5) & ((scaled > 0) & (scaled < 1)).all(-1)

    def unproject(self, pixels: Float[Tensor, "*b n p 2"], depth: Float[Tensor, "*b n p"]) -> Float[Tensor, "*b n p 3"]:
        """Ego points (metres) at the given pixels and depths (metres along the optical axis)."""
        image = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1) * depth[..., None]
        inverse = torch.linalg.inv(self.T_image @ self.K).to(pixels)
        return transform_points(invert(self.T_cam_ego).to(pixels), image @ inverse.transpose(-1, -2))

    def transform_image(self, T: Float[Tensor, "3 3"], size_px: tuple[int, int]) -> Cameras:
        """Cameras after the pixels moved by `T` onto an image of (height, width) `size_px`."""
        size = torch.tensor(size_px, device=self.size_px.device).expand_as(self.size_px).clone()
        return replace(self, T_image=T.to(self.T_image) @ self.T_image, size_px=size)

    def resize(self, size_px: tuple[int, int], rule: ResizeRule = "centres") -> Cameras:
        """Cameras after every image was resized to (height, width); all images must have one size before.

        Args:
            size_px: the new size.
            rule: where pixels go; "published" leaves out the half pixel between a pixel's corner and its centre.
        """
        height, width = (int(v) for v in self.size_px.reshape(-1, 2)[0])
        return self.transform_image(scale_pixels(size_px[1] / width, size_px[0] / height, rule), size_px)

    def crop(self, top: int, left: int, size_px: tuple[int, int]) -> Cameras:
        """Cameras after a crop whose corner was pixel (left, top)."""
        shift = torch.eye(3).double()
        shift[0, 2], shift[1, 2] = -left, -top
        return self.transform_image(shift, size_px)

    def flip(self) -> Cameras:
        """Cameras after every image was mirrored left to right; all images must have one size."""
        height, width = (int(v) for v in self.size_px.reshape(-1, 2)[0])
        mirror = torch.tensor([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]).double()
        return self.transform_image(mirror, (height, width))

    def move_ego(self, T_new_ego: Float[Tensor, "4 4"]) -> Cameras:
        """Cameras after the ego frame moved, turned or was mirrored: points given in the new frame project as before.

        Args:
            T_new_ego: ego to new ego frame, metres; mirrored frames (training augmentation) need not be rigid.
        """
        return replace(self, T_cam_ego=self.T_cam_ego @ torch.linalg.inv(T_new_ego.to(self.T_cam_ego)))

    def to(self, device: torch.device | str) -> Cameras:
        """The same cameras on another device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})

    def __getitem__(self, item: int | slice) -> Cameras:
        """Select along the first axis: a sample of a batch, or cameras of a sample."""
        return replace(self, **{name: getattr(self, name)[item] for name in self.__dataclass_fields__})

    @classmethod
    def stack(cls, cameras: list[Cameras]) -> Cameras:
        """Stack the cameras of several samples along a new first axis; counts must agree."""
        names = cls.__dataclass_fields__
        return cls(**{name: torch.stack([getattr(one, name) for one in cameras]) for name in names})
