"""nuScenes key frames with Occ3D's or OpenOccupancy's voxels: files, readers, checks."""
