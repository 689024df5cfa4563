// Page: what is shown, and what the controls do. `content` is written by voxway/view/page.py.

const content = JSON.parse(document.getElementById("content").textContent);
const { grid, classes, colours, free, frames } = content;
const [, ny, nz] = grid.shape;

const VERDICTS = [
  { name: "right", colour: [150, 176, 160] },
  { name: "wrong class", colour: [240, 170, 50] },
  { name: "missed", colour: [52, 120, 235] },
  { name: "invented", colour: [226, 62, 72] },
  { name: "truth unknown", colour: [176, 182, 190] },
];
const RAMPS = {
  height: {
    stops: [[46, 48, 110], [40, 104, 150], [52, 156, 140], [130, 200, 100], [244, 222, 80], [236, 120, 60]],
    ends: [`${grid.lower[2]} m`, `${grid.upper[2]} m`],
    rows: Math.min(nz, 256),
  },
  confidence: {
    stops: [[150, 28, 84], [222, 84, 62], [244, 190, 84], [112, 186, 148], [14, 112, 124]],
    ends: ["0 %, a guess", "100 %, sure"],
    rows: 101,
  },
  rays: {
    stops: [[196, 40, 40], [240, 190, 60], [38, 132, 82]],
    ends: ["no ray right", "all rays right; grey: no ray ends"],
    rows: 101,
  },
};
const NO_RAY = 255, GREY = [196, 199, 205];

const element = (id) => document.getElementById(id);
const sides = [...document.querySelectorAll(".view")]
  .filter((view) => frames.some((frame) => frame[view.dataset.side]))
  .map((view) => ({ name: view.dataset.side, view, canvas: view.querySelector("canvas") }));
const orbit = new Orbit(grid.lower, grid.upper);
const unpacked = new Map();

const state = {
  frame: 0,
  volumes: {},
  mode: "classes",
  hidden: { classes: new Set(), differences: new Set() },
  knownOnly: false,
  least: 0,
  lines: true,
  marked: null,
  kept: false,
  playing: null,
};

// ---------------------------------------------------------------- frames

/** The volumes of a frame and the prediction's confidence (percent), unpacked once and kept while there is room. */
function volumesOf(number) {
  if (!unpacked.has(number)) {
    if (unpacked.size > 12) unpacked.delete(unpacked.keys().next().value);
    const names = [...sides.map(({ name }) => name), "confidence", "rays-prediction", "rays-truth"];
    const parts = names.map(async (name) => [name, frames[number][name] && (await unpackVolume(part(number, name)))]);
    unpacked.set(number, Promise.all(parts).then(Object.fromEntries));
  }
  return unpacked.get(number);
}

/** Rows of the legend that are switched off: verdicts in one mode, classes in all others. */
const hiddenRows = () => state.hidden[state.mode === "differences" ? "differences" : "classes"];

const part = (number, name) => element(`frame-${number}-${name}`).textContent;

async function showFrame(number) {
  state.frame = Math.min(Math.max(number, 0), frames.length - 1);
  const wanted = state.frame;
  const volumes = await volumesOf(wanted);
  if (wanted !== state.frame) return;
  state.volumes = volumes;
  const { key, note, image, agreement } = frames[wanted];
  element("slider").value = wanted;
  element("slider").setAttribute("aria-valuetext", key);
  element("frame-name").value = frames.length > 1 ? `${key} · ${wanted + 1} of ${frames.length}` : key;
  element("frame-note").textContent = note;
  element("frame-note").hidden = !note;
  element("previous").disabled = wanted === 0;
  element("next").disabled = wanted === frames.length - 1;
  element("image").hidden = !image;
  if (image) Object.assign(element("image"), { src: `data:${image};base64,${part(wanted, "image")}`, alt: `Camera image of ${key}` });
  showAgreement(agreement);
  for (const mode of document.querySelectorAll("#modes input")) {
    const needed = { differences: volumes.prediction && volumes.truth, confidence: volumes.confidence, rays: volumes["rays-truth"] };
    mode.disabled = mode.value in needed && !needed[mode.value];
    if (mode.disabled && mode.checked) setMode("classes");
  }
  repaint();
  if (wanted + 1 < frames.length) volumesOf(wanted + 1);
}

function play() {
  const playing = state.playing === null;
  const step = async () => {
    await showFrame((state.frame + 1) % frames.length);
    if (state.playing !== null) state.playing = setTimeout(step, 500);
  };
  clearTimeout(state.playing);
  state.playing = playing ? setTimeout(step, 0) : null;
  element("play").setAttribute("aria-pressed", playing);
  element("play").textContent = playing ? "Pause" : "Play";
}

