// Moving through the steps: keys, buttons, search, play, prediction.

const last = steps.length - 1;
const PACE = 900; // milliseconds a step

/** How many steps are known: a gradient that is asked for is not. */
const known = () => (state.waiting ? state.position - 1 : state.position);

const step = () => steps[state.position];

function goTo(target) {
  const next = Math.min(last, Math.max(0, target));
  const before = known();
  const ahead = next > state.position;
  state.position = next;
  state.waiting = state.predicting && ahead && step().pass === "backward";
  if (state.waiting) state.score.asked += 1;
  $("verdict").textContent = "";
  drawNumbers(before, known());
  show();
  keepInView([step().node, step().parent ?? step().node].map((node) => $(node.box)));
  // Whoever drags the slider keeps it; whoever steps can answer at once.
  if (state.waiting && document.activeElement !== $("slider")) $("guess").focus({ preventScroll: true });
  remember({ step: state.position + 1 });
}

/** Show the present step, with its numbers as they are. */
function show() {
  if (step().pass === "backward") drawEdge(step(), known());
  highlight(step());
  showStep(step(), state.waiting);
  showCard();
  $("question").hidden = !state.waiting;
  if (state.waiting) {
    $("question-name").textContent = `∂${root.symbol}/∂${step().parent.symbol}`;
    $("guess").value = "";
    stop();
  }
  $("slider").value = state.position;
  $("slider").setAttribute("aria-valuetext", `step ${state.position + 1} of ${steps.length}, ${passName(step())}`);
  $("position").textContent = `${state.position + 1} of ${steps.length} · ${step().pass === "forward" ? "forward" : "backward"}`;
  for (const id of ["first", "back"]) $(id).disabled = state.position === 0;
  for (const id of ["next", "last"]) $(id).disabled = state.position === last;
}

/** Change numbers, then show the same step with the new ones. */
function change(action) {
  action();
  drawAllNumbers(known());
  show();
}

/** The last step of a node's turn; whole-node moves go from one such place to the next. */
const endsTurn = (index) => index === last || steps[index].node !== steps[index + 1].node;

function wholeNode(direction) {
  let target = state.position + direction;
  while (target > 0 && target < last && !endsTurn(target)) target += direction;
  goTo(target);
}

// ── play ────────────────────────────────────────────────────────────────────────────────────────

function play() {
  if (state.playing) return stop();
  if (state.position === last) goTo(0);
  $("play").textContent = "Pause";
  state.playing = setInterval(() => (state.position === last ? stop() : goTo(state.position + 1)), PACE);
}

function stop() {
  clearInterval(state.playing);
  state.playing = 0;
  $("play").textContent = "Play";
}

// ── predict ─────────────────────────────────────────────────────────────────────────────────────

function togglePredict() {
  state.predicting = !state.predicting;
  $("predict").setAttribute("aria-pressed", state.predicting);
  if (state.waiting) reveal();
  const next = state.predicting ? "Step on: each gradient is asked for before it is shown." : "";
  $("verdict").className = "";
  $("verdict").textContent = next;
}

function checkGuess() {
  const { before, after } = step();
  const guess = parseNumber($("guess").value);
  if (guess === null) return say("wrong", "Give a number, such as −0.5.");
  const close = Math.abs(guess - after) <= 0.005 * Math.abs(after) + 1e-4;
  if (close || Object.is(guess, after)) {
    state.score.right += 1;
    reveal();
    const tally = `${state.score.right} of ${state.score.asked} so far.`;
    return say("right", `✓ Right: ${number(after)}. ${tally}${ending()}`);
  }
  const added = Math.abs(guess - (after - before)) <= 0.005 * Math.abs(after - before) + 1e-4;
  return say("wrong", added ? "✗ That is what this step adds: what was there before stays."
    : "✗ Not that: what was there before, plus the product of the two numbers.");
}

function reveal() {
  state.waiting = false;
  drawNumbers(state.position - 1, state.position);
  show();
  say("", ending().trim());
  $("next").focus();
}

