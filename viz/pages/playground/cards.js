// Cards: every number of a weight, a unit or a sample.

const chosen = { weight: null, unit: null, sample: null };
let found = null; // what the training samples evaluate to
let foundHeld = null; // and those that are held out
let passed = null; // the forward and backward pass of the chosen sample

const parameterName = (index) => data.parameters.names[index];

/** Between which units a weight is. */
function whereIs(index) {
  const use = uses[index];
  if (!use) return "";
  if (use.from === null) return `the bias of ${units[use.to].name}`;
  return `from ${units[use.from].name} to ${units[use.to].name}`;
}

function chooseWeight(index) {
  Object.assign(chosen, { weight: index, unit: null });
  makeWeightCard();
  draw();
  show($("weight-card"));
}

function chooseUnit(index) {
  Object.assign(chosen, { unit: index, weight: null });
  makeUnitCard();
  draw();
  show($("unit-card"));
}

function chooseSample(index) {
  chosen.sample = index;
  $("sample").value = index ?? "";
  makeSampleCard();
  draw();
}

function chooseNothing() {
  Object.assign(chosen, { weight: null, unit: null, sample: null });
  $("sample").value = "";
  draw();
}

/** On a narrow screen the cards are far below. */
function show(card) {
  const { top, bottom } = card.getBoundingClientRect();
  if (top > innerHeight - 80 || bottom < 0) card.scrollIntoView({ block: "nearest" });
}

function headOf(title, note, close) {
  const closer = button("×", close, "close");
  closer.setAttribute("aria-label", "Close this card");
  return element("div", "head", element("h2", "", title, element("small", "", note)), closer);
}

const entry = (name, content) => element("div", "", element("dt", "", name), element("dd", "", content));

function numberInput(id, label, value, take) {
  const input = element("input");
  Object.assign(input, { type: "text", inputMode: "decimal", id, value: exact(value), autocomplete: "off" });
  const complaint = element("span", "wrong");
  complaint.setAttribute("role", "status");
  const set = () => {
    const given = parseNumber(input.value);
    const fits = given !== null && Number.isFinite(given);
    complaint.textContent = fits ? "" : `A number is needed, got “${input.value}”.`;
    if (fits) take(given);
  };
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") set(); });
  return element("div", "row", element("label", "", `${label} `, input), button("Set", set), complaint);
}

/** A number with the digits that a table has room for. */
function digits(x) {
  if (!Number.isFinite(x) || x === 0) return exact(x);
  const size = Math.abs(x);
  const text = size < 1e-4 || size >= 1e9 ? x.toExponential(6) : String(Number(x.toPrecision(9)));
  return text.replaceAll("-", "−");
}

/** What an optimiser remembers. */
const MEANINGS = {
  sgd: [],
  momentum: ["velocity v"],
  adam: ["m, mean of g", "v, mean of g²"],
  adamw: ["m, mean of g", "v, mean of g²"],
};

// ── a weight ────────────────────────────────────────────────────────────────────────────────────

function makeWeightCard() {
  const index = chosen.weight;
  const past = element("canvas", "past");
  past.id = "weight-past";
  past.setAttribute("role", "img");
  const lines = element("div", "steps");
  lines.id = "weight-update";
  const list = element("dl", "numbers");
  list.id = "weight-numbers";
  $("weight-card").replaceChildren(
    headOf(parameterName(index), whereIs(index), () => { chosen.weight = null; draw(); }),
    list,
    element("h3", "", "The next step"), lines,
    element("h3", "", "Its history"), past,
    numberInput("weight-value", "w =", now.parameters[index], (given) => {
      stop();
      change(() => { now.parameters[index] = given; });
      draw();
    }),
  );
}

