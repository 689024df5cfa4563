// Legend: everything that is said in words and numbers about the voxels shown.

const cssColour = (colour) => `rgb(${colour.join(" ")})`;
const swatch = (colour) => `<span class="swatch" style="background:${cssColour(colour)}"></span>`;
const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const shortName = { prediction: "pred.", truth: "truth" };

function showLegend(counts) {
  const differences = state.mode === "differences";
  const rows = differences ? VERDICTS : classes.map((name, id) => ({ name, colour: colours[id], id }));
  element("legend-title").textContent = differences ? "Differences" : "Classes";
  const shown = sides.filter(({ view }) => !view.hidden);
  const classColours = shown.some(({ name }) => !rampFor(name));
  const numbers = (row) => shown.map(({ name }) => `<span class="number">${counts[name][row].toLocaleString("en")}</span>`).join("");
  const head = `<div class="row head"><span></span><span></span><span></span>${shown.map(({ name }) => `<span class="number">${shortName[name]}</span>`).join("")}</div>`;
  const entries = rows.map(({ name, colour }, row) => {
    if (!differences && row === free) return "";
    const absent = shown.every((side) => counts[side.name][row] === 0) ? " absent" : "";
    const checked = hiddenRows().has(row) ? "" : "checked";
    const paintOf = classColours ? swatch(colour) : "<span></span>";
    return `<label class="row${absent}"><input type="checkbox" data-row="${row}" ${checked}>${paintOf}<span class="name">${escaped(name).replaceAll("_", "_<wbr>")}</span>${numbers(row)}</label>`;
  });
  const focused = document.activeElement?.dataset?.row;
  element("legend").innerHTML = (state.mode in RAMPS ? rampBar(RAMPS[state.mode]) : "") + head + entries.join("");
  if (focused) element("legend").querySelector(`[data-row="${focused}"]`)?.focus();
}

function rampBar({ stops, ends }) {
  const [low, high] = ends.map((end) => `<span>${end}</span>`);
  return `<div class="ramp" style="background:linear-gradient(90deg, ${stops.map(cssColour).join(", ")})"></div>
    <div class="ramp-ends">${low}${high}</div>`;
}

function readOut() {
  if (!state.marked) {
    element("readout").innerHTML = `<span class="hint">Point at a voxel to read it.</span>`;
    return;
  }
  const [x, y, z] = state.marked;
  const flat = (x * ny + y) * nz + z;
  const metres = state.marked.map((v, a) => `${"xyz"[a]} ${(grid.lower[a] + (v + 0.5) * grid.cell[a]).toFixed(2)} m`);
  const named = (id) => (id === UNKNOWN ? "unknown" : `${id === free ? "" : swatch(colours[id])}${escaped(classes[id])}`);
  const said = sides
    .filter(({ name }) => state.volumes[name])
    .map(({ name }) => `<span>${name} <b>${named(state.volumes[name][flat])}</b>${name === "prediction" ? surety(flat) : ""}${raysOf(name, flat)}</span>`);
  const kept = state.kept ? `<span class="hint">kept, Esc to let go</span>` : "";
  element("readout").innerHTML = `<span>voxel ${x}, ${y}, ${z}</span><span>${metres.join(", ")}</span>${said.join("")}${kept}`;
}

/** Of the rays that end in a voxel of one side, how many are right. */
function raysOf(name, flat) {
  const met = state.mode === "rays" && state.volumes[`rays-${name}`];
  return met && met[flat] !== NO_RAY ? `, ${met[flat]} % of its rays right` : "";
}

/** How sure the prediction is of an occupied voxel. */
function surety(flat) {
  const { prediction, confidence } = state.volumes;
  const occupied = prediction[flat] !== free && prediction[flat] !== UNKNOWN;
  return confidence && occupied ? `, ${confidence[flat]} % sure` : "";
}

function mark(voxel, kept) {
  if (String(voxel) === String(state.marked) && kept === state.kept) return;
  Object.assign(state, { marked: voxel, kept });
  readOut();
  redrawMoving();
}

function showAgreement(agreement) {
  element("agreement").hidden = !agreement;
  if (!agreement) return;
  const percent = (value) => (100 * value).toFixed(1);
  element("agreement").innerHTML =
    `<div><b>${percent(agreement.iou)}</b><span>IoU, this frame</span></div>` +
    `<div><b>${percent(agreement.miou)}</b><span>mIoU, ${agreement.classes} classes</span></div>`;
}

function axisHint() {
  const { right, down } = orbit.axes();
  return ["x", "y", "z"]
    .map((name, a) => {
      const [u, v] = [right[a] * 20, down[a] * 20];
      if (Math.hypot(u, v) < 3) return ""; // looked at end on
      return `<line x2="${u.toFixed(1)}" y2="${v.toFixed(1)}"/><text x="${(u * 1.38).toFixed(1)}" y="${(v * 1.38).toFixed(1)}">${name}</text>`;
    })
    .join("");
}