/** At the end of a drill, what to do next: harder if four of five gradients were right. */
function ending() {
  if (!data.drill || state.position !== last) return "";
  const good = state.score.right >= 0.8 * (last - seedStep);
  return good ? ` Now a harder one: ${data.drill.harder}` : ` Now another one: ${data.drill.again}`;
}

function say(kind, text) {
  $("verdict").className = kind;
  $("verdict").textContent = text;
}

// ── search ──────────────────────────────────────────────────────────────────────────────────────

function findNext() {
  const text = $("search").value.trim().toLowerCase();
  const found = text ? nodes.filter((node) => node.name.toLowerCase().includes(text)) : [];
  found.sort((a, b) => (b.name.toLowerCase() === text) - (a.name.toLowerCase() === text));
  state.search.at = text === state.search.text && found.length ? (state.search.at + 1) % found.length : 0;
  state.search.text = text;
  $("matches").textContent = found.length ? `${state.search.at + 1} of ${found.length}` : text && "not found";
  if (found.length) openCard(found[state.search.at]);
}

// ── wiring ──────────────────────────────────────────────────────────────────────────────────────

/** The step in the address, counted from 1 as on the page; the first one if there is none. */
const linkedPosition = () => Math.trunc(Number(remembered().step) || 1) - 1;


/** Play stops when somebody takes over. */
const steering = (actions) => Object.fromEntries(
  Object.entries(actions).map(([name, action]) => [name, () => { stop(); action(); }]),
);

onKeys({
  ...steering({
    ArrowRight: () => goTo(state.position + 1),
    ArrowLeft: () => goTo(state.position - 1),
    "Shift+ArrowRight": () => wholeNode(1),
    "Shift+ArrowLeft": () => wholeNode(-1),
    Home: () => goTo(0),
    End: () => goTo(last),
    "/": () => $("search").focus(),
    "?": () => $("help").showModal(),
    0: fit,
  }),
  " ": play,
});

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.opened && !$("help").open) closeCard();
});

onClicks({
  ...steering({
    first: () => goTo(0),
    back: () => goTo(state.position - 1),
    next: () => goTo(state.position + 1),
    last: () => goTo(last),
    "to-forward": () => goTo(0),
    "to-backward": () => goTo(seedStep),
    predict: togglePredict,
    check: checkGuess,
    reveal,
    fit,
    "zoom-in": () => zoom(1.25),
    "zoom-out": () => zoom(0.8),
    "help-button": () => $("help").showModal(),
    "close-help": () => $("help").close(),
    reset: () => change(() => { reset(); $("progress").textContent = ""; }),
    descend: stepDown,
  }),
  play,
});

function stepDown() {
  const rate = parseNumber($("rate").value);
  if (rate === null) return void ($("progress").textContent = "The rate is a number, such as 0.05.");
  const before = shownValue(root);
  change(() => descend(rate));
  return void ($("progress").textContent = `${root.name}: ${before} → ${shownValue(root)}`);
}

$("slider").max = last;
$("slider").addEventListener("input", () => { stop(); goTo(Number($("slider").value)); });
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") findNext();
  if (event.key === "Escape") $("search").blur();
});
$("guess").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault(); // or the button that gets the focus is pressed by the same key
    checkGuess();
  }
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (way && !$("guess").value) goTo(state.position + way); // without an answer, an arrow steps on
});
addEventListener("hashchange", () => goTo(linkedPosition()));

// ── start ───────────────────────────────────────────────────────────────────────────────────────

for (const name of new Set(nodes.map((node) => node.name))) {
  const option = element("option");
  option.value = name;
  $("labels").append(option);
}
$("learners").textContent = learners[0]?.kind === "parameter" ? "parameter" : "leaf";
$("descend").disabled = learners.length === 0;
document.body.classList.toggle("wide", extent.width > 1.8 * extent.height);
measure();
fit();
if (state.view.zoom < LEGIBLE) state.view.zoom = LEGIBLE;
setView();
drawAllNumbers(-1);
if (data.drill && linkedPosition() < seedStep) goTo(seedStep);
else goTo(linkedPosition());
if (data.drill) togglePredict();
