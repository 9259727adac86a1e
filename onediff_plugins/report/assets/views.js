// The four views, and putting everything where the camera looks.

const stage = $("#stage");
const clip = $("#clip");
const handle = $("#handle");
const sheets = { before: $("#sheet-before"), after: $("#sheet-after"), aligned: $("#sheet-aligned"), layer: $("#sheet-layer") };
const tags = { left: $(".tag-left"), right: $(".tag-right") };
const BLINK_MS = 800; // well under three flashes a second

let painting = 0;

/** Paint before the next frame. */
function repaint() {
  if (!painting) painting = requestAnimationFrame(paint);
}

function paint() {
  cancelAnimationFrame(painting);
  painting = 0;
  const main = mainSide();
  for (const [name, sheet] of Object.entries(sheets)) {
    const side = name === "before" ? "before" : name === "layer" ? main : "after";
    const { left, top, zoom } = projection(side);
    sheet.style.width = `${grids[side].width}px`;
    sheet.style.height = `${grids[side].height}px`;
    sheet.style.transform = `translate(${left}px, ${top}px) scale(${zoom})`;
    sheet.style.imageRendering = zoom * (devicePixelRatio || 1) >= 4 ? "pixelated" : "auto";
  }
  if (state.view === "side") drawMarks($("canvas", panes.before), "before");
  drawMarks($("canvas", panes.after), main);
  drawRail();
  $("#zoom-level").value = `${Math.round(camera.zoom * 100)}%`;
  stage.classList.toggle("at-fit", camera.fitted && !fitZoom().long);
}

function showSplit() {
  const percent = state.split * 100;
  clip.style.clipPath = state.view === "slider" ? `inset(0 ${100 - percent}% 0 0)` : "none";
  handle.style.left = `${percent}%`;
  handle.setAttribute("aria-valuenow", String(Math.round(percent)));
}

function setSplit(share) {
  state.split = Math.min(Math.max(share, 0), 1);
  showSplit();
}

/** Show what the state says: which sheets, tools and labels are there. */
function showView() {
  const { view, after } = state;
  const layer = layers[state.layer];
  stage.dataset.view = view;
  for (const button of $$("[data-view]", $(".toolbar"))) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  panes.before.hidden = view !== "side";
  clip.hidden = !(view === "slider" || (view === "blink" && !after));
  handle.hidden = view !== "slider";
  tags.left.hidden = view !== "slider" && !(view === "blink" && !after);
  tags.right.hidden = view === "blink" && !after;
  tags.right.textContent = view === "overlay" && layer.side === "before" ? "Before" : "After";
  sheets.layer.hidden = view !== "overlay" || !layer.picture;
  sheets.layer.style.opacity = layer.whole ? "1" : String(state.strength);
  sheets.after.classList.toggle("pale", view === "overlay" && layer.name === "score");
  sheets.after.hidden = view === "overlay" && layer.side === "before";
  $(".layer-choice").hidden = view !== "overlay" || layers.length < 2;
  $(".opacity").hidden = view !== "overlay" || layer.whole || !layer.picture;
  $("#blink-play").hidden = view !== "blink";
  $("#marks-toggle").setAttribute("aria-pressed", String(state.marks));
  showSplit();
}

function setView(view) {
  if (!["slider", "side", "blink", "overlay"].includes(view)) return;
  const before = paneSize();
  state.view = view;
  if (view === "blink" && !calm.matches) play();
  else stop();
  state.after = true;
  showView();
  const now = paneSize();
  const resized = now.width !== before.width || now.height !== before.height;
  if (resized && camera.fitted) {
    fit();
    return;
  }
  // What was looked at stays in the pane when there are two of them, and comes back to its size when there is one.
  if (resized) camera.zoom *= Math.sqrt((now.width * now.height) / (before.width * before.height));
  repaint();
}

let timer = 0;

function play() {
  stop();
  timer = setInterval(swap, BLINK_MS);
  $("#blink-play").setAttribute("aria-pressed", "true");
  $("#blink-play").textContent = "Stop";
}

function stop() {
  clearInterval(timer);
  timer = 0;
  $("#blink-play").setAttribute("aria-pressed", "false");
  $("#blink-play").textContent = "Play";
}

const playOrStop = () => (timer ? stop() : play());

function swap() {
  state.after = !state.after;
  showView();
}

/** The other image, by hand; the blink view comes first where another one is shown. */
function blinkOnce() {
  if (state.view !== "blink") {
    setView("blink");
    stop();
    state.after = false;
    showView();
    return;
  }
  stop();
  swap();
}

function setLayer(index) {
  state.layer = index;
  const { picture } = layers[index];
  if (picture) {
    layers[index].address ??= address(picture);
    sheets.layer.src = layers[index].address;
  }
  showView();
  repaint();
}

function toggleMarks() {
  state.marks = !state.marks;
  showView();
  repaint();
}

function startViews() {
  for (const name of ["before", "after", "aligned"]) sheets[name].src = addresses[name];
  layers.forEach(({ name }, index) => $("#layer").append(make("option", { value: index }, name)));
  $("#layer").addEventListener("change", (event) => setLayer(Number(event.target.value)));
  $("#opacity").addEventListener("input", (event) => {
    state.strength = event.target.value / 100;
    showView();
  });
  for (const button of $$("[data-view]", $(".toolbar"))) {
    button.addEventListener("click", () => setView(button.dataset.view));
  }
  const zooms = { in: () => zoomBy(1.4), out: () => zoomBy(1 / 1.4), fit: () => fit({ animated: true }) };
  for (const button of $$("[data-zoom]")) button.addEventListener("click", zooms[button.dataset.zoom]);
  $("#blink-play").addEventListener("click", playOrStop);
  $("#marks-toggle").addEventListener("click", toggleMarks);
  new ResizeObserver(() => (camera.fitted ? fit() : repaint())).observe(stage);
  setLayer(0);
  fit();
}
