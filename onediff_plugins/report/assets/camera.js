// Where the panes look: one camera on the after grid; the before pane follows it through the registration.

const camera = { x: grids.after.width / 2, y: grids.after.height / 2, zoom: 1, fitted: true, lead: [0, 0] };
const PADDING = 14;
const LONG = 1.6; // a picture that is so many times higher than its pane is read from the top, in full width
const CLOSEST = 32;

const panes = { before: $("#pane-before"), after: $("#pane-after") };

/** The before pixel of an after pixel; between pieces, as the nearest one moved. */
function toBefore(x, y) {
  const { matrix, pieces } = registration;
  if (pieces?.length) {
    const away = ([x0, y0, x1, y1]) => Math.hypot(Math.max(x0 - x, x - x1, 0), Math.max(y0 - y, y - y1, 0));
    const nearest = pieces.reduce((best, piece) => (away(piece) < away(best) ? piece : best));
    return [x + nearest[4], y + nearest[5]];
  }
  const [u, v, w] = matrix.map((row) => row[0] * x + row[1] * y + row[2]);
  return [u / w, v / w];
}

const beforeScale = (() => {
  const { matrix, pieces } = registration;
  return pieces ? 1 : Math.sqrt(Math.abs(matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0])) || 1;
})();

function paneSize() {
  return { width: panes.after.clientWidth || 1, height: panes.after.clientHeight || 1 };
}

/** Centre and zoom of a side's grid in its pane. */
function lookAt(side) {
  if (side === "after") return camera;
  const [x, y] = toBefore(camera.x, camera.y);
  return { x: x + camera.lead[0], y: y + camera.lead[1], zoom: camera.zoom / beforeScale };
}

/** Offset and scale that carry pixels of a side onto its pane. */
function projection(side) {
  const { width, height } = paneSize();
  const { x, y, zoom } = lookAt(side);
  return { left: width / 2 - x * zoom, top: height / 2 - y * zoom, zoom };
}

function fitZoom() {
  const { width, height } = paneSize();
  const across = (width - 2 * PADDING) / grids.after.width;
  const contained = Math.min(across, (height - 2 * PADDING) / grids.after.height);
  const high = grids.after.height * across > LONG * height && grids.after.height > grids.after.width;
  const long = high && !root.dataset.printing; // a sheet of paper cannot be scrolled
  return { zoom: Math.max(long ? Math.min(across, 1) : contained, 1e-3), long };
}

function fit({ animated = false } = {}) {
  const { zoom, long } = fitZoom();
  const x = grids.after.width / 2;
  const y = long ? (paneSize().height / 2 - PADDING) / zoom : grids.after.height / 2;
  // All of both images is seen: their middles are side by side, even where the content of the middle has moved.
  const [bx, by] = toBefore(x, y);
  const lead = long ? [0, 0] : [grids.before.width / 2 - bx, grids.before.height / 2 - by];
  moveTo({ x, y, zoom, lead }, animated);
  camera.fitted = true;
}

/** Look at a region, with what surrounds it. */
function lookAtRegion(region) {
  const place = region.bounds ?? region.before;
  if (!place) return;
  const { width, height } = paneSize();
  const [x0, y0, x1, y1] = place;
  const { zoom: whole, long } = fitZoom();
  const closer = Math.min((width * 0.7) / Math.max(x1 - x0, 1), (height * 0.5) / Math.max(y1 - y0, 1));
  const zoom = Math.min(Math.max(closer, whole), Math.max(whole * (long ? 1.5 : 6), 2));
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const [bx, by] = toBefore(x, y);
  const lead = region.before
    ? [(region.before[0] + region.before[2]) / 2 - bx, (region.before[1] + region.before[3]) / 2 - by]
    : [0, 0];
  moveTo({ x, y, zoom, lead }, true);
}

let moving = 0;

function moveTo(target, animated) {
  cancelAnimationFrame(moving);
  camera.fitted = false;
  camera.lead = target.lead ?? camera.lead;
  const from = { ...camera };
  if (!animated || calm.matches) {
    Object.assign(camera, { x: target.x, y: target.y, zoom: target.zoom });
    repaint();
    return;
  }
  const started = performance.now();
  const step = (now) => {
    const share = Math.min(Math.max((now - started) / 280, 0), 1);
    const eased = 1 - (1 - share) ** 3;
    camera.zoom = from.zoom * (target.zoom / from.zoom) ** eased;
    camera.x = from.x + (target.x - from.x) * eased;
    camera.y = from.y + (target.y - from.y) * eased;
    paint();
    if (share < 1) moving = requestAnimationFrame(step);
  };
  moving = requestAnimationFrame(step);
}

/** The reader takes over: from here on both panes show the same content. */
function takeOver() {
  cancelAnimationFrame(moving);
  if (camera.fitted) camera.lead = [0, 0];
  camera.fitted = false;
}

/** Move the picture by pixels of the screen. */
function panBy(dx, dy) {
  takeOver();
  camera.x = Math.min(Math.max(camera.x - dx / camera.zoom, 0), grids.after.width);
  camera.y = Math.min(Math.max(camera.y - dy / camera.zoom, 0), grids.after.height);
  repaint();
}

/** Zoom about a point of a pane, given from the pane's centre. */
function zoomBy(factor, offsetX = 0, offsetY = 0) {
  takeOver();
  const least = Math.min(fitZoom().zoom, 1) * 0.25;
  const zoom = Math.min(Math.max(camera.zoom * factor, least), CLOSEST);
  camera.x += offsetX / camera.zoom - offsetX / zoom;
  camera.y += offsetY / camera.zoom - offsetY / zoom;
  camera.zoom = zoom;
  repaint();
}
