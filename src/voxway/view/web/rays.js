// Rays: shares of rays that are right over the distance of the true hit, as curves.

const CURVE_COLOURS = [[38, 132, 82], [30, 96, 145], [150, 90, 170], [120, 120, 120]];
const CURVES = { width: 720, height: 210, left: 56, right: 26, top: 10, bottom: 34 };

/** Draw the curves of a frame below the volumes, or hide them. */
function showCurves(curves) {
  element("curves").hidden = !curves;
  if (!curves) return;
  const { width, height, left, right, top, bottom } = CURVES;
  const { metres, shares, rays } = curves;
  const step = metres.length > 1 ? metres[1] - metres[0] : 5;
  const farthest = metres.length ? metres[metres.length - 1] + step / 2 : step;
  const across = (metre) => left + (metre / farthest) * (width - left - right);
  const down = (share) => height - bottom - share * (height - top - bottom);
  const lines = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    `<line class="rule" x1="${left}" x2="${width - right}" y1="${down(share)}" y2="${down(share)}"/>` +
    `<text x="${left - 6}" y="${down(share)}" text-anchor="end" dominant-baseline="central">${100 * share} %</text>`);
  for (let metre = 0; metre <= farthest; metre += 10)
    lines.push(`<text x="${across(metre)}" y="${height - bottom + 22}" text-anchor="middle">${metre} m</text>`);
  const names = Object.keys(shares);
  const drawn = names.map((name, number) => {
    const points = metres.flatMap((metre, at) => (shares[name][at] === null ? [] : `${across(metre).toFixed(1)},${down(shares[name][at]).toFixed(1)}`));
    return `<polyline points="${points.join(" ")}" stroke="${cssColour(CURVE_COLOURS[number % 4])}"/>`;
  });
  const key = names.map((name, number) => `<span>${swatch(CURVE_COLOURS[number % 4])} ${escaped(name)}</span>`).join("");
  element("curves").innerHTML =
    `<figcaption><b>Rays by distance</b> <span class="count">${rays.toLocaleString("en")} rays of this frame</span></figcaption>` +
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Share of rays that are right, by distance">${lines.join("")}${drawn.join("")}</svg><div class="key">${key}</div>`;
}
