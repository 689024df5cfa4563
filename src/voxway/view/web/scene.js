// Scene: one canvas, drawn by WebGL2; and the orbiting camera that all scenes share.

const FACE_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in uvec2 word;
uniform mat4 to_clip;
uniform vec3 lower, cell;
uniform ivec3 marked;
uniform float light[6];
uniform sampler2D colours;
flat out vec4 corner;
flat out vec3 colour;
flat out float mark;
out vec2 place;
void main() {
  ivec3 index = ivec3(word.x & 4095u, (word.x >> 12) & 4095u, word.x >> 24);
  int direction = int(word.y & 7u), axis = direction >> 1;
  place = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1);
  vec3 within;
  within[axis] = float(direction & 1);
  within[(axis + 1) % 3] = place.x;
  within[(axis + 2) % 3] = place.y;
  vec3 position = lower + (vec3(index) + within) * cell;
  uvec4 open = (uvec4(word.y) >> uvec4(11, 13, 15, 17)) & 3u;
  corner = 1.0 - OCCLUSION * (1.0 - vec4(open) / 3.0);
  mark = index == marked ? 1.0 : 0.0;
  colour = texelFetch(colours, ivec2(int((word.y >> 3) & 255u), 0), 0).rgb * light[direction];
  gl_Position = to_clip * vec4(position, 1.0);
}`;

const FACE_FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 corner;
flat in vec3 colour;
flat in float mark;
uniform float resolution;
in vec2 place;
out vec4 result;
void main() {
  vec2 near = mix(corner.xz, corner.yw, place.x);
  float ambient = mix(near.x, near.y, place.y);
  vec2 per_pixel = fwidth(place) * resolution;
  vec2 border = min(place, 1.0 - place) / per_pixel;
  float cell_px = 1.0 / max(per_pixel.x, per_pixel.y);
  float edge = clamp(1.5 - min(border.x, border.y), 0.0, 1.0) * clamp((cell_px - 3.0) / 8.0, 0.0, 1.0);
  vec3 lit = colour * ambient * (1.0 - EDGE * edge);
  result = vec4(mix(lit, vec3(1.0), mark * 0.65), 1.0);
}`;

