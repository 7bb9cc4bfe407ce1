// Bundles the pages' scripts and styles into the Python package, which ships them: who installs the cloud needs no Node.
// usage: node build.js [FOLDER]
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "../flukso_cloud/web/static/build"));

const result = await esbuild.build({
  absWorkingDir: here,
  entryPoints: ["src/main.js", "src/page.css", "src/plain.css"],
  entryNames: "[name]-[hash]",
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome110", "firefox115", "safari16.4"],
  legalComments: "none",
  logLevel: "warning",
  write: false,
});

mkdirSync(target, { recursive: true });
/** @type {Record<string, string>} */
const assets = {};
for (const file of result.outputFiles) {
  const name = basename(file.path);
  put(name, file.contents);
  assets[name.replace(/-[A-Z0-9]+(\.\w+)$/, "$1")] = name;
}
put("uPlot-LICENSE.txt", readFileSync(join(here, "node_modules/uplot/LICENSE")));

// The manifest comes after what it names, and old files go last: a cloud that is running serves a whole set at any moment.
put("manifest.json", Buffer.from(`${JSON.stringify({ assets }, null, 1)}\n`));
const current = new Set(Object.values(assets));
for (const name of readdirSync(target)) {
  if (/-[A-Z0-9]{8}\.(js|css)$/.test(name) && !current.has(name)) rmSync(join(target, name), { force: true });
}

/** Writes a file in one move, and leaves one alone that is the same already. @param {string} name @param {Uint8Array} content */
function put(name, content) {
  const path = join(target, name);
  if (existsSync(path) && readFileSync(path).equals(content)) return;
  writeFileSync(`${path}.${process.pid}`, content);
  renameSync(`${path}.${process.pid}`, path);
}
