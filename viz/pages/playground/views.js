// What the network makes of the samples: over the plane, on a line, as a table of confusions, or as
// targets against predictions.

const VIEW = inputs === 2 ? "plane" : inputs === 1 ? "line" : classes.length ? "confusion" : "scatter";
const TITLES = {
  plane: classes.length ? "Decision regions" : "The output over the plane",
  line: "The fit",
  confusion: "What is taken for what",
  scatter: "Targets and predictions",
};
const MARGIN = { left: 40, right: 12, top: 10, bottom: 24 };
const offscreen = document.createElement("canvas");
let shownOutput = 0;
let frame = null; // where numbers are in the picture: {x, y} with `to` and `from`

/** Numbers from low to high on pixels from start to end. */
function scaleOf([low, high], start, end) {
  return {
    low, high, start, end,
    to: (number) => start + ((number - low) / (high - low)) * (end - start),
    from: (pixel) => low + ((pixel - start) / (end - start)) * (high - low),
  };
}

function makeView() {
  $("view-title").textContent = TITLES[VIEW];
  $("picture").hidden = VIEW === "confusion";
  $("table").hidden = VIEW !== "confusion";
  $("picture").classList.toggle("square", VIEW !== "line");
  if (VIEW === "confusion") makeConfusion();
  const many = data.tape.outputs.length;
  if (many > 1 && !classes.length) {
    $("which").hidden = false;
    for (let k = 0; k < many; k++) $("output").append(new Option(`y${k}`, k));
    $("output").addEventListener("change", () => { shownOutput = Number($("output").value); draw(); });
  }
}

function drawView(fine) {
  if (VIEW === "confusion") return void drawConfusion();
  const pen = penOf($("picture"));
  const { width, height } = sizeOf($("picture"));
  const across = [MARGIN.left, width - MARGIN.right];
  const up = [height - MARGIN.bottom, MARGIN.top];
  ({ plane: drawPlane, line: drawLine, scatter: drawScatter })[VIEW](pen, across, up, fine);
}

function axes(pen, { x, y }) {
  const { quiet, rule } = palette();
  pen.strokeStyle = css(rule);
  pen.lineWidth = 1;
  pen.strokeRect(x.start, y.end, x.end - x.start, y.start - y.end);
  pen.fillStyle = css(quiet);
  pen.font = "11px system-ui, sans-serif";
  for (const tick of ticks(x.low, x.high)) {
    pen.textAlign = "center";
    pen.fillText(brief(tick), x.to(tick), y.start + 15);
  }
  for (const tick of ticks(y.low, y.high)) {
    pen.textAlign = "right";
    pen.fillText(brief(tick), x.start - 5, y.to(tick) + 4);
  }
}

/** Round numbers between two others. */
function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) found.push(Number((i * step).toPrecision(6)));
  return found;
}

// ── over the plane ──────────────────────────────────────────────────────────────────────────────

function drawPlane(pen, across, up, fine) {
  frame = { x: scaleOf(extent[0], ...across), y: scaleOf(extent[1], ...up) };
  const shown = fine ? computeFields(FINE, false) : fields;
  fill(offscreen, shown.side, shown.side, regionColour(shown));
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  const { x, y } = frame;
  pen.drawImage(offscreen, x.start, y.end, x.end - x.start, y.start - y.end);
  axes(pen, frame);
  now.set.rows.forEach((row, i) => drawSample(pen, row, i, x.to(row.x[0]), y.to(row.x[1])));
}

function regionColour({ chance, outputs }) {
  const { raised, minus, plus } = palette();
  if (chance) {
    return (i) => {
      const lead = 2 * chance[i] - 1 || 0;
      return [raised, lead < 0 ? minus : plus, 0.12 + 0.5 * Math.abs(lead)];
    };
  }
  if (classes.length) {
    const colours = classes.map((_, k) => classColour(k));
    return (i) => {
      let [best, sum] = [0, 0];
      for (let k = 1; k < outputs.length; k++) if (outputs[k][i] > outputs[best][i]) best = k;
      for (const values of outputs) sum += Math.exp(values[i] - outputs[best][i]);
      return [raised, colours[best], 0.1 + 0.5 / sum];
    };
  }
  const { middle, half } = targetScale();
  return (i) => {
    const share = (outputs[shownOutput][i] - middle) / half;
    return [raised, share < 0 ? minus : plus, 0.65 * Math.min(1, Math.abs(share))];
  };
}

/** The middle of all targets, and how far they go from there. */
function targetScale() {
  const [low, high] = spread(now.set.rows.map((row) => row.y[shownOutput] ?? row.y[0]), 0);
  return { middle: (low + high) / 2, half: (high - low) / 2 };
}

const SHAPES = ["circle", "square", "triangle", "diamond"];

