// Steering: the loop, the buttons, the keys, the address, and what goes out of the page.

let playing = false;
let aim = null; // the step at which to stop
let seed = 0; // of the weights; 0 are those that came with the page
let due = 0; // steps that are owed at a given speed
let lastTime = 0;
let cost = 8; // milliseconds that drawing takes, of late
let detail = COARSE; // the side of the fields while it plays
const SLOW = 35; // milliseconds; then the fields are coarser

// ── the loop ────────────────────────────────────────────────────────────────────────────────────

function play() {
  if (playing) return void stop();
  if (!takeFields()) return;
  playing = true;
  due = 0;
  lastTime = performance.now();
  $("play").textContent = "Pause";
  requestAnimationFrame(tick);
}

function stop() {
  if (!playing) return;
  playing = false;
  aim = null;
  $("play").textContent = "Play";
  draw();
  say();
  rememberState();
}

/** A frame: as many steps as there is time for, or as were asked for, then all of it is drawn. */
function tick(time) {
  if (!playing) return;
  const speed = aim === null ? Number($("speed").value) : 0;
  due = speed ? Math.min(due + ((time - lastTime) * speed) / 1000, speed) : Infinity;
  lastTime = time;
  const until = performance.now() + Math.min(40, Math.max(9, cost));
  let going = true;
  let taken = 0;
  while (going && due >= 1 && now.steps !== aim && (speed || performance.now() < until)) {
    going = learn();
    due -= 1;
    taken += 1;
    if (speed && performance.now() > until + 40) due = 0; // it cannot keep up
  }
  if (!going || now.steps === aim) return void stop();
  if (taken || !speed) {
    const began = performance.now();
    draw(false);
    cost += 0.2 * (performance.now() - began - cost);
    if (cost > SLOW) detail = LEAST;
  }
  requestAnimationFrame(tick);
}

function steps(count) {
  stop();
  if (!takeFields()) return;
  for (let i = 0; i < count && learn(); i++);
  draw();
  say();
  rememberState();
}

const stepsOfEpoch = () => Math.max(1, Math.ceil(now.set.train.count / Math.max(1, batchSize(now))));

function travel(step) {
  stop();
  goTo(step);
  draw();
  rememberState();
}

// ── all that is seen ────────────────────────────────────────────────────────────────────────────

function draw(fine = true) {
  found = evaluate(now.set.train);
  foundHeld = evaluate(now.set.held);
  const known = curve.held.length ? curve.held[curve.held.length - 1][0] : -1;
  if (now.set.held.count && now.steps > known) curve.held.push([now.steps, foundHeld.loss]);
  fields = computeFields(fine ? COARSE : detail, true);
  if (chosen.sample !== null && !now.set.rows[chosen.sample]) chosen.sample = null;
  passed = chosen.sample === null ? null : machine.pass(now.parameters, fedOf([now.set.rows[chosen.sample]]), 0);
  const some = Object.values(chosen).some((each) => each !== null);
  if ($("cards").hidden === some) makeRoom(some);
  if (units.length) { drawLines(); drawUnits(); }
  drawView(fine);
  drawCurve();
  showFigures();
  showWeightCard();
  showUnitCard();
  showSampleCard();
  showParameters();
}

/** Cards stand beside the network where there is room, so it is laid out anew. */
function makeRoom(some) {
  $("cards").hidden = !some;
  $("nothing").hidden = some;
  document.body.classList.toggle("with-cards", some);
  placeBoxes();
}

function figure(id, value, text) {
  $(id).textContent = text;
  $(id).dataset.value = value;
}

