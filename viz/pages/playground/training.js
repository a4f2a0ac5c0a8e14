// The training: its state, a step, and the way back to any step so far.
//
// All that a step depends on is in `now`, so that a copy of it and the steps from there on give the
// same numbers again: that is how the slider goes back.

const KEPT = 24e6; // bytes of copies that are kept
const start = Float64Array.from(data.parameters.data, Number);
const gradient = new Float64Array(start.length);

let now; // the state
let curve; // the loss of each step, before it; of held-out samples, pairs [step, loss]; steps of an epoch
let copies; // states on the way, by step
let stride; // a copy is taken after so many steps
let trouble = ""; // why the last step was not taken

function fresh(parameters, settings, set, random) {
  return {
    parameters: parameters.slice(),
    memory: OPTIMISERS[settings.optimizer].memory.map(() => new Float64Array(parameters.length)),
    taken: 0, // steps of this optimiser
    steps: 0,
    epochs: 0,
    order: null, // the samples of this epoch, shuffled
    place: 0, // how many of them were used
    random,
    settings,
    set,
  };
}

function copyOf(state) {
  return {
    ...state,
    parameters: state.parameters.slice(),
    memory: state.memory.map((numbers) => numbers.slice()),
  };
}

/** Begin anew: with given weights, and the settings and samples of now. */
function begin(parameters, settings = now.settings, set = now.set, random = 1) {
  now = fresh(parameters, settings, set, random);
  curve = { losses: [], held: [], window: 1 };
  copies = new Map([[0, copyOf(now)]]);
  stride = 1;
  trouble = "";
}

/** How many samples make a step. */
const batchSize = (state) => Math.min(state.settings.batch, state.set.train.count);

/** Take one step; the mean loss of its samples before it, or null if it could not be taken. */
function advance(state) {
  const { train } = state.set;
  if (!train.count) return fail("There is no sample to train on.");
  const size = batchSize(state);
  let rows = null;
  if (size < train.count) {
    if (!state.order || state.place >= train.count || state.order.length !== train.count) {
      state.order = shuffled(train.count, state);
      state.place = 0;
    }
    rows = state.order.subarray(state.place, state.place + size);
  }
  const loss = machine.gradient(state.parameters, train.fed, rows, rows ? rows.length : size, gradient);
  if (!Number.isFinite(loss) || !gradient.every(Number.isFinite)) return fail(notFinite(state, rows));
  const [before, kept] = [state.parameters.slice(), state.memory.map((numbers) => numbers.slice())];
  move(state.parameters, gradient, state.memory, state.settings, state.taken);
  if (!state.parameters.every(Number.isFinite)) {
    [state.parameters, state.memory] = [before, kept];
    return fail("A weight would become infinite: the rate may be too high.");
  }
  state.place += rows ? rows.length : 0;
  if (!rows || state.place >= train.count) state.epochs += 1;
  state.taken += 1;
  state.steps += 1;
  return loss;
}

function fail(reason) {
  trouble = reason;
  return null;
}

/** Which operation is not finite, on which sample. */
function notFinite(state, rows) {
  const { train } = state.set;
  const size = rows ? rows.length : train.count;
  let found = null;
  machine.evaluate(state.parameters, train.fed, rows, size, (first, n) => {
    const culprit = found ? null : machine.culprit(n);
    if (culprit) found = { ...culprit, row: rows ? rows[first + culprit.lane] : first + culprit.lane };
  });
  const what = found
    ? `${found.symbol} is not finite in sample ${train.indices[found.row]}`
    : "a gradient is not finite";
  return `The step was not taken: ${what}. The rate may be too high.`;
}

/** Take a step and remember it; false if it could not be taken. */
function learn() {
  if (now.steps < curve.losses.length) forget();
  const loss = advance(now);
  if (loss === null) return false;
  trouble = "";
  curve.losses.push(loss);
  curve.window = Math.max(curve.window, Math.ceil(now.set.train.count / batchSize(now)));
  if (now.steps % stride === 0) keep();
  return true;
}

/** Forget what comes after now: the training goes on from here. */
function forget() {
  curve.losses.length = now.steps;
  curve.held = curve.held.filter(([step]) => step <= now.steps);
  for (const step of copies.keys()) if (step > now.steps) copies.delete(step);
}

/** Keep a copy; where there are many, every second one goes. */
function keep() {
  copies.set(now.steps, copyOf(now));
  const bytes = 8 * start.length * (1 + now.memory.length);
  if (copies.size * bytes > KEPT || copies.size > 4000) thin(2 * stride);
}

