"""Voxel labels from scans and poses, in passes that are resumed and shared by keys.

(a) `evidence`: what all scans of 2 s prove, counted; (b) `motion`: which returns of each scan move; (c) `labels`: the
voxels around key frames, with their masks. Each pass makes files from files, so that any number of machines may share
it.
"""
