// Builds index.umd.js into the plugin's folder, which ships. The App's own React, Recoil and FiftyOne modules are taken from the page.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { defineConfig } from "vite";

const GLOBALS = { react: "React", recoil: "recoil", "@fiftyone/state": "__fos__", "@fiftyone/plugins": "__fop__", "@fiftyone/operators": "__foo__" };

// A test computes the same digest, to know without Node that the bundle was built from these sources.
const SOURCES = ["package.json", "package-lock.json", "tsconfig.json", "vite.config.js", ...readdirSync("src").map((name) => `src/${name}`)];

function digest() {
  const hash = createHash("sha256");
  for (const name of SOURCES.sort()) hash.update(`${name}\n`).update(readFileSync(name)).update("\n");
  return hash.digest("hex");
}

const banner = {
  name: "banner",
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === "chunk") chunk.code = `/*! onediff change review; sources sha256:${digest()} */\n${chunk.code}`;
    }
  },
};

export default defineConfig({
  define: { "process.env.NODE_ENV": '"production"' },
  oxc: { jsx: { runtime: "classic" } },
  plugins: [banner],
  build: {
    target: "es2022",
    outDir: "../onediff_fiftyone/app/dist",
    emptyOutDir: true,
    lib: { entry: "src/index.tsx", name: "OneDiffChangeReview", formats: ["umd"], fileName: () => "index.umd.js" },
    rolldownOptions: { external: Object.keys(GLOBALS), output: { globals: GLOBALS, exports: "none" } },
  },
});
