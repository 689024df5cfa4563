"""The synthetic world: procedural streets, sensors that look at them, and genuine benchmark files of what they see.

Streets (`street`) know no sensor, sensors (`camera`, `lidar`, `rig*`) no street, and only the writers (`semantickitti`,
`nuscenes`, `waymo`) know a file layout.
"""

from voxway.world.config import WorldConfig
from voxway.world.config_nuscenes import NuScenesWorldConfig, nuscenes_world
from voxway.world.config_waymo import WaymoWorldConfig, waymo_world
from voxway.world.generate import generate

__all__ = ["NuScenesWorldConfig", "WaymoWorldConfig", "WorldConfig", "generate", "nuscenes_world", "waymo_world"]
