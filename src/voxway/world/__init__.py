"""The synthetic world: procedural streets, sensors that look at them, and genuine benchmark files of what they see.

Streets (`street`) know no sensor, sensors (`camera`, `lidar`, `rig`) no street, and only the writers (`semantickitti`)
know a file layout.
"""

from voxway.world.config import WorldConfig
from voxway.world.generate import generate

__all__ = ["WorldConfig", "generate"]
