// The data of the page, and what the reader has chosen. Pixels are those of the record: (0, 0) is a corner.

const data = JSON.parse($("#data").textContent);
const { grids, regions, registration } = data;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const root = document.documentElement;

const state = {
  view: "slider", // slider, side, blink, overlay
  split: 0.5, // where the slider is, of the pane's width
  after: true, // which image the blink view shows
  marks: true,
  layer: 0, // in `layers`
  strength: 0.55,
  kept: regions.map((_, index) => index), // what the filter leaves, strongest first
  selected: -1,
  hovered: -1,
  flash: 0, // how dark it is round the region that was just chosen
};

/** A picture of the data as an address that images and backgrounds share, so that it is decoded once. */
function address(picture) {
  const characters = atob(picture.data);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return URL.createObjectURL(new Blob([bytes], { type: picture.type }));
}

const addresses = {};
for (const name of ["before", "after", "aligned"]) {
  const picture = data.pictures[name];
  addresses[name] = picture ? address(picture) : addresses.before; // aligned as it was read
  root.style.setProperty(`--picture-${name}`, `url("${addresses[name]}")`);
}

/** What the overlay view can show: the score over the after image, and pictures of plugins. */
const layers = [];
if (data.pictures.score) layers.push({ name: "score", side: "after", whole: false, picture: data.pictures.score });
for (const layer of data.layers) {
  const shape = (grid) => Math.abs(Math.log((layer.width / layer.height) * (grid.height / grid.width)));
  const side = shape(grids.after) <= shape(grids.before) + 1e-3 ? "after" : "before";
  layers.push({ name: layer.name, side, whole: true, picture: layer });
}
layers.push({ name: "none", side: "after", whole: false, picture: null });

/** The side whose grid the main pane shows. */
const mainSide = () => (state.view === "overlay" ? layers[state.layer].side : "after");

/** A region's box on one side; a place without one of its own is that of its outline. */
const boxOn = (region, side) => region[side] ?? (side === "after" ? region.bounds : null);
