// Colours, canvases, and what the network computes all over the plane (or the line) of its inputs.

let colours = null;

/** The colours of the style, as numbers. */
function palette() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => {
    const text = style.getPropertyValue(`--${name}`).trim();
    return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  };
  colours = Object.fromEntries(["paper", "raised", "ink", "quiet", "rule", "line", "minus", "plus"].map((name) => [name, read(name)]));
  colours.classes = Array.from({ length: 10 }, (_, i) => read(`class${i}`));
  return colours;
}

const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

const mix = (from, to, share) => from.map((x, i) => x + (to[i] - x) * share);

/** The colour of a class: of two, those of negative and positive numbers. */
function classColour(k) {
  const { minus, plus, classes: many } = palette();
  return classes.length === 2 ? [minus, plus][k] : many[k % many.length];
}

const sizeOf = (canvas) => ({ width: canvas.clientWidth, height: canvas.clientHeight });

/** An empty canvas, as sharp as the screen, and what draws on it in pixels of the page. */
function penOf(canvas) {
  const { width, height } = sizeOf(canvas);
  const scale = window.devicePixelRatio || 1;
  const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

/** Numbers row by row as an image: negative ones in one colour, positive ones in the other. */
function paint(canvas, across, values) {
  let reach = 1e-9;
  for (const x of values) if (Math.abs(x) > reach && Number.isFinite(x)) reach = Math.abs(x);
  const [pen, image] = imageOf(canvas, across, values.length / across);
  const pixels = new Uint32Array(image.data.buffer);
  const shades = ramp();
  for (let i = 0; i < pixels.length; i++) pixels[i] = shades[128 + Math.round(127 * Math.max(-1, Math.min(1, values[i] / reach || 0)))];
  pen.putImageData(image, 0, 0);
}

/** The colours from the largest negative number to the largest positive one, as pixels. */
function ramp() {
  const colours = palette();
  if (colours.ramp) return colours.ramp;
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) {
    const share = (i - 128) / 127;
    bytes.set([...mix(colours.raised, share < 0 ? colours.minus : colours.plus, Math.min(1, Math.abs(share))), 255], 4 * i);
  }
  colours.ramp = new Uint32Array(bytes.buffer);
  return colours.ramp;
}

const images = new WeakMap();

/** A canvas of so many pixels, and an image to be put there, which is made once. */
function imageOf(canvas, across, down) {
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  let [pen, image] = images.get(canvas) ?? [canvas.getContext("2d"), null];
  if (image?.width !== across || image.height !== down) image = pen.createImageData(across, down);
  images.set(canvas, [pen, image]);
  return [pen, image];
}

/** Fill a canvas of so many cells: of each, two colours and how much there is of the second. */
function fill(canvas, across, down, colourOf) {
  const [pen, image] = imageOf(canvas, across, down);
  for (let i = 0; i < across * down; i++) {
    const [from, to, share] = colourOf(i);
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = from[c] + (to[c] - from[c]) * share;
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

// ── fields ──────────────────────────────────────────────────────────────────────────────────────

const LEAST = 24, COARSE = 40, FINE = 96, ALONG = 160; // places along a side

let extent = null; // of the inputs
let fields = null; // what each unit computes on a grid over the inputs
const grids = new Map();

/** The places at which the network is asked, row by row from the top. */
function gridOf(side) {
  if (grids.has(side)) return grids.get(side);
  const y = now.set.rows[0]?.y ?? new Array(targets).fill(0);
  const rows = [];
  const at = ([low, high], share) => low + (high - low) * share;
  if (inputs === 1) {
    for (let i = 0; i < ALONG; i++) rows.push({ x: [at(extent[0], i / (ALONG - 1))], y });
  } else {
    for (let r = 0; r < side; r++) {
      for (let c = 0; c < side; c++) {
        rows.push({ x: [at(extent[0], (c + 0.5) / side), at(extent[1], 1 - (r + 0.5) / side)], y });
      }
    }
  }
  const made = { fed: fedOf(rows), count: rows.length };
  grids.set(side, made);
  return made;
}

/** The samples are others: look at where they are. */
function measure() {
  if (inputs > 2) return;
  extent = extentOf(now.set.rows);
  grids.clear();
}

/** Compute the fields; of the units only if asked to. */
function computeFields(side, ofUnits) {
  if (inputs > 2) return null;
  const { fed, count } = gridOf(side);
  const { outputs } = data.tape;
  const made = {
    side,
    units: new Map(ofUnits ? [...unitsInSight()].map((unit) => [unit, new Float32Array(count)]) : []),
    outputs: outputs.map(() => new Float32Array(count)),
    chance: classes.length && targets === 1 ? new Float32Array(count) : null, // of the second class
  };
  machine.evaluate(now.parameters, fed, null, count, (first, n) => {
    for (const [unit, values] of made.units) {
      for (let s = 0; s < n; s++) values[first + s] = machine.value(units[unit].slot, s);
    }
    made.outputs.forEach((values, k) => {
      for (let s = 0; s < n; s++) values[first + s] = machine.value(outputs[k], s);
    });
    if (!made.chance) return;
    // If losses are what logs of chances become, the difference is the logit.
    const low = lossesFor(classes[0], n);
    const high = lossesFor(classes[1], n);
    for (let s = 0; s < n; s++) made.chance[first + s] = 1 / (1 + Math.exp(orInfinite(high[s]) - orInfinite(low[s])));
  }, false);
  return made;
}
