// The list of regions: crops of both images, filters, and the one that is chosen.

const list = $("#regions");
const CROP = { width: 84, height: 60 };
const STRIP = 3; // a region so many times as wide as high is shown as a strip,
const LONGEST = 7; // and of one that is wider still its beginning, so that text in it can be read
const filters = { kind: new Set(), label: new Set() };
let rows = null;

/** Show a box of a picture in an element of a size, with a little of what surrounds it. */
function crop(element, size, picture, grid, [x0, y0, right, y1]) {
  const x1 = Math.min(right, x0 + Math.max(LONGEST * (y1 - y0), 28));
  const shape = size.width / size.height;
  const wide = Math.max((x1 - x0) * 1.15, (y1 - y0) * 1.25 * shape, 28);
  const high = wide / shape;
  const start = (middle, shown, limit) =>
    shown >= limit ? (limit - shown) / 2 : Math.min(Math.max(middle - shown / 2, 0), limit - shown);
  const scale = size.width / wide;
  const left = start((x0 + x1) / 2, wide, grid.width) * scale;
  const top = start((y0 + y1) / 2, high, grid.height) * scale;
  element.style.width = `${size.width}px`;
  element.style.height = `${size.height}px`;
  element.style.backgroundImage = `var(--picture-${picture})`;
  element.style.backgroundSize = `${grid.width * scale}px ${grid.height * scale}px`;
  element.style.backgroundPosition = `${-left}px ${-top}px`;
  if (scale >= 3) element.style.imageRendering = "pixelated";
}

/** Before and after of a region; on a side that has no box, what is there instead. */
function crops(region) {
  const before = make("span", { class: "crop", title: "Before" });
  const after = make("span", { class: "crop", title: "After" });
  const place = boxOn(region, "after") ?? region.before;
  const shape = place ? (place[2] - place[0]) / Math.max(place[3] - place[1], 1) : 1;
  const strip = shape >= STRIP;
  const size = strip ? { width: 2 * CROP.width + 3, height: Math.max((2 * CROP.width) / Math.min(shape, LONGEST), 30) } : CROP;
  if (region.before) crop(before, size, "before", grids.before, region.before);
  else if (region.bounds) crop(before, size, "aligned", grids.after, region.bounds);
  if (boxOn(region, "after")) crop(after, size, "after", grids.after, boxOn(region, "after"));
  return make("span", { class: strip ? "crops strip" : "crops", "aria-hidden": "true" }, before, after);
}

function makeRow(index) {
  const region = regions[index];
  const chosen = index === state.selected;
  const button = make(
    "button",
    { class: "region-button", "aria-current": chosen ? "true" : null },
    crops(region),
    make(
      "span",
      { class: "words" },
      make(
        "span",
        { class: "line" },
        make("span", { class: "number" }, `${region.id}`),
        make("span", { class: "kind" }, region.kind),
        region.label ? make("span", { class: "label" }, region.label) : null,
        make("span", { class: "score", title: "Score" }, region.score.toFixed(2)),
      ),
      region.caption ? make("span", { class: "what" }, region.caption) : null,
      make("span", { class: "size" }, region.size),
    ),
  );
  button.addEventListener("click", () => select(index));
  const row = make("li", { class: "region", "data-kind": region.kind, "data-index": index }, button);
  row.addEventListener("pointerenter", () => hover(index));
  row.addEventListener("pointerleave", () => hover(-1));
  if (chosen) showFacts(row, region);
  return row;
}

function showFacts(row, region) {
  const lines = region.facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  row.append(make("dl", { class: "region-facts" }, ...lines));
}

const rowOf = (index) => $(`[data-index="${index}"]`, list);

