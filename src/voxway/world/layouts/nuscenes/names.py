"""Names in nuScenes' layout: tokens, time stamps and file names of a scene, all functions of seed and time."""

from __future__ import annotations

from hashlib import md5

from voxway.world.layouts.nuscenes.plan import NuScenesPlan
from voxway.world.layouts.nuscenes.rig import DELAY

_BEGINNING_US = 1_530_000_000_000_000
"""Time stamps begin in 2018, as the dataset's do ..."""
_APART_US = 1_000_000_000
"""... and scenes follow each other every so many microseconds."""


class SceneNames:
    """What the parts of one scene are called.

    Args:
        config: the world.
        name: which of its scenes.
    """

    def __init__(self, config: NuScenesPlan, name: str) -> None:
        self._config, self._name = config, name
        self._log = f"n000-2018-06-26-00-00-00+0000-{name.removeprefix('scene-')}"

    @property
    def log(self) -> str:
        """The log file's name, with which file names begin."""
        return self._log

    def token(self, *what: str | int) -> str:
        """32 hexadecimal digits for a thing of this scene."""
        return token(self._config.seed, self._name, *what)

    def lidar_token(self, turn: int) -> str:
        """32 hexadecimal digits for a LiDAR turn's sample_data."""
        return self.token("LIDAR_TOP", turn)

    def time_us(self, turn: int, delay: float = 0.0) -> int:
        """Time stamp (microseconds) of a LiDAR turn, or of a picture taken `delay` seconds later."""
        number = int(self._name.removeprefix("scene-"))
        return _BEGINNING_US + number * _APART_US + round((self._config.time(turn) + delay) * 1e6)

    def turns(self, key: int) -> range:
        """LiDAR turns after the key frame before, up to and with this one's."""
        own = key * self._config.sweeps_per_key
        return range(own - self._config.sweeps_per_key + 1 if key else 0, own + 1)

    def picture(self, key: int, channel: str) -> str:
        """File of a key frame's picture by a camera, relative to the root."""
        time = self.time_us(key * self._config.sweeps_per_key, DELAY[channel])
        return f"samples/{channel}/{self._log}__{channel}__{time}.jpg"

    def scan(self, turn: int) -> str:
        """File of a LiDAR turn, relative to the root."""
        folder = "sweeps" if turn % self._config.sweeps_per_key else "samples"
        return f"{folder}/LIDAR_TOP/{self._log}__LIDAR_TOP__{self.time_us(turn)}.pcd.bin"

    def occ3d(self, key: int) -> str:
        """File of a key frame's Occ3D labels, relative to the root."""
        return f"gts/{self._name}/{self.token('sample', key)}/labels.npz"

    def openoccupancy(self, key: int) -> str:
        """File of a key frame's OpenOccupancy labels, relative to the root."""
        lidar = self.lidar_token(key * self._config.sweeps_per_key)
        return f"nuScenes-Occupancy-v0.1/scene_{self.token('scene')}/occupancy/{lidar}.npy"

    def surroundocc(self, key: int) -> str:
        """File of a key frame's SurroundOcc labels, relative to the root."""
        scan = self.scan(key * self._config.sweeps_per_key)
        return f"surroundocc/samples/{scan.rpartition('/')[2]}.npy"


def token(*what: str | int) -> str:
    """32 hexadecimal digits that stand for a thing."""
    return md5("/".join(map(str, what)).encode(), usedforsecurity=False).hexdigest()
