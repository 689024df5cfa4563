"""A rig of one's own: one file that names cameras, LiDARs and where their recordings lie, read as one more dataset."""
