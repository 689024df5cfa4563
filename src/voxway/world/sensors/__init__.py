"""What looks at a street: cameras and LiDARs, the rays that they cast, and how they are mounted."""