const PLAIN_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec3 position;
layout(location = 1) in vec4 colour;
uniform mat4 to_clip;
out vec4 tint;
void main() { tint = colour; gl_Position = to_clip * vec4(position, 1.0); }`;

const PLAIN_FRAGMENT = `#version 300 es
precision highp float;
in vec4 tint;
out vec4 result;
void main() { result = vec4(tint.rgb * tint.a, tint.a); }`;

const FIELD = (36 * Math.PI) / 180; // vertical field of view
const minus = (a, b) => a.map((v, i) => v - b[i]);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** A camera that circles a target. Angles in radians, lengths in metres; yaw 0 looks along x. */
class Orbit {
  constructor(lower, upper) {
    this.lower = lower;
    this.upper = upper;
    this.centre = lower.map((low, a) => (low + upper[a]) / 2);
    this.size = Math.hypot(...minus(upper, lower));
    this.aspect = 1.5;
    this.view(0, -0.62);
  }

  /** Look from a given direction at the whole grid, so that it fills the canvas and stands in its middle. */
  view(yaw, pitch) {
    Object.assign(this, { yaw, pitch, target: [...this.centre], fitted: true });
    const { right, down, forward } = this.axes();
    const tall = Math.tan(FIELD / 2) * 0.95, wide = tall * this.aspect;
    // Perspective makes the near side larger, so the middle of the picture is not the middle of the grid: moving the
    // target changes the distance and the other way round, which settles within a few rounds.
    for (let round = 0; round < 6; round++) {
      this.distance = 0;
      const seen = [...Array(8).keys()].map((corner) => {
        const at = this.lower.map((low, a) => (corner & (1 << a) ? this.upper[a] : low) - this.target[a]);
        const [u, v, depth] = [right, down, forward].map((axis) => dot(at, axis));
        this.distance = Math.max(this.distance, Math.abs(u) / wide - depth, Math.abs(v) / tall - depth);
        return [v, depth];
      });
      const slopes = seen.map(([v, depth]) => v / (this.distance + depth));
      const middle = ((Math.min(...slopes) + Math.max(...slopes)) / 2) * this.distance;
      this.target = this.target.map((t, a) => t + down[a] * middle);
    }
  }

  axes() {
    const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    return { right: [sy, -cy, 0], down: [cy * sp, sy * sp, -cp], forward: [cy * cp, sy * cp, sp] };
  }

  get eye() {
    const { forward } = this.axes();
    return this.target.map((t, a) => t - forward[a] * this.distance);
  }

  turn(dx, dy) {
    this.yaw -= dx * 0.006;
    this.pitch = Math.min(Math.max(this.pitch - dy * 0.006, -Math.PI / 2), 0.35);
    this.fitted = false;
  }

  /** Move so that what lies at the target follows the pointer; pixels of a canvas `height` pixels high. */
  pan(dx, dy, height) {
    const { right, down } = this.axes();
    const scale = (2 * Math.tan(FIELD / 2) * this.distance) / height;
    this.target = this.target.map((t, a) => t - (dx * right[a] + dy * down[a]) * scale);
    this.fitted = false;
  }

  zoom(factor) {
    this.distance = Math.min(Math.max(this.distance * factor, this.size * 0.02), this.size * 4);
    this.fitted = false;
  }

  /** Ray through a place of the canvas, -1..1 to the right and down: origin and direction in metres. */
  ray(across, downward, aspect) {
    const { right, down, forward } = this.axes();
    const tall = Math.tan(FIELD / 2);
    const direction = forward.map((f, a) => f + right[a] * across * tall * aspect + down[a] * downward * tall);
    return { origin: this.eye, direction };
  }

  /** Ego metres to clip space, column by column. */
  matrix(aspect) {
    const { right, down, forward } = this.axes();
    const eye = this.eye;
    const near = Math.max(this.distance - this.size * 1.5, this.size * 0.004), far = this.distance + this.size * 2;
    const scale = 1 / Math.tan(FIELD / 2);
    const depth = (far + near) / (far - near), shift = (-2 * far * near) / (far - near);
    const column = (a) => [(right[a] * scale) / aspect, -down[a] * scale, forward[a] * depth, forward[a]];
    const [ex, ey, ez] = [right, down, forward].map((axis) => -dot(axis, eye));
    return new Float32Array(
      [...column(0), ...column(1), ...column(2), (ex * scale) / aspect, -ey * scale, ez * depth + shift, ez],
    );
  }
}

class Scene {
  /** `look` holds lower, cell, shape (of the grid) and light, occlusion, edge (of the shading). */
  constructor(canvas, look) {
    this.canvas = canvas;
    this.look = look;
    this.painting = null;
    this.ends = [];
    this.setup();
  }

  setup() {
    const gl = (this.gl = this.canvas.getContext("webgl2", { antialias: false, alpha: false }));
    if (!gl) throw new Error("no WebGL2");
    const { light, occlusion, edge, lower, cell } = this.look;
    const constants = (source) =>
      source.replaceAll("OCCLUSION", occlusion.toFixed(3)).replaceAll("EDGE", edge.toFixed(3));
    this.faceProgram = linked(gl, constants(FACE_VERTEX), constants(FACE_FRAGMENT));
    this.plainProgram = linked(gl, PLAIN_VERTEX, PLAIN_FRAGMENT);
    gl.useProgram(this.faceProgram);
    gl.uniform1fv(gl.getUniformLocation(this.faceProgram, "light"), light);
    gl.uniform3fv(gl.getUniformLocation(this.faceProgram, "lower"), lower);
    gl.uniform3fv(gl.getUniformLocation(this.faceProgram, "cell"), cell);
    this.faceArray = gl.createVertexArray();
    this.faceBuffer = gl.createBuffer();
    this.indexed = 0;
    gl.bindVertexArray(this.faceArray);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bindBuffer(gl.ARRAY_BUFFER, this.faceBuffer);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribIPointer(0, 2, gl.UNSIGNED_INT, 8, 0);
    this.plainArray = gl.createVertexArray();
    this.plainBuffer = gl.createBuffer();
    gl.bindVertexArray(this.plainArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.plainBuffer);
    for (const [slot, size, offset] of [[0, 3, 0], [1, 4, 12]]) {
      gl.enableVertexAttribArray(slot);
      gl.vertexAttribPointer(slot, size, gl.FLOAT, false, 28, offset);
    }
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Show a painting in the given colours (rows of red, green, blue, 0..255). */
  show(painting, colours) {
    const { gl } = this;
    this.painting = painting;
    const { corners, ends } = facesOf(painting, this.look.shape);
    this.ends = ends;
    gl.bindVertexArray(this.faceArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.faceBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, corners, gl.DYNAMIC_DRAW);
    if (ends[5] > this.indexed) {
      this.indexed = Math.ceil(ends[5] * 1.3);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangleIndices(this.indexed), gl.STATIC_DRAW);
    }
    const table = new Uint8Array(256 * 4);
    colours.forEach((colour, row) => table.set([...colour, 255], 4 * row));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table);
  }

  get aspect() {
    return this.canvas.clientWidth / Math.max(this.canvas.clientHeight, 1);
  }

  /**
   * Draw faces, lines and triangles (see shapes.js); `outline` holds lines that nothing hides.
   * `resolution` counts drawn pixels per pixel of the page and axis.
   */
  draw(orbit, resolution, { background, marked, lines, triangles, outline }) {
    const { gl, canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((v) => Math.max(Math.round(v * resolution), 1));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clearColor(...background.map((v) => v / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const toClip = orbit.matrix(this.aspect);
    gl.useProgram(this.faceProgram);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.faceProgram, "to_clip"), false, toClip);
    gl.uniform1f(gl.getUniformLocation(this.faceProgram, "resolution"), resolution);
    gl.uniform3iv(gl.getUniformLocation(this.faceProgram, "marked"), marked ?? [-1, -1, -1]);
    gl.bindVertexArray(this.faceArray);
    this.drawFaces(orbit.eye);
    gl.useProgram(this.plainProgram);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.plainProgram, "to_clip"), false, toClip);
    gl.bindVertexArray(this.plainArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.plainBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([...lines, ...triangles, ...outline]), gl.STREAM_DRAW);
    gl.drawArrays(gl.LINES, 0, lines.length / 7);
    gl.drawArrays(gl.TRIANGLES, lines.length / 7, triangles.length / 7);
    gl.disable(gl.DEPTH_TEST);
    gl.drawArrays(gl.LINES, (lines.length + triangles.length) / 7, outline.length / 7);
    gl.enable(gl.DEPTH_TEST);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits, so that no work piles up
  }

  /** Draw the directions that can face the eye: from before the grid, nothing that looks away from it is seen. */
  drawFaces(eye) {
    const { gl, look } = this;
    for (let direction = 0; direction < 6; direction++) {
      const axis = direction >> 1;
      const upper = look.lower[axis] + look.cell[axis] * look.shape[axis];
      const start = direction ? this.ends[direction - 1] : 0, count = this.ends[direction] - start;
      if (count && (direction & 1 ? eye[axis] > look.lower[axis] : eye[axis] < upper)) {
        gl.drawElements(gl.TRIANGLES, 6 * count, gl.UNSIGNED_INT, 24 * start);
      }
    }
  }

  /** The voxel shown at a place of the canvas (-1..1 to the right and down), or null. */
  voxelAt(orbit, across, downward) {
    const { origin, direction } = orbit.ray(across, downward, this.aspect);
    const { lower, cell, shape } = this.look;
    const start = origin.map((o, a) => (o - lower[a]) / cell[a]);
    return firstVoxel(this.painting, shape, start, direction.map((d, a) => d / cell[a]));
  }
}

function linked(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`shaders do not link: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
