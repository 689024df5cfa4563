"""voxway: 3D semantic occupancy prediction for driving. One install, no compiler, CPU or GPU."""

__version__ = "0.1.0"
