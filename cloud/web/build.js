// Bundles the pages' scripts and styles into the Python package, which ships them: who installs the cloud needs no Node.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../flukso_cloud/web/static/build");

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
  metafile: true,
  logLevel: "warning",
  write: false,
});

mkdirSync(target, { recursive: true });
/** @type {Record<string, string>} */
const assets = {};
for (const file of result.outputFiles) {
  const name = basename(file.path);
  writeFileSync(join(target, name), file.contents);
  assets[name.replace(/-[A-Z0-9]+(\.\w+)$/, "$1")] = name;
}
copyFileSync(join(here, "node_modules/uplot/LICENSE"), join(target, "uPlot-LICENSE.txt"));

// The manifest is replaced in one move and the old files go last: a cloud that is running serves a whole set at any moment.
const manifest = join(target, "manifest.json");
writeFileSync(`${manifest}.new`, `${JSON.stringify({ sources: sources(), assets }, null, 1)}\n`);
renameSync(`${manifest}.new`, manifest);
const kept = new Set([...Object.values(assets), "manifest.json", "uPlot-LICENSE.txt"]);
for (const name of readdirSync(target)) if (!kept.has(name)) rmSync(join(target, name), { force: true });

/** @returns {string} a digest of all that the result depends on, by which others see whether it is up to date */
function sources() {
  const digest = createHash("sha256");
  const files = readdirSync(join(here, "src")).sort().map((name) => join("src", name));
  for (const name of [...files, "build.js", "package-lock.json"]) {
    if (existsSync(join(here, name))) digest.update(name).update("\0").update(readFileSync(join(here, name))).update("\0");
  }
  return digest.digest("hex");
}
