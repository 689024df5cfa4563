"""Synthetic worlds in SemanticKITTI's layout."""

from voxway.world.layouts.semantickitti.config import WorldConfig, semantickitti_world

__all__ = ["WorldConfig", "semantickitti_world"]
