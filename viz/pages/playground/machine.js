// The machine: runs the tape of the loss on blocks of samples, forward and backward.
//
// `tape` is what tapes.py wrote down. Names of the table's texts, such as exp, have no checks here:
// as in arrays, what is undefined is NaN, and what is too large is infinite.

function makeMachine(tape) {
  const LANES = 128;
  const VARIES = 1, BY_TARGET = 2, LEARNS = 4;
  const { exp, expm1, log, log1p, sqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh } = Math;
  const divide = (x, y) => x / y;
  const checked = (f) => f;
  const power = ieeePower, ieee_pow = ieeePower;

  const marks = Uint8Array.from(tape.marks, Number);
  const places = decoded(tape.places);
  const factors = Float64Array.from(tape.factors, Number);
  const step = marks.map((mark) => mark & VARIES);
  const learns = marks.map((mark) => mark & LEARNS);
  const first = tape.constants.length; // the slot of the first input
  const learned = first + tape.columns.length; // and of the first parameter
  const results = learned + tape.parameters;

  // What is the same for all samples comes first, each with one number.
  const off = new Int32Array(tape.size);
  let uniforms = 0;
  for (let k = 0; k < tape.size; k++) if (!step[k]) off[k] = uniforms++;
  let memory = uniforms;
  for (let k = 0; k < tape.size; k++) if (step[k]) { off[k] = memory; memory += LANES; }
  const v = new Float64Array(memory);
  const d = new Float64Array(memory);
  tape.constants.forEach((number, k) => { v[off[k]] = Number(number); });
  const parametersAt = off[learned];

  /*ROWS*/

  // ── sums ──

  const PRODUCT = 2, PIECE = 3;
  const weights = new Float64Array(4), at4 = new Int32Array(4), to4 = new Int32Array(4);
  let pending = 0;
  let rest = 0; // what is the same for all lanes

  function addProduct(i, j, o, n) {
    if (!step[i]) {
      if (step[j]) addScaled(v[off[i]], off[j], o, n);
      else rest += v[off[i]] * v[off[j]];
    } else if (!step[j]) {
      addScaled(v[off[j]], off[i], o, n);
    } else {
      const a = off[i], b = off[j];
      for (let s = 0; s < n; s++) v[o + s] += v[a + s] * v[b + s];
    }
  }

  function addScaled(weight, at, o, n) {
    weights[pending] = weight;
    at4[pending++] = at;
    if (pending < 4) return;
    pending = 0;
    const f = weights[0], g = weights[1], h = weights[2], l = weights[3];
    const a = at4[0], b = at4[1], c = at4[2], e = at4[3];
    for (let s = 0; s < n; s++) v[o + s] += f * v[a + s] + g * v[b + s] + (h * v[c + s] + l * v[e + s]);
  }

  function flush(o, n) {
    for (let t = 0; t < pending; t++) {
      const f = weights[t], a = at4[t];
      for (let s = 0; s < n; s++) v[o + s] += f * v[a + s];
    }
    pending = 0;
  }

  function sumForward(width, start, stop, at, p, q, w, n) {
    for (let k = start; k < stop; k++) {
      const o = off[k];
      const scaled = at + width * p;
      let constant = factors[w];
      for (let t = 0; t < q; t++) {
        const i = places[scaled + t];
        if (!step[i]) constant += factors[w + 1 + t] * v[off[i]];
      }
      v.fill(constant, o, o + n);
      rest = 0;
      for (let t = 0; t < p; t++, at += width) {
        const i = places[at], j = places[at + 1];
        const length = width === PIECE ? places[at + 2] : 1;
        for (let m = 0; m < length; m++) addProduct(i + m, j + m, o, n);
      }
      for (let t = 0; t < q; t++) {
        const i = places[scaled + t];
        if (step[i]) addScaled(factors[w + 1 + t], off[i], o, n);
      }
      flush(o, n);
      if (rest) for (let s = 0; s < n; s++) v[o + s] += rest;
      at += q;
      w += q + 1;
    }
  }

  /** Of a product of what varies with what does not, both receive. */
  function receive(i, j, o, n) {
    const to = all || learns[j];
    const f = v[off[i]], a = off[j], e = off[i];
    let sum = 0;
    if (to) for (let s = 0; s < n; s++) { const g = d[o + s]; d[a + s] += g * f; sum += g * v[a + s]; }
    else for (let s = 0; s < n; s++) sum += d[o + s] * v[a + s];
    d[e] += sum;
  }

  /** The same of four products at a time. */
  function receiveFour(o, n) {
    const i0 = at4[0], i1 = at4[1], i2 = at4[2], i3 = at4[3];
    const j0 = to4[0], j1 = to4[1], j2 = to4[2], j3 = to4[3];
    const a = off[j0], b = off[j1], c = off[j2], e = off[j3];
    let r0 = 0, r1 = 0, r2 = 0, r3 = 0;
    if (all || learns[j0] || learns[j1] || learns[j2] || learns[j3]) {
      const f0 = v[off[i0]], f1 = v[off[i1]], f2 = v[off[i2]], f3 = v[off[i3]];
      for (let s = 0; s < n; s++) {
        const g = d[o + s];
        r0 += g * v[a + s]; d[a + s] += g * f0;
        r1 += g * v[b + s]; d[b + s] += g * f1;
        r2 += g * v[c + s]; d[c + s] += g * f2;
        r3 += g * v[e + s]; d[e + s] += g * f3;
      }
    } else {
      for (let s = 0; s < n; s++) {
        const g = d[o + s];
        r0 += g * v[a + s]; r1 += g * v[b + s]; r2 += g * v[c + s]; r3 += g * v[e + s];
      }
    }
    d[off[i0]] += r0; d[off[i1]] += r1; d[off[i2]] += r2; d[off[i3]] += r3;
  }

  let whole = 0; // the gradient of a sum, over all lanes

  function productBackward(i, j, o, n) {
    if (step[i] && step[j]) {
      const a = off[i], b = off[j];
      for (let s = 0; s < n; s++) {
        const g = d[o + s];
        d[a + s] += g * v[b + s];
        d[b + s] += g * v[a + s];
      }
    } else if (step[i] || step[j]) {
      at4[pending] = step[i] ? j : i;
      to4[pending++] = step[i] ? i : j;
      if (pending === 4) { pending = 0; receiveFour(o, n); }
    } else {
      d[off[i]] += whole * v[off[j]];
      d[off[j]] += whole * v[off[i]];
    }
  }

  function sumBackward(width, start, stop, at, p, q, w, n) {
    for (let k = start; k < stop; k++) {
      const o = off[k];
      whole = 0;
      for (let s = 0; s < n; s++) whole += d[o + s];
      for (let t = 0; t < p; t++, at += width) {
        const i = places[at], j = places[at + 1];
        const length = width === PIECE ? places[at + 2] : 1;
        for (let m = 0; m < length; m++) productBackward(i + m, j + m, o, n);
      }
      for (let t = 0; t < pending; t++) receive(at4[t], to4[t], o, n);
      pending = 0;
      for (let t = 0; t < q; t++, at++) {
        const i = places[at], f = factors[w + 1 + t], a = off[i];
        if (!step[i]) d[a] += f * whole;
        else if (all || learns[i]) for (let s = 0; s < n; s++) d[a + s] += f * d[o + s];
      }
      w += q + 1;
    }
  }

  // ── log-sum-exps ──

  /** exp(x - z): of equal infinities 1, and of -inf 0. */
  const share = (x, z) => (x !== z ? exp(x - z) : x > -Infinity ? 1 : 0);

  function smoothForward(start, stop, at, q, n) {
    for (let k = start; k < stop; k++, at += q) {
      const o = off[k];
      for (let s = 0; s < n; s++) {
        let largest = -Infinity;
        for (let t = at; t < at + q; t++) {
          const x = v[off[places[t]] + s * step[places[t]]];
          if (x > largest || x !== x) largest = x;
        }
        let sum = 0;
        for (let t = at; t < at + q; t++) sum += share(v[off[places[t]] + s * step[places[t]]], largest);
        v[o + s] = largest + log(sum);
      }
    }
  }

  function smoothBackward(start, stop, at, q, n) {
    for (let k = start; k < stop; k++, at += q) {
      const o = off[k];
      for (let s = 0; s < n; s++) {
        const z = v[o + s];
        let sum = 0; // 1 but for the rounding of the result, which may be large
        for (let t = at; t < at + q; t++) sum += share(v[off[places[t]] + s * step[places[t]]], z);
        if (!(abs(z) < Infinity)) sum = 1;
        for (let t = at; t < at + q; t++) {
          const a = off[places[t]] + s * step[places[t]];
          d[a] += d[o + s] * share(v[a], z) / sum;
        }
      }
    }
  }

  // ── runs ──

  const SUMS = { [tape.SUM]: PRODUCT, [tape.PIECES]: PIECE };
  const head = tape.runs.filter((run) => !(run[7] & BY_TARGET));
  const tail = tape.runs.filter((run) => run[7] & BY_TARGET);
  const learning = tape.runs.filter((run) => run[7] & LEARNS).reverse();
  const backward = [...tape.runs].reverse();
  let all = false; // whether derivatives are wanted of what depends on no parameter, too

  function forwardRuns(runs, lanes) {
    for (const [code, start, stop, at, p, q, w, mark] of runs) {
      const n = mark & VARIES ? lanes : 1;
      if (SUMS[code]) sumForward(SUMS[code], start, stop, at, p, q, w, n);
      else if (code === tape.SMOOTH_MAX) smoothForward(start, stop, at, q, n);
      else forwards[code](start, stop, at, n);
    }
  }

  function backwardRuns(lanes) {
    for (const [code, start, stop, at, p, q, w, mark] of all ? backward : learning) {
      const n = mark & VARIES ? lanes : 1;
      if (SUMS[code]) sumBackward(SUMS[code], start, stop, at, p, q, w, n);
      else if (code === tape.SMOOTH_MAX) smoothBackward(start, stop, at, q, n);
      else backwards[code]?.(start, stop, at, n);
    }
  }

  /** Put samples in the lanes: rows of `fed`, or those that `rows` names. */
  function load(fed, rows, begin, n) {
    const width = tape.columns.length;
    for (let i = 0; i < width; i++) {
      const to = off[first + i];
      if (rows) for (let s = 0; s < n; s++) v[to + s] = fed[rows[begin + s] * width + i];
      else for (let s = 0; s < n; s++) v[to + s] = fed[(begin + s) * width + i];
    }
  }

  const takeParameters = (parameters) => v.set(parameters, parametersAt);
  const lossAt = off[tape.loss];

  return {
    width: tape.columns.length,

    /** The mean loss of samples; its gradient by the parameters is written into `gradient`. */
    gradient(parameters, fed, rows, count, gradient) {
      takeParameters(parameters);
      d.fill(0, parametersAt, parametersAt + tape.parameters);
      let sum = 0;
      for (let begin = 0; begin < count; begin += LANES) {
        const n = Math.min(LANES, count - begin);
        load(fed, rows, begin, n);
        forwardRuns(tape.runs, n);
        for (let s = 0; s < n; s++) sum += v[lossAt + s];
        for (let k = results; k < tape.size; k++) d.fill(0, off[k], off[k] + (step[k] ? n : 1));
        d.fill(1 / count, lossAt, lossAt + n);
        backwardRuns(n);
      }
      gradient.set(d.subarray(parametersAt, parametersAt + tape.parameters));
      return sum / count;
    },

    /**
     * Compute samples, and call `look(begin, n)` after each block: then `value(slot, lane)` has the
     * numbers.
     */
    evaluate(parameters, fed, rows, count, look, withTargets = true) {
      takeParameters(parameters);
      for (let begin = 0; begin < count; begin += LANES) {
        const n = Math.min(LANES, count - begin);
        load(fed, rows, begin, n);
        forwardRuns(head, n);
        if (withTargets) forwardRuns(tail, n);
        look(begin, n);
      }
    },

    /** Compute what depends on the targets once more, with this one for all samples of the block. */
    again(target, n) {
      for (let i = 0; i < tape.columns.length; i++) {
        if (marks[first + i] & BY_TARGET) v.fill(target, off[first + i], off[first + i] + n);
      }
      forwardRuns(tail, n);
    },

    value: (slot, lane) => v[off[slot] + lane * step[slot]],

    /** The forward and the backward pass of one sample, with all derivatives. */
    pass(parameters, fed, row) {
      takeParameters(parameters);
      d.fill(0);
      load(fed, null, row, 1);
      forwardRuns(tape.runs, 1);
      d[lossAt] = 1;
      all = true;
      backwardRuns(1);
      all = false;
      const [values, slopes] = [v, d].map((numbers) => Float64Array.from(off, (at) => numbers[at]));
      return { value: (slot) => values[slot], slope: (slot) => slopes[slot] };
    },

    /** The first operation that is not finite on the samples of the last block; null if all are. */
    culprit(n) {
      for (const [code, start, stop, , , , , mark] of tape.runs) {
        for (let k = start; k < stop; k++) {
          for (let s = 0; s < (mark & VARIES ? n : 1); s++) {
            if (!Number.isFinite(v[off[k] + s])) return { slot: k, lane: s, symbol: tape.symbols[code] ?? "sum" };
          }
        }
      }
      return null;
    },
  };
}

/** Numbers of 32 bits from base64. */
function decoded(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Uint32Array(bytes.buffer);
}
