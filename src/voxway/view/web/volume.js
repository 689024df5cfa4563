// Volume: from packed bytes to painted voxels, to faces that a GPU can draw, and rays that find a voxel again.
// A volume is a Uint8Array of class ids in C order (x, y, z). A painting is padded by one empty voxel on every side,
// so that neighbours need no bounds check: 0 is not drawn, n is drawn in colour n - 1.

const UNKNOWN = 255;
const RIGHT = 0, WRONG = 1, MISSED = 2, INVENTED = 3, UNJUDGED = 4;

/** Bytes behind base64 text: plain, or compressed by zlib. */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

async function unpackVolume(base64) {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** How voxel ids of `own` compare with `truth`; `side` says whether `own` is the prediction or the truth itself. */
function verdict(prediction, truth, free) {
  if (truth === UNKNOWN) return UNJUDGED;
  const claimed = prediction !== free && prediction !== UNKNOWN;
  if (truth === free) return claimed ? INVENTED : RIGHT;
  if (!claimed) return MISSED;
  return prediction === truth ? RIGHT : WRONG;
}

/**
 * Paint a volume.
 * `colourOf(id, flatIndex, z)` gives the colour of an occupied voxel, or -1 to leave it out.
 */
function paint(volume, shape, free, colourOf) {
  const [nx, ny, nz] = shape;
  const painting = new Uint8Array((nx + 2) * (ny + 2) * (nz + 2));
  let flat = 0;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = ((x + 1) * (ny + 2) + y + 1) * (nz + 2) + 1;
      for (let z = 0; z < nz; z++, flat++) {
        const id = volume[flat];
        if (id !== free && id !== UNKNOWN) painting[row + z] = 1 + colourOf(id, flat, z);
      }
    }
  }
  return painting;
}

/**
 * Faces between painted and empty voxels, sorted by direction; `ends[d]` is the number of faces up to direction d.
 * A face is two words: x 12 bits, y 12 bits, z 8 bits; direction 3 bits, colour 8 bits, light at four corners 2 bits each.
 * Both are repeated for its four corners, which a GPU tells apart by their number.
 */
function facesOf(painting, shape) {
  const [nx, ny, nz] = shape;
  const strides = [(ny + 2) * (nz + 2), nz + 2, 1];
  const voxels = [];
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = ((x + 1) * (ny + 2) + y + 1) * (nz + 2) + 1;
      for (let z = 0; z < nz; z++) {
        if (painting[row + z] !== 0) voxels.push(row + z, x | (y << 12) | (z << 24));
      }
    }
  }
  let corners = new Uint32Array(1 << 18);
  let used = 0;
  const ends = [];
  for (let direction = 0; direction < 6; direction++) {
    const axis = direction >> 1;
    const step = direction & 1 ? strides[axis] : -strides[axis];
    const [first, second] = [strides[(axis + 1) % 3], strides[(axis + 2) % 3]];
    for (let i = 0; i < voxels.length; i += 2) {
      const front = voxels[i] + step;
      if (painting[front] !== 0) continue;
      const light = cornerLight(painting, front, first, second);
      const paint = direction | ((painting[voxels[i]] - 1) << 3) | (light << 11);
      if (used + 8 > corners.length) corners = grown(corners);
      for (let corner = 0; corner < 4; corner++) {
        corners[used++] = voxels[i + 1];
        corners[used++] = paint;
      }
    }
    ends.push(used / 8);
  }
  return { corners: corners.subarray(0, used), ends };
}

function grown(words) {
  const larger = new Uint32Array(words.length * 2);
  larger.set(words);
  return larger;
}

/** Two triangles for each of `count` faces of four corners. */
function triangleIndices(count) {
  const indices = new Uint32Array(6 * count);
  for (let face = 0; face < count; face++) {
    for (let i = 0; i < 6; i++) indices[6 * face + i] = 4 * face + [0, 1, 2, 2, 1, 3][i];
  }
  return indices;
}

/** Open neighbours of the four corners of a face, 0..3 in two bits each; `front` is the empty voxel before it. */
function cornerLight(painting, front, first, second) {
  let packed = 0;
  for (let corner = 0; corner < 4; corner++) {
    const along = corner & 1 ? first : -first;
    const across = corner & 2 ? second : -second;
    const one = painting[front + along] !== 0, two = painting[front + across] !== 0;
    const diagonal = painting[front + along + across] !== 0;
    packed |= (one && two ? 0 : 3 - one - two - diagonal) << (2 * corner);
  }
  return packed;
}

/** The first painted voxel [x, y, z] on a ray (origin and direction in voxels), or null. */
function firstVoxel(painting, shape, origin, direction) {
  let enter = 0, leave = Infinity;
  for (let axis = 0; axis < 3; axis++) {
    const near = -origin[axis] / direction[axis], far = (shape[axis] - origin[axis]) / direction[axis];
    enter = Math.max(enter, Math.min(near, far));
    leave = Math.min(leave, Math.max(near, far));
  }
  if (!(enter < leave)) return null;
  const voxel = [0, 1, 2].map((a) => {
    const index = Math.floor(origin[a] + (enter + 1e-6) * direction[a]);
    return Math.min(Math.max(index, 0), shape[a] - 1);
  });
  const step = direction.map((d) => (d > 0 ? 1 : -1));
  const next = [0, 1, 2].map((a) => (voxel[a] + (step[a] > 0 ? 1 : 0) - origin[a]) / direction[a]);
  while (voxel.every((v, a) => v >= 0 && v < shape[a])) {
    const [x, y, z] = voxel;
    if (painting[((x + 1) * (shape[1] + 2) + y + 1) * (shape[2] + 2) + z + 1] !== 0) return voxel;
    const axis = next[0] < next[1] ? (next[0] < next[2] ? 0 : 2) : next[1] < next[2] ? 1 : 2;
    voxel[axis] += step[axis];
    next[axis] += Math.abs(1 / direction[axis]);
  }
  return null;
}
