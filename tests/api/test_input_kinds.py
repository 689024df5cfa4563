"""What a program hands over is judged by the same functions as files: units, axes, depth of pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from voxway.api.inputs import cloud, plain_sample
from voxway.api.rig import Rig
from voxway.core.errors import InputError
from voxway.core.sample import Sample
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI

K = np.array([[70.0, 0, 60], [0, 70, 20], [0, 0, 1]])
POSE = np.array([[0.0, 0, 1, 1.5], [-1, 0, 0, 0], [0, -1, 0, 1.6], [0, 0, 0, 1]])
"""A camera that looks ahead."""
PICTURE = Image.fromarray(np.zeros((40, 120, 3), np.uint8))
POINTS = np.random.default_rng(0).uniform((-40, -15, -2, 0), (40, 15, 2, 1), (3000, 4))


def sample(K: np.ndarray = K, T: np.ndarray = POSE, picture: object = PICTURE, **more: object) -> Sample:
    """One moment of a car with one camera."""
    return plain_sample(SEMANTIC_KITTI.grid, picture, Rig.of(K, T), **more)


def test_a_sound_moment_is_taken() -> None:
    turned = np.eye(4)
    turned[:3, 3] = 5000, -300, 12
    made = sample(points=POINTS, pose=turned)
    assert made.points is not None and made.pose is not None
    assert made.points.shape == (3000, 4)
    np.testing.assert_array_equal(made.pose.numpy(), turned)
    below = POSE.copy()
    below[:3, :3] = POSE[:3, :3] @ np.array([[1.0, 0, 0], [0, 0.7071068, 0.7071068], [0, -0.7071068, 0.7071068]])
    assert sample(T=below).cameras is not None  # one that looks down at the road by 45 degrees


CASES: dict[str, tuple[Callable[[], object], str]] = {
    "pose in millimetres": (lambda: sample(T=np.diag([1, 1, 1, 1.0]) @ POSE + far(1500)), r"poses\[0\]: .*offset"),
    "pose inverted": (lambda: sample(T=np.linalg.inv(POSE)), r"poses\[0\]: .*inverted"),
    "pose of the car's axes": (lambda: sample(T=np.eye(4)), r"poses\[0\]: .*x ahead, z up"),
    "pose transposed": (lambda: sample(T=POSE.T), r"poses\[0\]: expected a last row"),
    "K transposed": (lambda: sample(K=K.T), r"intrinsics\[0\]: .*transposed"),
    "K in millimetres": (lambda: sample(K=K * [[0.05], [0.05], [1]] + center(57, 19)), "focal length"),
    "points in millimetres": (lambda: cloud(POINTS * 1000, 3), "points: values: .*within 500 m"),
    "points in a camera's axes": (lambda: cloud(POINTS[:, [1, 2, 0]], 3), "points: values: expected z upwards"),
    "points that are zeros": (lambda: cloud(np.zeros((50, 4)), 3), "points: values: .*within 0 m"),
    "a car on its side": (lambda: sample(pose=np.eye(4)[[0, 2, 1, 3]] * [[1], [-1], [1], [1]]), "pose: T_world_ego"),
    "a pose of another shape": (lambda: sample(pose=np.eye(3)), "pose: T_world_ego: expected a 4 x 4 matrix"),
    "a pose of texts": (lambda: sample(pose="here"), "pose: T_world_ego: expected a 4 x 4 matrix"),
    "a picture of 16 bits": (lambda: sample(picture=PICTURE.convert("I")), "image 0: picture: .*16 bits"),
    "a picture of floats": (lambda: sample(picture=np.zeros((40, 120, 3))), "image 0: shape: .*float64"),
}


def far(metres: float) -> np.ndarray:
    """An offset along x."""
    offset = np.zeros((4, 4))
    offset[0, 3] = metres
    return offset


def center(u: float, v: float) -> np.ndarray:
    """What puts the principal point back into the middle."""
    return np.array([[0, 0, u], [0, 0, v], [0, 0, 0]])


@pytest.mark.parametrize("name", CASES)
def test_others_are_refused(name: str) -> None:
    make, message = CASES[name]
    with pytest.raises(InputError, match=message):
        make()
