"""How voxel truth is made: votes, lines of sight, coarser scales, and the rules of the benchmarks that publish it."""