function showFigures() {
  figure("steps", now.steps, now.steps.toLocaleString("en"));
  figure("epochs", now.epochs, now.epochs.toLocaleString("en"));
  figure("loss", found.loss, number(found.loss));
  figure("held-loss", foundHeld.loss, number(foundHeld.loss));
  const [part, results] = now.set.held.count ? [now.set.held, foundHeld] : [now.set.train, found];
  figure("accuracy", results.right / part.count, `${results.right} of ${part.count}`);
  document.querySelector(".held").hidden = !now.set.held.count;
  document.querySelector(".accuracy").hidden = !classes.length;
  $("trouble").textContent = trouble;
  $("slider").max = curve.losses.length;
  $("slider").value = now.steps;
  $("slider").setAttribute("aria-valuetext", `step ${now.steps} of ${curve.losses.length}`);
  $("position").textContent = `${now.steps.toLocaleString("en")} of ${curve.losses.length.toLocaleString("en")}`;
  showSettings();
  $("picture").setAttribute("aria-label", `${TITLES[VIEW]}, step ${now.steps}: loss ${number(found.loss)}${classes.length ? `, ${results.right} of ${part.count} samples are right` : ""}`);
}

/** Put the settings of now into their fields, but for one in which somebody types. */
function showSettings() {
  for (const [id, text] of Object.entries(shownSettings())) {
    if (document.activeElement !== $(id) && !$(id).dataset.wrong) $(id).value = text;
  }
  $("original").hidden = !seed;
}

function shownSettings() {
  const { rate, optimizer, batch } = now.settings;
  return { rate: short(rate), optimizer, batch: String(Math.min(batch, Math.max(1, now.set.train.count))) };
}

/** What a screen reader says when the training pauses. */
function say() {
  $("spoken").textContent = trouble || `Step ${now.steps}, loss ${number(found.loss)}.`;
}

// ── settings ────────────────────────────────────────────────────────────────────────────────────

const NEEDED = {
  rate: ["a number from 0 up", (x) => Number.isFinite(x) && x >= 0],
  batch: ["a whole number from 1 up", (x) => Number.isInteger(x) && x >= 1],
};

function takeNumber(id, text) {
  const [needed, fits] = NEEDED[id];
  const given = parseNumber(text);
  const isRight = given !== null && fits(given);
  $(id).toggleAttribute("aria-invalid", !isRight);
  if (isRight) delete $(id).dataset.wrong;
  else $(id).dataset.wrong = "yes";
  if (!isRight) $("trouble").textContent = `The ${id === "rate" ? "rate" : "size of a batch"} is ${needed}, got “${text}”.`;
  else if (given !== now.settings[id]) choose({ [id]: given });
  return isRight;
}

/** Take what was typed and not yet taken; false if it is no setting. */
const takeFields = () => ["rate", "batch"].every((id) => $(id).value === shownSettings()[id] || takeNumber(id, $(id).value));

function watchSettings() {
  for (const [name, { title }] of Object.entries(OPTIMISERS)) $("optimizer").append(new Option(title, name));
  for (const id of ["rate", "batch"]) {
    $(id).addEventListener("change", () => { if (takeNumber(id, $(id).value)) { draw(); rememberState(); } });
    $(id).addEventListener("keydown", (event) => { if (event.key === "Enter") $(id).dispatchEvent(new Event("change")); });
    $(id).addEventListener("blur", () => {
      delete $(id).dataset.wrong;
      $(id).removeAttribute("aria-invalid");
      showSettings();
    });
  }
  $("optimizer").addEventListener("change", () => {
    takeFields();
    choose({ optimizer: $("optimizer").value });
    draw();
    rememberState();
  });
}

/** Back to the start: the weights, the settings and the samples stay as chosen, the steps go. */
function reset() {
  stop();
  begin(weights());
  draw();
  say();
  rememberState();
}

const weights = () => (seed ? drawn(seed) : start);

/** Begin with weights that are drawn from a seed; 0 are those that came with the page. */
function beginWith(chosenSeed) {
  seed = chosenSeed;
  reset();
}

// ── the address ─────────────────────────────────────────────────────────────────────────────────

const stateNow = () => ({
  step: now.steps,
  rate: now.settings.rate,
  optimizer: now.settings.optimizer,
  batch: batchSize(now),
  ...(seed ? { weights: seed } : {}),
});

const rememberState = () => remember(stateNow());