function showWeightCard() {
  const index = chosen.weight;
  $("weight-card").hidden = index === null;
  if (index === null) return;
  // The very next step, taken by a copy.
  const [trial, said] = [copyOf(now), trouble];
  const loss = advance(trial);
  trouble = said;
  const of = (state) => ({ w: state.parameters[index], memory: state.memory.map((numbers) => numbers[index]) });
  $("weight-numbers").replaceChildren(
    entry("weight w", digits(now.parameters[index])),
    entry("gradient g = ∂L/∂w", loss === null ? "not finite" : digits(gradient[index])),
    ...now.memory.map((numbers, place) => entry(MEANINGS[now.settings.optimizer][place], digits(numbers[index]))),
  );
  const rows = loss === null ? [] : explained(of(now), of(trial), gradient[index], now.settings, now.taken);
  $("weight-update").replaceChildren(...rows.flatMap(([symbolic, numeric]) => [element("p", "formula", symbolic), element("p", "formula numeric", `= ${numeric}`)]));
  const input = $("weight-value");
  if (document.activeElement !== input) input.value = exact(now.parameters[index]);
  drawPast(index);
}

/** The weight at all steps of which there are copies. */
function drawPast(index) {
  const canvas = $("weight-past");
  const pen = penOf(canvas);
  const { width, height } = sizeOf(canvas);
  const points = [...copies].sort(([a], [b]) => a - b).map(([step, copy]) => [step, copy.parameters[index]]);
  const range = spread(points.map(([, w]) => w), 0.1);
  const place = { x: scaleOf([0, Math.max(1, curve.losses.length)], 40, width - 8), y: scaleOf(range, height - 18, 6) };
  axesOfCurve(pen, place, false);
  trace(pen, place, points.length, (i) => points[i][0], (i) => points[i][1], palette().plus, 2);
  canvas.setAttribute("aria-label", `From ${number(points[0][1])} to ${number(now.parameters[index])}`);
}

// ── a unit ──────────────────────────────────────────────────────────────────────────────────────

const LONGEST_LIST = 100; // weights that are listed

function makeUnitCard() {
  const unit = units[chosen.unit];
  const box = boxOf[chosen.unit];
  const list = element("div", "weights");
  list.tabIndex = 0;
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", "Its weights");
  list.id = "unit-weights";
  const parts = [unit.bias, ...unit.weights.map(([, parameter]) => parameter)].filter((each) => each !== null);
  parts.slice(0, LONGEST_LIST).forEach((parameter) => {
    const made = button("", () => chooseWeight(parameter));
    made.append(element("span", "", uses[parameter].from === null ? "bias" : units[uses[parameter].from].name), element("b"));
    made.dataset.parameter = parameter;
    list.append(made);
  });
  if (parts.length > LONGEST_LIST) list.append(element("p", "", `… and ${parts.length - LONGEST_LIST} more`));
  const bars = element("canvas", "past");
  bars.id = "unit-bars";
  bars.setAttribute("role", "img");
  const numbers = element("dl", "numbers");
  numbers.id = "unit-numbers";
  const verdict = element("p", "verdict");
  verdict.id = "unit-verdict";
  const others = box.folded ? [folded(box)] : [];
  const heading = headOf(unit.name, kindText(unit), () => { chosen.unit = null; draw(); });
  const written = unit.kind === "neuron" ? formulaOf(unit) : unit.formula;
  const formula = written ? [element("p", "formula", written)] : [];
  $("unit-card").replaceChildren(
    heading, ...others, ...formula, numbers,
    element("h3", "", "Over the training samples"), bars, verdict,
    ...(parts.length ? [element("h3", "", "Its weights"), list] : []),
  );
}

function kindText(unit) {
  if (unit.kind === "input") return "an input";
  if (unit.kind === "computed") return "computed, without weights";
  return unit.activation ? `a neuron, ${unit.activation}` : "a linear neuron";
}

/** a = tanh(b + w₀ x₀ + …) */
function formulaOf(unit) {
  const terms = unit.weights.length > 3 ? "Σ wᵢ xᵢ" : unit.weights.map(([from], i) => `w${SUBSCRIPTS[i]} · ${units[from].name}`).join(" + ");
  const sum = unit.bias === null ? terms : `${terms} + b`;
  return `${unit.name} = ${unit.activation ? `${unit.activation}(${[sum, ...unit.settings].join(", ")})` : sum}`;
}

