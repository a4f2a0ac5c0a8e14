// The samples: rows of inputs and targets, some held out. A set is never changed, but replaced.

const data = JSON.parse($("data").textContent);
const machine = makeMachine(data.tape);
const { inputs, targets } = data.samples;
const classes = data.classes;

/** The samples that came with the page: {x, y, held}, the held-out ones last. */
function givenSamples() {
  const x = data.samples.x.map(Number);
  const y = data.samples.y.map(Number);
  const count = x.length / inputs;
  return Array.from({ length: count }, (_, i) => ({
    x: x.slice(i * inputs, (i + 1) * inputs),
    y: y.slice(i * targets, (i + 1) * targets),
    held: i >= count - data.samples.held,
  }));
}

/** A set of samples, laid out as the machine is fed: the columns of its tape. */
function makeSet(rows) {
  const part = (held) => {
    const indices = rows.flatMap((row, i) => (row.held === held ? [i] : []));
    return { indices, count: indices.length, fed: fedOf(indices.map((i) => rows[i])) };
  };
  return { rows, train: part(false), held: part(true) };
}

function fedOf(rows) {
  const fed = new Float64Array(rows.length * machine.width);
  rows.forEach((row, r) => {
    data.tape.columns.forEach((column, c) => {
      fed[r * machine.width + c] = column < inputs ? row.x[column] : row.y[column - inputs];
    });
  });
  return fed;
}

/** The class of a sample, counted from 0; null if targets are no classes. */
function classOf(row) {
  if (!classes.length) return null;
  return targets > 1 ? row.y.indexOf(1) : classes.indexOf(row.y[0]);
}

/** The targets of a class. */
const targetsOf = (k) => (targets > 1 ? classes.map((_, i) => Number(i === k)) : [classes[k]]);

/** The least and the largest of each input, with some room. */
function extentOf(rows, room = 0.12) {
  return Array.from({ length: inputs }, (_, i) => spread(rows.map((row) => row.x[i]), room));
}

function spread(numbers, room) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) { if (x < low) low = x; if (x > high) high = x; }
  if (!(low <= high)) [low, high] = [-1, 1];
  if (low === high) [low, high] = [low - 1, high + 1];
  return [low - room * (high - low), high + room * (high - low)];
}

/** A repeatable stream of numbers from 0 to 1, by mulberry32; its state is one integer. */
function randomOf(state) {
  state.random = (state.random + 0x6d2b79f5) | 0;
  let t = Math.imul(state.random ^ (state.random >>> 15), 1 | state.random);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

/** A number from the normal distribution, by Box and Muller. */
const drawNormal = (state) =>
  Math.sqrt(-2 * Math.log(1 - randomOf(state))) * Math.cos(2 * Math.PI * randomOf(state));

function shuffled(count, state) {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(randomOf(state) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
