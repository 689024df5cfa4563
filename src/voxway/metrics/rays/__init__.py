"""RayIoU: classes and distances that rays of a LiDAR meet in truth and prediction.

H. Liu et al., Fully Sparse 3D Occupancy Prediction, ECCV 2024. Rays go from where the LiDAR stands in the key frames of
a drive, through the voxels until the first that is not free. No mask is used.
"""
