// One pixelmatch per line of stdin: {before, after, mask} -> {count, width, height, ms} or {error}.
// Images of different size are padded with transparent pixels to the larger width and height, as Playwright does.
// `mask` names the file that gets one byte per pixel, 1 where pixels differ; it is written after the clock stops.
// The folder that holds node_modules is the first argument.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2] + "/index.js");
const { PNG } = require("pngjs");
const { default: pixelmatch } = await import(pathToFileURL(require.resolve("pixelmatch")));

function padded(image, width, height) {
  if (image.width === width && image.height === height) return image.data;
  const out = new PNG({ width, height });
  PNG.bitblt(image, out, 0, 0, image.width, image.height, 0, 0);
  return out.data;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { before, after, mask } = JSON.parse(line);
    const started = performance.now();
    const images = [before, after].map((path) => PNG.sync.read(readFileSync(path)));
    const width = Math.max(...images.map((image) => image.width));
    const height = Math.max(...images.map((image) => image.height));
    const output = new Uint8ClampedArray(width * height * 4);
    const [a, b] = images.map((image) => padded(image, width, height));
    const count = pixelmatch(a, b, output, width, height, { threshold: 0.1, diffMask: true });
    const ms = performance.now() - started;
    // diffMask leaves equal pixels transparent; anti-aliased ones are yellow, differing ones red.
    const flags = new Uint8Array(width * height);
    for (let i = 0; i < flags.length; i++) flags[i] = output[4 * i + 3] && output[4 * i + 1] === 0 ? 1 : 0;
    writeFileSync(mask, flags);
    answer = { count, width, height, ms };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