/** Choose a region: its row, its place in every view, and its address; -1 for none. */
function select(index, { look = true } = {}) {
  const old = state.selected >= 0 ? rowOf(state.selected) : null;
  if (old) {
    $("button", old).removeAttribute("aria-current");
    $(".region-facts", old)?.remove();
  }
  state.selected = index;
  if (index < 0) {
    history.replaceState(null, "", location.pathname + location.search);
    repaint();
    return;
  }
  const region = regions[index];
  showPanel("regions");
  rows.until(state.kept.indexOf(index));
  const row = rowOf(index);
  if (row) {
    $("button", row).setAttribute("aria-current", "true");
    if (!$(".region-facts", row)) showFacts(row, region);
    row.scrollIntoView({ block: "nearest", behavior: "instant" });
  }
  history.replaceState(null, "", `#region-${region.id}`);
  $("#said").textContent = `Region ${region.id} of ${regions.length}: ${region.kind} ${region.label}. ${region.caption}`;
  if (look) lookAtRegion(region);
  flash();
}

/** Darken what surrounds the chosen region for a moment. */
function flash() {
  if (calm.matches) {
    repaint();
    return;
  }
  const started = performance.now();
  const chosen = state.selected;
  const step = (now) => {
    if (state.selected !== chosen) return;
    const share = (now - started - 450) / 650;
    state.flash = Math.min(Math.max(1 - share, 0), 1);
    repaint();
    if (state.flash > 0) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

/** The next region of those the filter leaves, round and round. */
function stepTo(direction) {
  if (!state.kept.length) return;
  const at = state.kept.indexOf(state.selected);
  const next = at < 0 ? (direction > 0 ? 0 : state.kept.length - 1) : at + direction;
  select(state.kept[(next + state.kept.length) % state.kept.length]);
}

function hover(index) {
  if (state.hovered === index) return;
  state.hovered = index;
  stage.classList.toggle("over-region", index >= 0);
  stage.title = index >= 0 ? `${regions[index].id}: ${regions[index].caption || regions[index].kind}` : "";
  repaint();
}

function applyFilters() {
  const passes = (name, region) => filters[name].size === 0 || filters[name].has(region[name]);
  state.kept = regions.flatMap((region, index) => (passes("kind", region) && passes("label", region) ? [index] : []));
  for (const chip of $$(".chip")) {
    chip.setAttribute("aria-pressed", String(filters[chip.dataset.name].has(chip.dataset.value)));
  }
  if (state.selected >= 0 && !state.kept.includes(state.selected)) select(-1);
  $("#none-left").hidden = state.kept.length > 0;
  rows.show(state.kept);
  repaint();
}

function makeChips() {
  for (const name of ["kind", "label"]) {
    const counts = tally(regions.map((region) => region[name]).filter(Boolean));
    if (counts.length < 2) continue;
    for (const [value, count] of counts.slice(0, 24)) {
      const attributes = { class: "chip", "data-name": name, "data-value": value, "aria-pressed": "false" };
      if (name === "kind") attributes["data-kind"] = value;
      const chip = make("button", attributes, make("bdi", {}, value), make("span", { class: "count" }, String(count)));
      chip.addEventListener("click", () => {
        if (!filters[name].delete(value)) filters[name].add(value);
        applyFilters();
      });
      $("#chips").append(chip);
    }
  }
}

function showPanel(name) {
  for (const panel of ["regions", "details"]) $(`#panel-${panel}`).hidden = panel !== name;
  for (const button of $$("[data-panel]")) button.setAttribute("aria-pressed", String(button.dataset.panel === name));
}

function startRegions() {
  for (const button of $$("[data-panel]")) button.addEventListener("click", () => showPanel(button.dataset.panel));
  if (!list) return;
  rows = stepwise(list, makeRow, 100);
  makeChips();
  $("#clear").addEventListener("click", () => {
    for (const chosen of Object.values(filters)) chosen.clear();
    applyFilters();
  });
  applyFilters();
  const asked = /^#region-(\d+)$/.exec(location.hash);
  const index = asked ? regions.findIndex((region) => region.id === Number(asked[1])) : -1;
  if (index >= 0) select(index);
}
