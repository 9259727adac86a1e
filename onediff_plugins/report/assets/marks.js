// Regions drawn over the pictures, in pixels of the screen, so that lines stay thin at any zoom.

const COLOURS = Object.fromEntries(
  ["added", "removed", "changed", "moved"].map((kind) => [kind, getComputedStyle(root).getPropertyValue(`--${kind}`)]),
);
const PLATES = 80; // numbers drawn at once

/** A canvas as large as its element, in pixels of the device. */
function cleared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const density = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * density), Math.round(height * density)];
  // On paper a cleared rectangle would wipe out the picture below it; a canvas that gets a size is empty.
  if (root.dataset.printing || canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  if (!root.dataset.printing) context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** A region's place on the screen: {left, top, right, bottom}. */
function onScreen([x0, y0, x1, y1], { left, top, zoom }) {
  return { left: left + x0 * zoom, top: top + y0 * zoom, right: left + x1 * zoom, bottom: top + y1 * zoom };
}

function drawMarks(canvas, side) {
  const { context, width, height } = cleared(canvas);
  const view = projection(side);
  const chosen = regions[state.selected];
  const spot = chosen && boxOn(chosen, side);
  if (spot && state.flash > 0) dimAround(context, onScreen(spot, view), width, height, state.flash);
  const shown = state.marks ? state.kept : [];
  const drawn = [];
  for (const index of [...shown].reverse()) {
    if (index === state.selected) continue;
    if (outline(context, index, side, view, width, height)) drawn.push(index);
  }
  const taken = [];
  if (chosen && outline(context, state.selected, side, view, width, height)) plate(context, state.selected, side, view, taken);
  for (const index of drawn.reverse().slice(0, PLATES)) plate(context, index, side, view, taken);
}

function dimAround(context, box, width, height, amount) {
  context.fillStyle = `rgb(0 0 0 / ${0.5 * amount})`;
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(box.left - 6, box.top - 6, box.right - box.left + 12, box.bottom - box.top + 12);
  context.fill("evenodd");
}

/** Draw a region's outline; whether any of it is in the pane. */
function outline(context, index, side, view, width, height) {
  const region = regions[index];
  const box = boxOn(region, side);
  if (!box) return false;
  const place = onScreen(box, view);
  if (place.right < -4 || place.bottom < -4 || place.left > width + 4 || place.top > height + 4) return false;
  trace(context, region, side, view, place);
  const strong = index === state.selected || index === state.hovered;
  const faint = region.kind === "moved" && !strong;
  const line = strong ? 3 : faint ? 1.25 : 2;
  context.lineJoin = "round";
  context.setLineDash([]);
  if (!faint) {
    context.strokeStyle = "rgb(255 255 255 / 0.85)";
    context.lineWidth = line + 2;
    context.stroke();
  }
  if (region.kind === "removed") context.setLineDash([7, 5]);
  context.strokeStyle = COLOURS[region.kind];
  context.lineWidth = line;
  context.stroke();
  if (state.view === "overlay" && region.kind !== "moved") {
    context.globalAlpha = 0.16;
    context.fillStyle = COLOURS[region.kind];
    context.fill("evenodd");
    context.globalAlpha = 1;
  }
  context.setLineDash([]);
  return true;
}

/** The path of a region: upright boxes a little larger, so that the line hides nothing inside. */
function trace(context, region, side, view, place) {
  context.beginPath();
  const rings = side === "after" ? region.shape : [];
  if (rings.length === 0 || (rings.length === 1 && rings[0].length === 10 && isUpright(rings[0]))) {
    context.rect(place.left - 2.5, place.top - 2.5, place.right - place.left + 5, place.bottom - place.top + 5);
    return;
  }
  for (const ring of rings) {
    for (let at = 0; at < ring.length; at += 2) {
      const [x, y] = [view.left + ring[at] * view.zoom, view.top + ring[at + 1] * view.zoom];
      if (at === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.closePath();
  }
}

function isUpright(ring) {
  for (let at = 0; at < 8; at += 2) {
    if (ring[at] !== ring[at + 2] && ring[at + 1] !== ring[at + 3]) return false;
  }
  return true;
}

/** The number of a region, where no other number is. */
function plate(context, index, side, view, taken) {
  const region = regions[index];
  const box = onScreen(boxOn(region, side), view);
  context.font = "600 11px system-ui, sans-serif";
  const text = String(region.id);
  const wide = Math.max(context.measureText(text).width + 10, 18);
  const spots = [
    [box.left - 3, box.top - 20],
    [box.right + 3 - wide, box.top - 20],
    [box.left - 3, box.bottom + 3],
    [box.left, box.top],
  ];
  const free = ([x, y]) =>
    y >= 0 && !taken.some(([left, top, right]) => x < right + 1 && x + wide > left - 1 && y < top + 18 && y + 17 > top - 1);
  const spot = spots.find(free);
  if (!spot) return;
  const [x, y] = spot.map(Math.round);
  taken.push([x, y, x + wide]);
  context.fillStyle = "#fff";
  context.beginPath();
  context.roundRect(x - 1, y - 1, wide + 2, 19, 5);
  context.fill();
  context.fillStyle = COLOURS[region.kind];
  context.beginPath();
  context.roundRect(x, y, wide, 17, 4);
  context.fill();
  context.fillStyle = "#fff";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x + wide / 2, y + 9);
}

/** The smallest region under a point of a pane, or -1. */
function regionAt(side, x, y) {
  if (!state.marks) return -1;
  const view = projection(side);
  let found = -1;
  let least = Infinity;
  for (const index of state.kept) {
    const box = boxOn(regions[index], side);
    if (!box) continue;
    const place = onScreen(box, view);
    const area = (place.right - place.left) * (place.bottom - place.top);
    const hit = x >= place.left - 4 && x <= place.right + 4 && y >= place.top - 4 && y <= place.bottom + 4;
    if (hit && area < least) [found, least] = [index, area];
  }
  return found;
}

const rail = $("#rail");

/** On a long picture, a strip that shows where the regions and the view are. */
function drawRail() {
  rail.hidden = !fitZoom().long;
  if (rail.hidden) return;
  const { context, width, height } = cleared(rail);
  const scale = height / grids.after.height;
  const half = paneSize().height / 2 / camera.zoom;
  for (const index of [...state.kept].reverse()) {
    const box = regions[index].bounds;
    if (!box) continue;
    context.fillStyle = COLOURS[regions[index].kind];
    const inset = index === state.selected ? 1 : regions[index].kind === "moved" ? width / 2 - 1 : 4;
    context.fillRect(inset, box[1] * scale, width - 2 * inset, Math.max((box[3] - box[1]) * scale, 3));
  }
  context.fillStyle = "rgb(128 136 148 / 0.4)";
  context.beginPath();
  context.roundRect(1, (camera.y - half) * scale, width - 2, Math.max(2 * half * scale, 8), 4);
  context.fill();
}