/** Begin as the address says, and train up to its step; what it does not know is as it came. */
function begun() {
  const state = remembered();
  const number = (key) => (state[key] === undefined ? null : parseNumber(state[key]));
  const fits = (key, test) => (number(key) !== null && test(number(key)) ? number(key) : null);
  seed = fits("weights", (x) => Number.isInteger(x) && x > 0) ?? 0;
  const settings = { ...data.settings };
  settings.rate = fits("rate", NEEDED.rate[1]) ?? settings.rate;
  settings.batch = fits("batch", NEEDED.batch[1]) ?? settings.batch;
  if (Object.hasOwn(OPTIMISERS, state.optimizer ?? "")) settings.optimizer = state.optimizer;
  begin(weights(), settings, makeSet(givenSamples()));
  measure();
  const step = fits("step", (x) => Number.isInteger(x) && x > 0);
  draw();
  if (!step) return;
  play();
  aim = step;
}

// ── out again ───────────────────────────────────────────────────────────────────────────────────

function download(name, kind, text) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  $("saved").textContent = `Saved as ${name}.`;
}

/** The weights as `state_dict` has them. */
function weightsAsText() {
  const state = data.parameters.state.map(([name, index, number]) =>
    `  ${JSON.stringify(name)}: ${index < 0 ? number : now.parameters[index]}`);
  return `{\n${state.join(",\n")}\n}\n`;
}

/** A row for each step: the loss before it, and that of what is held out, where it was looked at. */
function curveAsText() {
  const held = new Map(curve.held);
  const rows = curve.losses.map((loss, step) => `${step},${loss},${held.get(step) ?? ""}`);
  return ["step,loss,held_out_loss", ...rows, ""].join("\n");
}

async function copyLink() {
  remember(stateNow());
  const url = `${location.href.split("#")[0]}#${new URLSearchParams(stateNow())}`;
  try {
    await navigator.clipboard.writeText(url);
    $("saved").textContent = "The link was copied.";
  } catch {
    $("saved").textContent = `The link: #${new URLSearchParams(stateNow())}`;
  }
}

// ── wiring ──────────────────────────────────────────────────────────────────────────────────────

onKeys({
  " ": play,
  s: () => steps(1),
  e: () => steps(stepsOfEpoch()),
  ArrowLeft: () => travel(now.steps - 1),
  ArrowRight: () => travel(now.steps + 1),
  Home: () => travel(0),
  End: () => travel(curve.losses.length),
  Escape: chooseNothing,
  "?": () => $("help").showModal(),
});

onClicks({
  play,
  step: () => steps(1),
  epoch: () => steps(stepsOfEpoch()),
  reset,
  draw: () => beginWith(1 + Math.floor(Math.random() * 99999)),
  original: () => beginWith(0),
  add: () => addSample({ x: (extent ?? extentOf(now.set.rows)).map(([low, high]) => (low + high) / 2), y: targetsHere(0) }),
  paste: () => { stop(); $("table-said").textContent = ""; $("table-dialog").showModal(); },
  "table-take": takeTable,
  "table-close": () => $("table-dialog").close(),
  hold: holdOut,
  given: () => edited(givenSamples(), "The data are as they came."),
  "save-weights": () => download("weights.json", "application/json", weightsAsText()),
  "save-curve": () => download("loss.csv", "text/csv", curveAsText()),
  link: copyLink,
  "help-button": () => $("help").showModal(),
  "close-help": () => $("help").close(),
});

$("slider").addEventListener("input", () => travel(Number($("slider").value)));
$("log").addEventListener("change", () => draw());
$("lines").addEventListener("click", (event) => {
  const box = $("lines").getBoundingClientRect();
  const weight = weightAt(event.clientX - box.left, event.clientY - box.top);
  if (weight !== null) chooseWeight(weight);
});
$("lines").addEventListener("pointermove", (event) => {
  const box = $("lines").getBoundingClientRect();
  const weight = weightAt(event.clientX - box.left, event.clientY - box.top);
  $("lines").style.cursor = weight === null ? "" : "pointer";
  $("hint").textContent = weight === null ? "" : `${parameterName(weight)} = ${number(now.parameters[weight])}`;
});
addEventListener("hashchange", () => { stop(); begun(); });
new ResizeObserver(() => { placeBoxes(); if (found) draw(); }).observe(document.querySelector("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = null; draw(); });

watchSettings();
makeNetwork();
makeView();
makeParameters();
watchData();
begun();
