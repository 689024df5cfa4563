"""The synthetic world: procedural streets, sensors that look at them, and genuine benchmark files of what they see.

Rooms point one way: `shapes` of things; `street`, where they stand and move; `sensors` that look at it; `layouts`, a
folder for each benchmark whose files are written; `generate`, which knows of layouts only what `layouts.layout` says.
"""

from voxway.world.generate import generate

__all__ = ["generate"]