const SUBSCRIPTS = ["₀", "₁", "₂"];

/** In a folded column, a unit is chosen by its number. */
function folded(box) {
  const select = element("select");
  box.units.forEach((index) => select.append(new Option(units[index].name, index, false, index === chosen.unit)));
  select.addEventListener("change", () => chooseUnit(Number(select.value)));
  return element("p", "", element("label", "", "One of them: ", select));
}

function showUnitCard() {
  const index = chosen.unit;
  $("unit-card").hidden = index === null;
  if (index === null) return;
  const unit = units[index];
  for (const each of $("unit-weights")?.querySelectorAll("button") ?? []) {
    each.lastChild.textContent = number(now.parameters[each.dataset.parameter]);
  }
  const rows = [];
  if (passed) {
    if (unit.before !== null) rows.push(entry("before the activation", digits(passed.value(unit.before))));
    rows.push(entry(`value, sample ${chosen.sample}`, digits(passed.value(unit.slot))));
    rows.push(entry("∂L/∂value", digits(passed.slope(unit.slot))));
  }
  $("unit-numbers").replaceChildren(...rows);
  const values = found.units.get(index);
  const [low, high] = values.length ? minMax(values) : [NaN, NaN];
  const canvas = $("unit-bars");
  drawBars(canvas, values);
  canvas.setAttribute("aria-label", `Values from ${number(low)} to ${number(high)}`);
  $("unit-verdict").textContent = values.length ? `From ${number(low)} to ${number(high)}. ${stateOf(index)}` : "";
}

function drawBars(canvas, values) {
  const pen = penOf(canvas);
  const { width, height } = sizeOf(canvas);
  const { counts, low, high } = histogram(values, 24);
  const most = Math.max(1, ...counts);
  const x = scaleOf([low, high], 8, width - 8);
  counts.forEach((count, i) => {
    const [from, to] = [x.to(low + ((high - low) * i) / counts.length), x.to(low + ((high - low) * (i + 1)) / counts.length)];
    const size = (count / most) * (height - 24);
    pen.fillStyle = css(low + ((i + 0.5) * (high - low)) / counts.length < 0 ? palette().minus : palette().plus);
    pen.fillRect(from + 0.5, height - 18 - size, Math.max(1, to - from - 1), size);
  });
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = css(palette().quiet);
  pen.textAlign = "center";
  for (const tick of ticks(low, high)) pen.fillText(brief(tick), Math.max(16, Math.min(width - 16, x.to(tick))), height - 4);
}

/** How many samples pass (almost) no gradient through the activation, by the table's derivative. */
function flatOf(index) {
  const unit = units[index];
  const slope = unit.activation && RULES[unit.activation]?.slopes[0];
  if (!slope) return null;
  const flat = { dead: 0, flat: 0, all: 0 };
  machine.evaluate(now.parameters, now.set.train.fed, null, now.set.train.count, (_, n) => {
    for (let s = 0; s < n; s++) {
      let size = 0;
      try { size = Math.abs(slope(machine.value(unit.before, s), ...unit.settings, machine.value(unit.slot, s))); } catch { size = NaN; }
      flat.all += 1;
      if (size === 0) flat.dead += 1;
      if (size < 0.01) flat.flat += 1;
    }
  }, false);
  return flat;
}

function stateOf(index) {
  const state = flatOf(index);
  if (!state || !state.all) return "";
  const { activation } = units[index];
  if (state.dead === state.all) return `Dead: the slope of ${activation} is 0 for all samples, so nothing here learns.`;
  if (state.flat === state.all) return `Saturated: the slope of ${activation} is below 0.01 for all samples.`;
  if (state.dead && state.dead === state.flat) return `The slope of ${activation} is 0 for ${state.dead} of ${state.all} samples.`;
  if (state.flat) return `The slope of ${activation} is below 0.01 for ${state.flat} of ${state.all} samples.`;
  return `The slope of ${activation} is at least 0.01 for all samples.`;
}

