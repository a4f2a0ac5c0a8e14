// Run Python in node, as it runs in a browser: the tests of the engine, and a picture.
// Usage: node pyodide.mjs FOLDER-OF-PACKAGES ROOT SCRIPT

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, root, script] = process.argv.slice(2);
const { resolve } = createRequire(`${folder}/`);
const { loadPyodide } = await import(pathToFileURL(resolve("pyodide/pyodide.mjs")));
const { instance } = await import(pathToFileURL(`${folder}/node_modules/@viz-js/viz/dist/viz.js`));

const pyodide = await loadPyodide();
const graphviz = await instance();
pyodide.mountNodeFS("/root", root);
pyodide.mountNodeFS("/packages", `${folder}/python`);
pyodide.globals.set("draw", (dot, format, engine) =>
  graphviz.renderString(dot, { format, engine }));
process.exitCode = await pyodide.runPythonAsync(readFileSync(script, "utf8"));
