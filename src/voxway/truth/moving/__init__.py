"""What moves, told from what stands by LiDAR scans and poses alone: where it is now, nothing was before or after.

Read in this order: `settings`, `evidence` (what one scan proves), `counters` (what many do), `decision`, `clusters`,
`ground`; `ego_body` and `deskew` come before all of them.
"""
