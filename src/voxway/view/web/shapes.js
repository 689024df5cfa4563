// Shapes: lines and triangles drawn beside the voxels, as flat lists of x, y, z, red, green, blue, alpha (0..1).

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.trim().slice(at, at + 2), 16));
const vertex = (position, colour, alpha = 1) => [...position, ...colour.map((c) => c / 255), alpha];

/** Lines every ten metres over the floor of the grid, and its border. */
function groundLines({ lower, upper }, colour) {
  const lines = [];
  for (const axis of [0, 1]) {
    const other = 1 - axis;
    const stops = [lower[axis], upper[axis]];
    for (let at = Math.ceil(lower[axis] / 10) * 10; at <= upper[axis]; at += 10) stops.push(at);
    stops.forEach((at, order) => {
      for (const end of [lower[other], upper[other]]) {
        const position = axis === 0 ? [at, end, lower[2]] : [end, at, lower[2]];
        lines.push(...vertex(position, colour, order < 2 ? 1 : 0.55));
      }
    });
  }
  return lines;
}

/** The edges of one voxel, in both pictures. */
function voxelLines({ lower, cell }, voxel) {
  const lines = [];
  for (let corner = 0; corner < 8; corner++) {
    for (let axis = 0; axis < 3; axis++) {
      if (corner & (1 << axis)) continue;
      for (const end of [corner, corner | (1 << axis)]) {
        const position = voxel.map((v, a) => lower[a] + (v + (end & (1 << a) ? 1.04 : -0.04)) * cell[a]);
        lines.push(...vertex(position, [255, 60, 40]));
      }
    }
  }
  return lines;
}

/** A folded arrow at the origin, pointing forward: where the vehicle stands. */
function egoArrow() {
  const tip = [2.6, 0, 0.3], fold = [-1.1, 0, 1.1];
  const facet = (y, colour) => [tip, fold, [-2, y, 0.3]].flatMap((position) => vertex(position, colour));
  return [...facet(1.5, [255, 255, 255]), ...facet(-1.5, [24, 30, 42])];
}
