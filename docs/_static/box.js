// The network in the box on one picture: pixels and calibration in, voxels out, drawn on a canvas that turns.
const FILES = new URL("box/", import.meta.url);
const [ROWS, COLUMNS] = [256, 480];
const byId = (name) => document.getElementById(`box-${name}`);
const say = (text) => { byId("said").textContent = text; };

/** The picture at the network's size, its bottom kept, and the pixel transform that does it. */
function resized(image) {
  const scale = COLUMNS / image.width, rows = Math.floor(image.height * scale), top = rows - ROWS;
  const context = byId("picture").getContext("2d", { willReadFrequently: true });
  context.fillStyle = "black";
  context.fillRect(0, 0, COLUMNS, ROWS);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, -top, COLUMNS, rows);
  const pixels = context.getImageData(0, 0, COLUMNS, ROWS).data, planes = new Uint8Array(3 * ROWS * COLUMNS);
  for (let i = 0; i < ROWS * COLUMNS; i++)
    for (let c = 0; c < 3; c++) planes[c * ROWS * COLUMNS + i] = pixels[4 * i + c];
  return { planes, T_image: [scale, 0, 0, 0, scale, -top, 0, 0, 1] };
}

/** What is assumed of the camera: level, looking ahead, its axis in the picture's middle. */
function calibration(image, fov_deg, height_m) {
  const focal = image.width / 2 / Math.tan((fov_deg * Math.PI) / 360);
  return {
    K: [focal, 0, (image.width - 1) / 2, 0, focal, (image.height - 1) / 2, 0, 0, 1],
    T_cam_ego: [0, -1, 0, 0, 0, 0, -1, height_m, 1, 0, 0, 0, 0, 0, 0, 1],
  };
}

/** Class of every voxel (x, y, z), and how long that took. */
async function predict({ ort, session, task }, image, fov_deg, height_m) {
  const { planes, T_image } = resized(image), { K, T_cam_ego } = calibration(image, fov_deg, height_m);
  const [nx, ny, nz] = task.shape, floats = (values, shape) => new ort.Tensor("float32", Float32Array.from(values), shape);
  const given = {
    images: new ort.Tensor("uint8", planes, [1, 1, 3, ROWS, COLUMNS]),
    shown: floats([1], [1, 1]),
    counts: floats(new Float32Array(nx * ny * nz), [1, nz, ny, nx]),
    K: floats(K, [1, 1, 3, 3]),
    T_cam_ego: floats(T_cam_ego, [1, 1, 4, 4]),
    T_image: floats(T_image, [1, 1, 3, 3]),
  };
  const began = performance.now();
  const { classes } = await session.run(given);
  return { classes: classes.data, seconds: (performance.now() - began) / 1000 };
}

/** Voxels ahead that hold something and have a free neighbour: places in metres, class and height. */
function surface(classes, task, fov_deg) {
  const [nx, ny, nz] = task.shape, found = [], widest = Math.tan((fov_deg * Math.PI) / 360);
  const at = (x, y, z) => classes[(x * ny + y) * nz + z];
  for (let x = 0; x < nx; x++)
    for (let y = 0; y < ny; y++)
      for (let z = 0; z < nz; z++) {
        const kind = at(x, y, z);
        if (kind === task.free) continue;
        const place = [x, y, z].map((cell, axis) => task.lower[axis] + (cell + 0.5) * task.cell[axis]);
        if (place[0] < 0 || Math.abs(place[1]) > place[0] * widest + 1) continue;
        const open = z + 1 >= nz || at(x, y, z + 1) === task.free || x === 0 || at(x - 1, y, z) === task.free
          || y === 0 || at(x, y - 1, z) === task.free || y + 1 >= ny || at(x, y + 1, z) === task.free;
        if (open) found.push({ place, kind });
      }
  return found;
}

/** Draw voxels from behind and above, turned by yaw and pitch, the farthest first. */
function draw(voxels, task, yaw, pitch) {
  const canvas = byId("voxels"), context = canvas.getContext("2d");
  const [sin, cos, down, level] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  context.fillStyle = "#f4f4f4";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const seen = voxels.map(({ place: [x, y, z], kind }) => {
    const ahead = (x - 25) * cos + y * sin, left = -(x - 25) * sin + y * cos;
    return { far: ahead * level - z * down + 55, left, up: ahead * down + z * level, kind, z };
  }).filter((one) => one.far > 3).sort((one, other) => other.far - one.far);
  for (const { far, left, up, kind, z } of seen) {
    const size = 620 / far, side = Math.max(1.2, task.cell[0] * size * 1.25);
    const light = Math.max(0.55, Math.min(1.1, 0.75 + 0.08 * z));
    context.fillStyle = `rgb(${task.palette[kind].map((one) => Math.min(255, one * light)).join()})`;
    context.fillRect(canvas.width / 2 - left * size, canvas.height / 2 + 20 - up * size, side, side);
  }
}

function legend(voxels, task) {
  const there = [...new Set(voxels.map(({ kind }) => kind))].sort((one, other) => one - other);
  byId("legend").innerHTML = there.map((kind) =>
    `<span style="color:rgb(${task.palette[kind].join()})">&#9632;</span> ${task.classes[kind]}`).join(" &nbsp; ");
}

async function load() {
  const task = await (await fetch(new URL("task.json", FILES))).json();
  const ort = await import(new URL("ort.wasm.min.mjs", FILES));
  ort.env.wasm.wasmPaths = FILES.href;
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(new URL("box.onnx", FILES).href, { executionProviders: ["wasm"] });
  return { ort, session, task };
}

function turnable(show) {
  const canvas = byId("voxels"), view = { yaw: 0, pitch: 0.5, from: null };
  canvas.onpointerdown = (event) => { view.from = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); };
  canvas.onpointerup = () => { view.from = null; };
  canvas.onpointermove = (event) => {
    if (!view.from) return;
    view.yaw += (event.clientX - view.from[0]) * 0.006;
    view.pitch = Math.max(0.05, Math.min(1.5, view.pitch + (event.clientY - view.from[1]) * 0.006));
    view.from = [event.clientX, event.clientY];
    show(view);
  };
  return view;
}

async function main() {
  let network;
  try {
    network = await load();
  } catch (error) {
    say(`This copy of the site lacks the network's files, or your browser cannot run them (${error.message}).`);
    return;
  }
  let voxels = [];
  const view = turnable((now) => draw(voxels, network.task, now.yaw, now.pitch));
  const look = async (file) => {
    say("Looking.");
    await new Promise((done) => setTimeout(done, 30));
    try {
      const image = await createImageBitmap(file), [fov, height] = ["fov", "height"].map((name) => Number(byId(name).value));
      const { classes, seconds } = await predict(network, image, fov, height);
      voxels = surface(classes, network.task, fov);
      draw(voxels, network.task, view.yaw, view.pitch);
      legend(voxels, network.task);
      say(`${voxels.length} voxels in sight, in ${seconds.toFixed(1)} s.`);
    } catch (error) {
      say(`That did not work: ${error.message}. Choose a picture (JPEG or PNG).`);
    }
  };
  say("Choose a picture, or drop one here.");
  byId("file").onchange = (event) => { if (event.target.files.length) look(event.target.files[0]); };
  byId("page").ondragover = (event) => event.preventDefault();
  byId("page").ondrop = (event) => { event.preventDefault(); if (event.dataTransfer.files.length) look(event.dataTransfer.files[0]); };
  const named = new URLSearchParams(location.search).get("picture");
  if (named) look(await (await fetch(new URL(named, location.href))).blob());
}

main();