// ---------------------------------------------------------------- voxels

/** The ramp of colours of one side in the present mode, if any; a truth has no confidence and keeps its classes' colours. */
const rampFor = (name) => (state.mode === "confidence" && name === "truth" ? undefined : RAMPS[state.mode]);

/** Colour rows of one side in the present mode. */
function colourRows(name) {
  if (state.mode === "differences") return VERDICTS.map((v) => v.colour);
  if (!rampFor(name)) return colours;
  const { stops, rows } = rampFor(name);
  const ramp = Array.from({ length: rows }, (_, row) => {
    const at = (row / Math.max(rows - 1, 1)) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2);
    return stops[low].map((c, i) => Math.round(c + (stops[low + 1][i] - c) * (at - low)));
  });
  return state.mode === "rays" ? [...ramp, GREY] : ramp;
}

/** Paint both volumes anew, count what they hold, and draw. */
function repaint() {
  const { prediction, truth, confidence } = state.volumes;
  const hidden = hiddenRows();
  const counts = {};
  for (const side of sides) {
    const own = state.volumes[side.name];
    const tally = (counts[side.name] = new Array(state.mode === "differences" ? VERDICTS.length : classes.length).fill(0));
    side.view.hidden = !own;
    if (!own) continue;
    const sure = side.name === "prediction" ? confidence : null;
    const met = state.volumes[`rays-${side.name}`];
    const colourOf = (id, flat, z) => {
      if (sure && sure[flat] < state.least) return -1;
      if (state.knownOnly && truth && truth[flat] === UNKNOWN) return -1;
      const row = state.mode === "differences" ? verdict(prediction[flat], truth[flat], free) : id;
      tally[row]++;
      if (hidden.has(row)) return -1;
      if (state.mode === "confidence" && sure) return sure[flat];
      if (state.mode === "rays" && met) return met[flat] === NO_RAY ? RAMPS.rays.rows : met[flat];
      return state.mode === "height" ? z : row;
    };
    side.scene.show(paint(own, grid.shape, free, colourOf), colourRows(side.name));
    const total = tally.reduce((sum, n) => sum + n, 0);
    side.view.querySelector(".count").textContent = `${total.toLocaleString("en")} voxels`;
  }
  showLegend(counts);
  showCurves(state.mode === "rays" ? frames[state.frame].curves : null);
  readOut();
  redraw();
}

// At rest everything is drawn twice as fine as the page shows it, which smooths edges. While things move, a slow
// machine draws as coarse as it must to keep up.
const RESOLUTIONS = [2, 1, 0.6];
const pace = { level: 0, moving: false, settled: null };

/** Draw soon, as part of a movement that goes on until nothing has called for a moment. */
function redrawMoving() {
  pace.moving = true;
  clearTimeout(pace.settled);
  pace.settled = setTimeout(() => {
    pace.moving = false;
    redraw();
  }, 160);
  redraw();
}

let drawing = false;
function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const start = performance.now();
    draw(RESOLUTIONS[pace.moving ? pace.level : 0]);
    const took = performance.now() - start;
    if (pace.moving && took > 34) pace.level = Math.min(pace.level + 1, RESOLUTIONS.length - 1);
    if (pace.moving && took < 7) pace.level = Math.max(pace.level - 1, 0);
  });
}

function draw(resolution) {
  const style = getComputedStyle(document.documentElement);
  const background = rgb(style.getPropertyValue("--canvas")), line = rgb(style.getPropertyValue("--line"));
  const { marked } = state;
  const shapes = {
    lines: state.lines ? groundLines(grid, line) : [],
    triangles: egoArrow(),
    outline: marked ? voxelLines(grid, marked) : [],
  };
  for (const { scene, view } of sides) {
    if (view.hidden) continue;
    if (orbit.fitted && orbit.aspect !== scene.aspect) {
      orbit.aspect = scene.aspect;
      orbit.view(orbit.yaw, orbit.pitch);
    }
    scene.draw(orbit, resolution, { background, marked, ...shapes });
    view.querySelector(".axes").innerHTML = axisHint();
  }
  document.documentElement.dataset.shown = `${state.frame} ${state.mode}`;
}

// ---------------------------------------------------------------- controls

function setMode(mode) {
  state.mode = mode;
  document.querySelector(`#modes input[value="${mode}"]`).checked = true;
}

function setView(yaw, pitch) {
  orbit.view(yaw, pitch);
  redraw();
}
const resetView = () => setView(0, -0.62);
const topView = () => setView(0, -Math.PI / 2);