/** A sample: its class is a colour and a shape; one that is held out is hollow. */
function drawSample(pen, row, index, x, y) {
  const { raised, minus, plus, ink } = palette();
  const k = classOf(row);
  let colour = k === null ? plus : classColour(Math.max(0, k));
  if (k === null && VIEW === "plane") {
    const { middle, half } = targetScale();
    const share = Math.max(-1, Math.min(1, (row.y[shownOutput] - middle) / half));
    colour = mix(raised, share < 0 ? minus : plus, 0.15 + 0.85 * Math.abs(share));
  }
  const size = index === chosen.sample ? 6.5 : 4.2;
  pen.beginPath();
  shape(pen, SHAPES[(k ?? 0) % SHAPES.length], x, y, size);
  pen.fillStyle = row.held ? css(raised) : css(colour);
  pen.strokeStyle = row.held ? css(colour) : css(raised);
  pen.lineWidth = row.held ? 1.8 : 1.2;
  pen.fill();
  pen.stroke();
  if (index === chosen.sample) {
    pen.beginPath();
    pen.arc(x, y, 10, 0, 7);
    pen.strokeStyle = css(ink);
    pen.lineWidth = 2;
    pen.stroke();
  }
}

function shape(pen, name, x, y, r) {
  if (name === "circle") pen.arc(x, y, r, 0, 7);
  else if (name === "square") pen.rect(x - r * 0.85, y - r * 0.85, 1.7 * r, 1.7 * r);
  else {
    const corners = name === "triangle" ? [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]] : [[0, -1.25], [1.1, 0], [0, 1.25], [-1.1, 0]];
    corners.forEach(([a, b], i) => (i ? pen.lineTo(x + a * r, y + b * r) : pen.moveTo(x + a * r, y + b * r)));
    pen.closePath();
  }
}

// ── on a line ───────────────────────────────────────────────────────────────────────────────────

/** Where a sample is on the line's picture; a class is 0 or 1 if there are several outputs. */
const heightOf = (row) => row.y[shownOutput] ?? row.y[0];

function drawLine(pen, across, up) {
  const values = fields.outputs[shownOutput];
  const heights = [...now.set.rows.map(heightOf)];
  const [low, high] = spread(heights, 0.18);
  frame = { x: scaleOf(extent[0], ...across), y: scaleOf([low, high], ...up) };
  const { x, y } = frame;
  axes(pen, frame);
  pen.save();
  pen.beginPath();
  pen.rect(x.start, y.end, x.end - x.start, y.start - y.end);
  pen.clip();
  const lines = classes.length && targets > 1 ? fields.outputs : [values];
  lines.forEach((line, k) => {
    pen.strokeStyle = css(lines.length > 1 ? classColour(k) : palette().minus);
    pen.lineWidth = 2.5;
    pen.beginPath();
    line.forEach((output, i) => pen.lineTo(x.start + (i / (line.length - 1)) * (x.end - x.start), y.to(output)));
    pen.stroke();
  });
  pen.restore();
  now.set.rows.forEach((row, i) => drawSample(pen, row, i, x.to(row.x[0]), y.to(heightOf(row))));
}

// ── targets against predictions ─────────────────────────────────────────────────────────────────

const LARGEST_CLOUD = 1500; // samples that are drawn
const spotsAcross = new Map(); // the height at which each is drawn

function drawScatter(pen, across, up) {
  const range = spread(now.set.rows.map((row) => row.y[shownOutput]), 0.15);
  frame = { x: scaleOf(range, ...across), y: scaleOf(range, ...up) };
  const { x, y } = frame;
  axes(pen, frame);
  pen.strokeStyle = css(palette().quiet);
  pen.setLineDash([4, 4]);
  pen.beginPath();
  pen.moveTo(x.start, y.start);
  pen.lineTo(x.end, y.end);
  pen.stroke();
  pen.setLineDash([]);
  spotsAcross.clear();
  for (const [part, results] of [[now.set.train, found], [now.set.held, foundHeld]]) {
    part.indices.slice(0, LARGEST_CLOUD).forEach((index, s) => {
      const row = now.set.rows[index];
      const height = Math.max(y.end, Math.min(y.start, y.to(results.outputs[shownOutput][s])));
      spotsAcross.set(row, height);
      drawSample(pen, row, index, x.to(row.y[shownOutput]), height);
    });
  }
}

// ── the table of confusions ─────────────────────────────────────────────────────────────────────

let cells = [];

function makeConfusion() {
  const table = element("table", "confusion");
  table.append(element("caption", "hidden", "How many samples of each class are taken for which"));
  const head = element("tr", "", element("th", "", "class"));
  for (const k of classes) {
    const cell = element("th", "", String(k));
    cell.scope = "col";
    head.append(cell);
  }
  table.append(head);
  cells = classes.map((k) => {
    const title = element("th", "", String(k));
    title.scope = "row";
    const row = element("tr", "", title);
    const made = classes.map(() => element("td"));
    row.append(...made);
    table.append(row);
    return made;
  });
  $("table").replaceChildren(table);
}

function drawConfusion() {
  const counts = classes.map(() => new Array(classes.length).fill(0));
  // What is held out says more, where there is some.
  const [part, results] = now.set.held.count ? [now.set.held, foundHeld] : [now.set.train, found];
  part.indices.forEach((index, s) => { counts[classOf(now.set.rows[index])][results.guesses[s]] += 1; });
  $("view-title").textContent = `${TITLES.confusion}${now.set.held.count ? ", held out" : ""}`;
  const { raised, minus, plus } = palette();
  counts.forEach((row, k) => {
    const most = Math.max(1, row.reduce((sum, count) => sum + count, 0));
    row.forEach((count, j) => {
      const cell = cells[k][j];
      cell.textContent = count || "·";
      cell.style.background = css(mix(raised, j === k ? plus : minus, count ? 0.12 + 0.4 * (count / most) : 0));
    });
  });
}
