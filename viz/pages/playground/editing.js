// Changing the data: by a click or a drag in the picture, by a table, by holding some out.

const NEAR = 11; // pixels

function edited(rows, said) {
  stop();
  replaceSamples(rows);
  if (chosen.sample >= rows.length) chosen.sample = null;
  measure();
  if (chosen.sample !== null) makeSampleCard();
  $("data-said").textContent = said;
  draw();
}

function editSample(index, part) {
  edited(now.set.rows.with(index, { ...now.set.rows[index], ...part }), `Sample ${index} was changed.`);
}

function removeSample(index) {
  chosen.sample = null;
  edited(now.set.rows.toSpliced(index, 1), `Sample ${index} was removed; those after it have moved up.`);
}

function addSample(row) {
  const rows = [...now.set.rows, { held: false, ...row }];
  edited(rows, `Sample ${rows.length - 1} was added.`);
  chooseSample(rows.length - 1);
}

/** The targets that a click gives to a new sample. */
function targetsHere(y) {
  if (classes.length) {
    if (VIEW !== "line" || targets > 1) return targetsOf(Number($("class").value));
    return [classes.reduce((best, k) => (Math.abs(k - y) < Math.abs(best - y) ? k : best))];
  }
  const given = VIEW === "line" ? y : parseNumber($("target").value) ?? 0;
  return Array.from({ length: targets }, () => given);
}

// ── in the picture ──────────────────────────────────────────────────────────────────────────────

/** Where a sample is in the picture, in pixels. */
function spotOf(row) {
  if (VIEW === "plane") return [frame.x.to(row.x[0]), frame.y.to(row.x[1])];
  if (VIEW === "scatter") return [frame.x.to(row.y[shownOutput]), spotsAcross.get(row)];
  return [frame.x.to(row.x[0]), frame.y.to(heightOf(row))];
}

function sampleAt(x, y) {
  let [best, nearest] = [null, NEAR];
  now.set.rows.forEach((row, i) => {
    const [a, b] = spotOf(row);
    const distance = Math.hypot(a - x, b - y);
    if (distance < nearest) [best, nearest] = [i, distance];
  });
  return best;
}

function watchPicture() {
  if (VIEW === "confusion") return;
  const picture = $("picture");
  const fixed = VIEW === "scatter"; // a prediction cannot be dragged
  let held = null; // the sample that is dragged
  let moved = false;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = sampleAt(...at(event));
    moved = false;
    picture.setPointerCapture(event.pointerId);
    if (held !== null) chooseSample(held);
  });
  picture.addEventListener("pointermove", (event) => {
    if (fixed || held === null || !event.buttons) return;
    const [x, y] = at(event);
    const row = now.set.rows[held];
    const [a, b] = spotOf(row);
    if (!moved && Math.hypot(a - x, b - y) < 3) return;
    moved = true;
    stop();
    now.set = makeSet(now.set.rows.with(held, { ...row, ...movedTo(row, x, y) }));
    draw();
  });
  picture.addEventListener("pointerup", (event) => {
    const [x, y] = at(event);
    if (held !== null && moved) editSample(held, {});
    else if (held === null && !fixed && inFrame(x, y)) addSample({ ...movedTo(null, x, y), y: targetsHere(frame.y.from(y)) });
    held = null;
  });
  picture.addEventListener("pointercancel", () => { held = null; });
}

const inFrame = (x, y) => x >= frame.x.start && x <= frame.x.end && y >= frame.y.end && y <= frame.y.start;

/** A sample that was put to a place of the picture. */
function movedTo(row, x, y) {
  if (VIEW === "plane") return { x: [frame.x.from(x), frame.y.from(y)] };
  const made = { x: [frame.x.from(x)] };
  if (row && !classes.length) made.y = row.y.with(shownOutput, frame.y.from(y));
  return made;
}

// ── a table ─────────────────────────────────────────────────────────────────────────────────────

/** The columns of a table: the inputs, then the class or the targets. */
const width = inputs + (classes.length ? 1 : targets);

function tableHint() {
  const names = Array.from({ length: inputs }, (_, i) => `x${i}`);
  const shown = names.length > 4 ? [...names.slice(0, 2), "…", names[names.length - 1]] : names;
  const last = classes.length ? [`class (${classes.length > 4 ? `${classes[0]} … ${classes[classes.length - 1]}` : classes.join(", ")})`]
    : Array.from({ length: targets }, (_, i) => `y${i}`);
  return `A row for each sample, of ${width} numbers between commas, semicolons, tabs or spaces: ${[...shown, ...last].join(", ")}. They take the place of all samples.`;
}

/** The samples in a text; a sentence, where it holds something else. */
function readTable(text) {
  const rows = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (!line.trim()) continue;
    const cells = line.trim().split(/\s*[,;\t]\s*|\s+/);
    const numbers = cells.map(parseNumber);
    if (!rows.length && i === 0 && numbers.every((x) => x === null)) continue; // a line of names
    if (cells.length !== width) return `Line ${i + 1} needs ${width} numbers, got ${cells.length}.`;
    const wrong = numbers.findIndex((x) => x === null || !Number.isFinite(x));
    if (wrong >= 0) return `Line ${i + 1} needs numbers, got “${cells[wrong].slice(0, 40)}”.`;
    const k = classes.indexOf(numbers[inputs]);
    if (classes.length && k < 0) return `Line ${i + 1} needs one of the classes ${classes.join(", ")}, got ${brief(numbers[inputs])}.`;
    rows.push({ x: numbers.slice(0, inputs), y: classes.length ? targetsOf(k) : numbers.slice(inputs), held: false });
  }
  return rows.length ? rows : "A sample is needed at least, got none.";
}

function takeTable() {
  const rows = readTable($("table-text").value);
  if (typeof rows === "string") return void ($("table-said").textContent = rows);
  $("table-dialog").close();
  chosen.sample = null;
  edited(rows, `${rows.length} samples were taken from the table.`);
}

// ── holding out ─────────────────────────────────────────────────────────────────────────────────

const chance = { random: 7 };

function holdOut() {
  const share = parseNumber($("share").value);
  if (share === null || !(share >= 0 && share <= 90)) {
    return void ($("data-said").textContent = `A share from 0 to 90 is needed, got “${$("share").value}”.`);
  }
  const { rows } = now.set;
  const count = Math.round((rows.length * share) / 100);
  const held = new Set(shuffled(rows.length, chance).slice(0, count));
  edited(rows.map((row, i) => ({ ...row, held: held.has(i) })), `${count} of ${rows.length} samples are held out.`);
}

function watchData() {
  $("table-hint").textContent = tableHint();
  $("data-hint").textContent = VIEW === "plane" || VIEW === "line"
    ? "Drag a sample in the picture, or click where there is none to add one. Choose one to change its numbers."
    : "Choose a sample by its number to change it.";
  if (VIEW === "plane" && classes.length) {
    $("class-label").hidden = false;
    classes.forEach((k, i) => $("class").append(new Option(`class ${k}`, i)));
  }
  if (VIEW === "plane" && !classes.length) $("target-label").hidden = false;
  watchPicture();
  $("sample").addEventListener("change", () => {
    const index = parseNumber($("sample").value);
    const known = Number.isInteger(index) && index >= 0 && index < now.set.rows.length;
    $("data-said").textContent = known || !$("sample").value ? "" : `Samples have numbers from 0 to ${now.set.rows.length - 1}, got “${$("sample").value}”.`;
    chooseSample(known ? index : null);
  });
}