// ── a sample ────────────────────────────────────────────────────────────────────────────────────

const MOST_EDITED = 8; // inputs, and targets, that can be changed one by one

function makeSampleCard() {
  const index = chosen.sample;
  const row = now.set.rows[index];
  if (!row) return;
  const numbers = element("dl", "numbers");
  numbers.id = "sample-numbers";
  const edits = inputs > MOST_EDITED ? [] : row.x.map((x, i) =>
    numberInput(`sample-x${i}`, `x${i} =`, x, (given) => editSample(index, { x: row.x.with(i, given) })));
  if (!classes.length && targets <= MOST_EDITED) {
    row.y.forEach((y, i) => edits.push(numberInput(`sample-y${i}`, `target y${i} =`, y, (given) => editSample(index, { y: row.y.with(i, given) }))));
  }
  const tools = element("div", "row");
  if (classes.length) {
    const select = element("select");
    classes.forEach((k, i) => select.append(new Option(k, i, false, i === classOf(row))));
    select.addEventListener("change", () => editSample(index, { y: targetsOf(Number(select.value)) }));
    tools.append(element("label", "", "class ", select));
  }
  const held = element("input");
  Object.assign(held, { type: "checkbox", checked: row.held });
  held.addEventListener("change", () => editSample(index, { held: held.checked }));
  tools.append(element("label", "", held, " held out"), button("Remove", () => removeSample(index)));
  $("sample-card").replaceChildren(
    headOf(`Sample ${index}`, row.held ? "held out" : "in training", () => chooseSample(null)),
    numbers, ...edits, tools,
    ...(units.length ? [element("p", "quiet", "In the network: each unit’s value, and below it ∂L/∂value for this sample.")] : []),
  );
}

function showSampleCard() {
  const index = chosen.sample;
  $("sample-card").hidden = index === null;
  if (index === null) return;
  const row = now.set.rows[index];
  const outputs = data.tape.outputs.map((slot) => passed.value(slot));
  const guess = guessOf(row);
  $("sample-numbers").replaceChildren(
    entry("inputs", listOf(row.x)),
    entry(classes.length ? "class" : "target", classes.length ? String(classes[classOf(row)]) : listOf(row.y)),
    entry(outputs.length > 1 ? "outputs" : "output", listOf(outputs)),
    ...(guess === null ? [] : [entry("taken for", `${classes[guess]}${guess === classOf(row) ? ", right" : ", wrong"}`)]),
    entry("loss", digits(passed.value(data.tape.loss))),
  );
}

const listOf = (numbers) => (numbers.length > 12 ? `${numbers.length} numbers` : numbers.map(brief).join(", "));

function guessOf(row) {
  if (!classes.length) return null;
  const [part, results] = row.held ? [now.set.held, foundHeld] : [now.set.train, found];
  return results.guesses[part.indices.indexOf(now.set.rows.indexOf(row))];
}

// ── all parameters ──────────────────────────────────────────────────────────────────────────────

const MOST_LISTED = 400;

function makeParameters() {
  const count = data.parameters.names.length;
  const panel = $("parameters");
  panel.querySelector("summary").textContent = `All ${count.toLocaleString("en")} parameters`;
  panel.addEventListener("toggle", () => {
    const list = panel.querySelector(".list");
    if (!panel.open || list.children.length) return;
    data.parameters.short.slice(0, MOST_LISTED).forEach((name, index) => {
      const made = button("", () => chooseWeight(index));
      made.title = parameterName(index);
      made.append(element("span", "", name), element("b"));
      made.dataset.parameter = index;
      list.append(made);
    });
    if (count > MOST_LISTED) list.append(element("p", "", `… and ${count - MOST_LISTED} more: choose them in the network`));
    showParameters();
  });
  panel.open = !units.length;
}

function showParameters() {
  if (!$("parameters").open) return;
  for (const each of $("parameters").querySelectorAll("button")) {
    each.lastChild.textContent = number(now.parameters[each.dataset.parameter]);
  }
}
