// The optimisers, with the formulas of scalargrad.optim: how parameters follow their gradients.

const OPTIMISERS = {
  sgd: { title: "SGD", memory: [], step: plainStep },
  momentum: { title: "SGD with momentum", memory: ["v"], step: momentumStep },
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
function plainStep(p, g, _memory, { rate, decay }) {
  for (let i = 0; i < p.length; i++) p[i] -= rate * (g[i] + decay * p[i]);
}

/** v ← μ v + g + λ p,  p ← p - η v */
function momentumStep(p, g, [v], { rate, momentum, decay }) {
  for (let i = 0; i < p.length; i++) {
    v[i] = momentum * v[i] + g[i] + decay * p[i];
    p[i] -= rate * v[i];
  }
}

/** Adam adds λ p to the gradient; AdamW takes η λ p from the parameter itself. */
function adamStep(p, g, [m, v], { optimizer, rate, beta1, beta2, epsilon, decay }, t) {
  const apart = optimizer === "adamw";
  const [first, second] = [1 - beta1 ** t, 1 - beta2 ** t];
  for (let i = 0; i < p.length; i++) {
    const slope = apart ? g[i] : g[i] + decay * p[i];
    m[i] = beta1 * m[i] + (1 - beta1) * slope;
    v[i] = beta2 * v[i] + (1 - beta2) * slope * slope;
    const start = apart ? p[i] - rate * decay * p[i] : p[i];
    p[i] = start - (rate * (m[i] / first)) / (Math.sqrt(v[i] / second) + epsilon);
  }
}

/** The step of one parameter, line by line: in symbols, then in numbers. */
function explained(before, g, remembered, after, moved, settings, taken) {
  const { optimizer, rate, decay } = settings;
  const n = (x) => enclosed(x);
  const slope = decay && optimizer !== "adamw" ? g + decay * before : g;
  const slopeText = slope === g ? n(g) : `(${number(g)} + ${short(decay)} · ${n(before)})`;
  const symbol = decay && optimizer !== "adamw" ? "(g + λ w)" : "g";
  if (optimizer === "sgd") {
    return [[`w ← w − rate · ${symbol}`, `${number(before)} − ${short(rate)} · ${slopeText} = ${number(moved)}`]];
  }
  if (optimizer === "momentum") {
    return [
      [`v ← μ v + ${symbol}`, `${short(settings.momentum)} · ${n(remembered[0])} + ${slopeText} = ${number(after[0])}`],
      ["w ← w − rate · v", `${number(before)} − ${short(rate)} · ${n(after[0])} = ${number(moved)}`],
    ];
  }
  const t = taken + 1;
  const { beta1, beta2, epsilon } = settings;
  const [mean, square] = [after[0] / (1 - beta1 ** t), after[1] / (1 - beta2 ** t)];
  const own = optimizer === "adamw" && decay;
  return [
    [`m ← β₁ m + (1 − β₁) ${symbol}`, `${short(beta1)} · ${n(remembered[0])} + ${short(1 - beta1)} · ${slopeText} = ${number(after[0])}`],
    [`v ← β₂ v + (1 − β₂) ${symbol}²`, `${short(beta2)} · ${n(remembered[1])} + ${short(1 - beta2)} · ${slopeText}² = ${number(after[1])}`],
    [`m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), t = ${t}`, `m̂ = ${number(mean)}, v̂ = ${number(square)}`],
    [`w ← w − rate · ${own ? "(m̂ / (√v̂ + ε) + λ w)" : "m̂ / (√v̂ + ε)"}`,
      `${number(before)} − ${short(rate)} · ${own ? "(" : ""}${number(mean)} / (${number(Math.sqrt(square))} + ${short(epsilon)})` +
      `${own ? ` + ${short(decay)} · ${n(before)})` : ""} = ${number(moved)}`],
  ];
}

/** A setting: as few digits as it has. */
const short = (x) => String(Number(x.toPrecision(12))).replaceAll("-", "−");