/** Pointers on one canvas: one turns (with shift or the right button: moves), two move and zoom. */
function listen({ canvas, scene }) {
  const pointers = new Map();
  let travelled = 0;
  const voxelUnder = (event) => {
    const box = canvas.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * 2 - 1, downward = ((event.clientY - box.top) / box.height) * 2 - 1;
    return scene.voxelAt(orbit, across, downward);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (!state.kept) mark(voxelUnder(event), false);
      return;
    }
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    travelled += Math.abs(dx) + Math.abs(dy);
    if (pointers.size === 2) {
      const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const span = (x, y) => Math.hypot(x - other[0], y - other[1]) + 1;
      orbit.zoom(span(...before) / span(event.clientX, event.clientY));
      orbit.pan(dx / 2, dy / 2, canvas.clientHeight);
    } else if (event.shiftKey || event.buttons & 6) {
      orbit.pan(dx, dy, canvas.clientHeight);
    } else {
      orbit.turn(dx, dy);
    }
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    redrawMoving();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (travelled < 4 && event.button === 0) {
      const voxel = voxelUnder(event);
      mark(voxel, voxel !== null);
    }
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => state.kept || mark(null, false));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    orbit.zoom(Math.exp(event.deltaY * (event.deltaMode === 1 ? 0.03 : 0.0012)));
    redrawMoving();
  }, { passive: false });
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => {
    scene.setup();
    repaint();
  });
  new ResizeObserver(redraw).observe(canvas);
}

const KEYS = {
  ArrowLeft: () => showFrame(state.frame - 1),
  ArrowRight: () => showFrame(state.frame + 1),
  " ": () => frames.length > 1 && play(),
  r: resetView,
  t: topView,
  Escape: () => mark(null, false),
};

function connect() {
  element("frames").classList.toggle("single", frames.length < 2);
  for (const id of ["previous", "play", "next", "slider"]) element(id).hidden = frames.length < 2;
  element("known").closest("label").hidden = sides.length < 2;
  const judged = frames.some((frame) => frame.confidence);
  for (const control of [element("least"), document.querySelector("#modes [value=confidence]")]) control.closest("label").hidden = !judged;
  document.querySelector("#modes [value=rays]").closest("label").hidden = !frames.some((frame) => frame.curves);
  element("least").addEventListener("input", ({ target }) => {
    state.least = Number(target.value);
    element("least-value").value = `${state.least} %`;
    repaint();
  });
  element("slider").addEventListener("input", (event) => showFrame(Number(event.target.value)));
  element("previous").addEventListener("click", () => showFrame(state.frame - 1));
  element("next").addEventListener("click", () => showFrame(state.frame + 1));
  element("play").addEventListener("click", play);
  element("reset").addEventListener("click", resetView);
  element("top").addEventListener("click", topView);
  element("lines").addEventListener("change", (event) => {
    state.lines = event.target.checked;
    redraw();
  });
  element("known").addEventListener("change", (event) => {
    state.knownOnly = event.target.checked;
    repaint();
  });
  element("modes").addEventListener("change", (event) => {
    setMode(event.target.value);
    repaint();
  });
  element("legend").addEventListener("change", ({ target }) => {
    hiddenRows()[target.checked ? "delete" : "add"](Number(target.dataset.row));
    repaint();
  });
  for (const [id, hide] of [["all", false], ["none", true]]) {
    element(id).addEventListener("click", () => {
      hiddenRows().clear();
      if (hide) (state.mode === "differences" ? VERDICTS : classes).forEach((_, row) => hiddenRows().add(row));
      repaint();
    });
  }
  document.addEventListener("keydown", (event) => {
    const own = event.key === " " ? "input, button" : event.key.startsWith("Arrow") ? "[type=radio], [type=range]" : "";
    if ((own && event.target.matches?.(own)) || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function begin() {
  for (const view of document.querySelectorAll(".view")) view.hidden = !sides.some((side) => side.view === view);
  try {
    if (typeof DecompressionStream === "undefined") throw new Error("no DecompressionStream");
    for (const side of sides) side.scene = new Scene(side.canvas, { ...grid, ...content.shading });
  } catch (error) {
    element("trouble").textContent =
      `The voxels cannot be drawn: this browser offers ${error.message}. ` +
      "Use a current Firefox, Chrome, Edge or Safari with hardware acceleration switched on.";
    element("trouble").hidden = false;
    element("stage").inert = true;
    return;
  }
  sides.forEach(listen);
  connect();
  showFrame(0);
}

begin();
