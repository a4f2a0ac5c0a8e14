// The optimisers, with the formulas of scalargrad.optim: how parameters follow their gradients.

const OPTIMISERS = {
  sgd: { title: "SGD", memory: [], step: plainStep },
  momentum: { title: "Momentum", memory: ["v"], step: momentumStep },
  adam: { title: "Adam", memory: ["m", "v"], step: adamStep },
  adamw: { title: "AdamW", memory: ["m", "v"], step: adamStep },
};

/**
 * Move parameters `p` by the gradient `g`. `memory` is what the optimiser remembers, an array for
 * each symbol, and `taken` how many steps it has taken so far. `settings` has the numbers.
 */
function move(p, g, memory, settings, taken) {
  OPTIMISERS[settings.optimizer].step(p, g, memory, settings, taken + 1);
}

/** p ← p - η (g + λ p) */
function plainStep(p, g, _memory, { optimizer, rate, decays }) {
  const decay = decays[optimizer];
  for (let i = 0; i < p.length; i++) p[i] -= rate * (g[i] + decay * p[i]);
}

/** v ← μ v + g + λ p,  p ← p - η v */
function momentumStep(p, g, [v], { optimizer, rate, momentum, decays }) {
  const decay = decays[optimizer];
  for (let i = 0; i < p.length; i++) {
    v[i] = momentum * v[i] + g[i] + decay * p[i];
    p[i] -= rate * v[i];
  }
}

/** Adam adds λ p to the gradient; AdamW takes η λ p from the parameter itself. */
function adamStep(p, g, [m, v], { optimizer, rate, beta1, beta2, epsilon, decays }, t) {
  const apart = optimizer === "adamw";
  const decay = decays[optimizer];
  const [first, second] = [1 - beta1 ** t, 1 - beta2 ** t];
  for (let i = 0; i < p.length; i++) {
    const slope = apart ? g[i] : g[i] + decay * p[i];
    m[i] = beta1 * m[i] + (1 - beta1) * slope;
    v[i] = beta2 * v[i] + (1 - beta2) * slope * slope;
    const start = apart ? p[i] - rate * decay * p[i] : p[i];
    p[i] = start - (rate * (m[i] / first)) / (Math.sqrt(v[i] / second) + epsilon);
  }
}

/**
 * The step of one parameter, line by line: in symbols, then in numbers.
 *
 * `before` and `after` are {w, memory} of the parameter, and `g` is its gradient.
 */
function explained(before, after, g, settings, taken) {
  const { optimizer, rate, momentum, beta1, beta2, epsilon, decays } = settings;
  const apart = optimizer === "adamw";
  const decay = decays[optimizer];
  const coupled = decay && !apart;
  const symbol = coupled ? "(g + λ w)" : "g";
  const slope = coupled ? `(${plain(g)} + ${short(decay)} · ${factor(before.w)})` : factor(g);
  const [w, moved] = [plain(before.w), plain(after.w)];
  if (optimizer === "sgd") return [[`w ← w − rate · ${symbol}`, `${w} − ${short(rate)} · ${slope} = ${moved}`]];
  if (optimizer === "momentum") {
    const [[v], [next]] = [before.memory, after.memory];
    return [
      [`v ← μ v + ${symbol}`, `${short(momentum)} · ${factor(v)} + ${slope} = ${plain(next)}`],
      ["w ← w − rate · v", `${w} − ${short(rate)} · ${factor(next)} = ${moved}`],
    ];
  }
  const t = taken + 1;
  const [[m, v], [nextM, nextV]] = [before.memory, after.memory];
  const [mean, root] = [nextM / (1 - beta1 ** t), Math.sqrt(nextV / (1 - beta2 ** t))];
  const shrinks = apart && decay;
  const step = `${factor(mean)} / (${plain(root)} + ${short(epsilon)})`;
  return [
    [`m ← β₁ m + (1 − β₁) ${symbol}`, `${short(beta1)} · ${factor(m)} + ${short(1 - beta1)} · ${slope} = ${plain(nextM)}`],
    [`v ← β₂ v + (1 − β₂) ${symbol}²`, `${short(beta2)} · ${factor(v)} + ${short(1 - beta2)} · ${slope}² = ${plain(nextV)}`],
    [`m̂ = m / (1 − β₁ᵗ), t = ${t}`, `${plain(nextM)} / (1 − ${short(beta1)}^${t}) = ${plain(mean)}`],
    ["√v̂ = √(v / (1 − β₂ᵗ))", `√(${plain(nextV)} / (1 − ${short(beta2)}^${t})) = ${plain(root)}`],
    [shrinks ? "w ← w − rate · (m̂ / (√v̂ + ε) + λ w)" : "w ← w − rate · m̂ / (√v̂ + ε)",
      `${w} − ${short(rate)} · ${shrinks ? `(${step} + ${short(decay)} · ${factor(before.w)})` : step} = ${moved}`],
  ];
}

const plain = (x) => (x === 0 ? "0" : number(x));

/** A number after an operator. */
const factor = (x) => (plain(x).startsWith("−") ? `(${plain(x)})` : plain(x));

/** A setting: as few digits as it has. */
const short = (x) => String(Number(x.toPrecision(12))).replaceAll("-", "−");
