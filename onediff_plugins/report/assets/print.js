// On paper: both images whole and side by side, or the overlay, and every region that the filter leaves.

const SHEET = { width: 680, height: 640 }; // of A4 and Letter, upright or not, within the margins of print.css
let onScreenBefore = null; // what to go back to

/** The pictures take one size in pixels before the sheet is laid out: marks that are drawn now stay where they are. */
function toPaper() {
  const playing = timer !== 0;
  onScreenBefore = { view: state.view, camera: { ...camera }, playing };
  root.dataset.printing = "true";
  // Slider and blink show half of what there is.
  setView(state.view === "overlay" ? "overlay" : "side");
  const across = SHEET.width / (state.view === "side" ? 2 : 1);
  const highest = Math.max(...Object.values(grids).map(({ width, height }) => height / width)) * across;
  stage.style.width = `${SHEET.width}px`;
  stage.style.height = `${Math.min(highest + 2 * PADDING, SHEET.height)}px`;
  fit();
  paint();
  rows?.until(state.kept.length - 1);
}

function fromPaper() {
  if (!onScreenBefore) return;
  const { view, camera: seen, playing } = onScreenBefore;
  onScreenBefore = null;
  delete root.dataset.printing;
  stage.style.width = stage.style.height = "";
  setView(view);
  if (!playing) stop();
  if (seen.fitted) fit();
  else moveTo(seen, false);
}

function startPrint() {
  addEventListener("beforeprint", toPaper);
  addEventListener("afterprint", fromPaper);
}