/** From now on keep a copy after so many steps; others go, but for those after a change by hand. */
function thin(steps) {
  stride = steps;
  for (const [step, copy] of copies) if (step % stride && !copy.forced) copies.delete(step);
}

/** Change the state by hand: the way back must not lead past it. */
function change(action) {
  if (now.steps < curve.losses.length) forget();
  action();
  trouble = "";
  copies.set(now.steps, { ...copyOf(now), forced: true });
}

/** Go to a step that was taken already. */
function goTo(target) {
  const step = Math.max(0, Math.min(target, curve.losses.length));
  const { set } = now;
  let from = 0;
  for (const kept of copies.keys()) if (kept <= step && kept > from) from = kept;
  now = copyOf(copies.get(from));
  delete now.forced;
  while (now.steps < step && advance(now) !== null);
  now.set = set;
  trouble = "";
}

/** Choose other settings; another optimiser remembers nothing yet. */
function choose(settings) {
  change(() => {
    const other = settings.optimizer && settings.optimizer !== now.settings.optimizer;
    now.settings = { ...now.settings, ...settings };
    if (other) {
      now.memory = OPTIMISERS[now.settings.optimizer].memory.map(() => new Float64Array(start.length));
      now.taken = 0;
    }
  });
}

/** Put other samples in the place of those of now. */
function replaceSamples(rows) {
  change(() => {
    now.set = makeSet(rows);
    now.order = null;
    now.place = 0;
  });
}

/** New random weights, each drawn as the model draws it. */
function drawn(random) {
  const state = { random };
  const ways = {
    uniform: () => 2 * randomOf(state) - 1,
    xavier: (nin, nout) => Math.sqrt(6 / (nin + nout)) * (2 * randomOf(state) - 1),
    he: (nin) => Math.sqrt(2 / nin) * drawNormal(state),
    zero: () => 0,
    normal: (mean, deviation) => mean + deviation * drawNormal(state),
  };
  return Float64Array.from(data.initial.of, (kind) => {
    const [way, ...numbers] = data.initial.kinds[kind];
    return ways[way](...numbers);
  });
}

// ── how good it is now ──────────────────────────────────────────────────────────────────────────

/**
 * Evaluate the model on a part of the samples: the mean loss, the loss and the outputs of each, and
 * how many classes are right. A single output means the class for which the loss would be less.
 */
function evaluate(part) {
  const { loss, outputs } = data.tape;
  const found = {
    loss: NaN,
    losses: new Float64Array(part.count),
    outputs: outputs.map(() => new Float64Array(part.count)),
    units: new Map([...unitsInSight()].map((unit) => [unit, new Float32Array(part.count)])),
    guesses: classes.length ? new Int32Array(part.count) : null,
    right: 0,
  };
  let sum = 0;
  machine.evaluate(now.parameters, part.fed, null, part.count, (first, n) => {
    for (let s = 0; s < n; s++) {
      sum += found.losses[first + s] = machine.value(loss, s);
      outputs.forEach((slot, k) => { found.outputs[k][first + s] = machine.value(slot, s); });
    }
    for (const [unit, values] of found.units) {
      for (let s = 0; s < n; s++) values[first + s] = machine.value(data.units[unit].slot, s);
    }
    if (found.guesses) guess(found, first, n);
  });
  if (found.guesses) {
    part.indices.forEach((index, s) => { found.right += Number(found.guesses[s] === classOf(now.set.rows[index])); });
  }
  found.loss = part.count ? sum / part.count : NaN;
  return found;
}

function guess(found, first, n) {
  if (targets > 1) {
    for (let s = first; s < first + n; s++) {
      let best = 0;
      for (let k = 1; k < found.outputs.length; k++) if (found.outputs[k][s] > found.outputs[best][s]) best = k;
      found.guesses[s] = best;
    }
    return;
  }
  const low = lossesFor(classes[0], n);
  const high = lossesFor(classes[1], n);
  for (let s = 0; s < n; s++) found.guesses[first + s] = Number(orInfinite(high[s]) < orInfinite(low[s]));
}

const orInfinite = (loss) => (Number.isFinite(loss) ? loss : Infinity);

/** The loss of each sample in the machine, if its target were another. */
function lossesFor(target, n) {
  machine.again(target, n);
  return Float64Array.from({ length: n }, (_, s) => machine.value(data.tape.loss, s));
}
