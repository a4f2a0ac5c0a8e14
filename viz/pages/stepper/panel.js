// The panel: the step in symbols and in numbers, and the card of a node.

/** The number of a node, or why there is none. */
const shownValue = (node) => (state.now.problems[node.index] ? "undefined" : number(state.now.values[node.index]));

function showStep(step, asked) {
  const place = element("p", "pass", `${passName(step)} · step ${step.index + 1} of ${steps.length}`);
  const body = { forward: forwardStep, seed: seedOnly, backward: backwardStep }[step.pass];
  const folded = foldedInto(step.parent ?? step.node);
  if (folded) place.append(` · in the box of ${folded}`);
  const problem = state.now.problems[step.node.index];
  const trouble = problem ? [element("p", "trouble", problem)] : [];
  const chips = element("ul", "chips");
  chips.setAttribute("aria-label", "Look at a node");
  for (const node of new Set([step.node, step.parent ?? step.node])) {
    chips.append(element("li", "", button(`look at ${node.name}`, () => openCard(node))));
  }
  $("step").replaceChildren(place, ...body(step, asked), ...trouble, chips);
  $("spoken").textContent = spoken(step, asked);
}

const passName = (step) =>
  ({ forward: "Forward pass", seed: "Backward pass, seed", backward: "Backward pass" })[step.pass];

/** What is drawn in the place of a node that was folded; nothing if it is drawn itself. */
function foldedInto(node) {
  const { results, texts } = boxes.get(node.box);
  if (results.includes(node)) return "";
  if (!results.length) return texts[0].textContent;
  const [first, last] = [results[0], results[results.length - 1]];
  return first === last ? first.name : `${first.name} … ${last.name}`;
}

// ── forward ─────────────────────────────────────────────────────────────────────────────────────

const KINDS = {
  leaf: "a leaf", parameter: "a parameter of the model", constant: "a number in the expression",
};

function forwardStep({ node }) {
  if (node.kind !== "op") {
    return [heading(node.name), expressionLines([`${node.symbol} = ${shownValue(node)}`, KINDS[node.kind]])];
  }
  return [
    heading(node.name),
    expressionLines([
      `${node.symbol} = ${expression(node, (operand) => operand.symbol)}`,
      `= ${expression(node, shownValue)}`,
      `= ${shownValue(node)}`,
    ]),
  ];
}

const heading = (text) => element("h2", "", text);

function expressionLines(lines) {
  const made = element("div", "expression");
  for (const line of lines) made.append(element("p", "", line));
  return made;
}

// ── backward ────────────────────────────────────────────────────────────────────────────────────

function seedOnly() {
  const line = element("div", "expression");
  line.append(term("to", partial(root, root)), " = 1");
  return [
    heading(`∂${root.symbol}/∂${root.symbol}`),
    line,
    element("p", "", "The backward pass starts here: a change of the result changes the result as much."),
  ];
}

function backwardStep(step, asked) {
  const title = heading(`∂${root.symbol}/∂${step.parent.symbol}`);
  title.append(element("small", "", useText(step)));
  return [title, chainRule(step, asked), ruleOf(step)];
}

/** Which use of the operand this is, if it has more than one. */
function useText({ parent, index }) {
  const all = uses[parent.index];
  const use = all.findIndex((each) => each.index === index) + 1;
  return all.length > 1 ? `, use ${use} of ${all.length} of ${parent.name}` : "";
}

/** ∂L/∂a += ∂L/∂out · ∂out/∂a, then the same in numbers. */
function chainRule(step, asked) {
  const { node, parent, before, gradient, slope, contribution, after } = step;
  const result = element("span", "result to", asked ? "?" : number(after));
  const product = (...parts) => element("span", "product", ...parts);
  const made = element(
    "div",
    "formula",
    term("to", partial(root, parent)), element("span", "", "+="),
    product(term("from", partial(root, node)), "·", term("along", partial(node, parent))),
    element("span", "to", number(before)), element("span", "", "+"),
    product(element("span", "from", number(gradient)), "·", element("span", "along", enclosed(slope))),
    element("span"), element("span", "", "="),
    product(asked ? "?" : `${number(before)} + ${enclosed(contribution)}`, note("before + what this edge adds")),
    element("span"), element("span", "", "="),
    product(result, note("after")),
  );
  made.setAttribute("aria-hidden", "true"); // the same is spoken, in words
  return made;
}

const note = (text) => element("small", "", text);

/** The rule of the operation: as the table has it, in the names of this graph, in its numbers. */
function ruleOf({ node, parent, place, slope }) {
  const made = element("p", "rule");
  if (isOwn(node)) {
    const text = `${node.op} is an operation of your own: its local derivative ${number(slope)} was found by Python`;
    made.append(element("span", "lead", text));
    return made;
  }
  made.append(element("span", "lead", `local derivative of ${node.op}`));
  for (const line of derivation({ node, parent, place, slope })) made.append(element("span", "", line));
  return made;
}

function derivation({ node, parent, place, slope }) {
  const { texts, rules } = RULES[node.row];
  const [left, right] = equation(node, place).split(" = ");
  const operands = node.operands.map((operand) => nodes[operand]);
  const alone = operands.length === 1;
  const symbols = named(node.row, operands.map((operand) => operand.symbol));
  const inNames = substitute(right, { ...symbols, out: node.symbol });
  const rule = alone ? `${left} = ${right}` : `∂${node.symbol}/∂${parent.symbol} = ${inNames}`;
  // Where a rule makes a distinction, all of it comes before the case that holds here.
  const first = texts[place].length > 1 ? [rules[place], `here: ${rule}`] : [rule];
  if (inNames === right && !/[a-z]/.test(right)) return first; // a number
  const numbers = { ...named(node.row, operands.map(shownValue)), out: shownValue(node) };
  const rest = [`= ${substitute(right, numbers)}`, `= ${number(slope)}`];
  if (alone) rest.unshift(`= ${inNames}`);
  return [...first, ...new Set(rest)];
}

// ── in words ────────────────────────────────────────────────────────────────────────────────────

function spoken(step, asked) {
  const place = `${passName(step)}, step ${step.index + 1} of ${steps.length}.`;
  const problem = state.now.problems[step.node.index];
  if (problem) return `${place} ${step.node.name} is ${problem}.`;
  const { node, parent } = step;
  if (step.pass === "seed") return `${place} d ${root.name} by d ${root.name} is 1.`;
  if (step.pass === "forward") {
    if (node.kind !== "op") return `${place} ${node.name} is ${KINDS[node.kind]}, ${shownValue(node)}.`;
    const formula = expression(node, (operand) => operand.name);
    return `${place} ${node.name} equals ${formula}, which is ${shownValue(node)}.`;
  }
  const by = (above, below) => `d ${above.name} by d ${below.name}`;
  const product = `${by(root, node)}, ${number(step.gradient)}, times ${by(node, parent)}, ${number(step.slope)}`;
  const result = asked ? "What is it after this step?" : `From ${number(step.before)} to ${number(step.after)}.`;
  return `${place} ${by(root, parent)} grows by ${product}${useText(step)}. ${result}`;
}

// ── the card of a node ──────────────────────────────────────────────────────────────────────────

function openCard(node) {
  state.opened = node;
  select(node);
  showCard();
  keepInView([$(node.box)]);
  $("card").scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function closeCard() {
  state.opened = null;
  select(null);
  showCard();
}

function showCard() {
  $("card").hidden = !state.opened;
  if (!state.opened) return;
  const node = state.opened;
  const close = button("×", closeCard, "close");
  close.setAttribute("aria-label", "Close this card");
  const made = node.kind === "op" ? expression(node, (operand) => operand.symbol) : KINDS[node.kind];
  const problem = state.now.problems[node.index];
  const list = element("dl", "",
    ...entry("made by", made),
    ...(node.line ? entry("made in", element("code", "", node.line)) : []),
    ...entry("value", problem ?? exact(state.now.values[node.index])),
    ...entry("gradient", gradientText(node)),
    ...entry("uses", usesOf(node)),
    ...entry("finite difference", checkOf(node)));
  $("facts").replaceChildren(element("div", "head", heading(node.name), close), list);
  showEditor(node);
  showSecond(node);
}

const entry = (name, content) => [element("dt", "", name), element("dd", "", content)];

/** In this card and everywhere, a gradient that was not shown yet is not given away. */
function gradientText(node) {
  const all = uses[node.index].length;
  const done = uses[node.index].filter((step) => step.index <= known()).length;
  const gradient = gradientSoFar(node, known());
  if (gradient === null) return "not known yet";
  return done < all ? `${exact(gradient)}, after ${done} of ${all} uses` : exact(gradient);
}

function usesOf(node) {
  if (!uses[node.index].length) return "none: this is the result";
  const list = element("ul");
  for (const step of uses[node.index]) {
    const text = step.index <= known() ? ` adds ${number(step.contribution)}` : " is still to come";
    const jump = button(`in ${step.node.name}`, () => goTo(step.index));
    list.append(element("li", "", jump, text));
    if (list.children.length === 12 && uses[node.index].length > 12) {
      list.append(element("li", "", `… and ${uses[node.index].length - 12} more`));
      break;
    }
  }
  return list;
}

function checkOf(node) {
  const formula = `(${root.symbol}(x + h) − ${root.symbol}(x − h)) / 2h`;
  const blocker = beyondReach[node.index];
  if (blocker) return `not possible here: only Python can compute ${blocker.op}`;
  if (gradientSoFar(node, known()) === null) return "comes with the gradient";
  const estimate = centralDifference(node);
  if (estimate === null) return `${formula} is undefined: a step leads out of the domain`;
  const exactly = state.now.gradients[node.index];
  const scale = Math.max(1, Math.abs(estimate), Math.abs(exactly));
  const agrees = Math.abs(estimate - exactly) <= 1e-5 * scale;
  const verdict = agrees
    ? element("span", "right", "✓ agrees with the backward pass")
    : element("span", "wrong", `✗ the backward pass finds ${number(exactly)}: a kink, or a very steep place`);
  return element("span", "", `${formula} = ${number(estimate)} `, verdict);
}

/** A leaf can be changed; what cannot says why. */
function editor(node) {
  const blocker = beyondReach[node.index];
  if (isOwn(node)) return [element("p", "", `${node.op} is an operation of your own: only Python can compute it.`)];
  if (node.kind === "op") return [];
  if (blocker) {
    return [element("p", "", `It cannot be changed here: it leads to ${blocker.op}, an operation of your own, which only Python can compute.`)];
  }
  const typed = () => set(parseNumber(input.value));
  const input = field("text", "new-value", (event) => { if (event.key === "Enter") typed(); }, "keydown");
  input.inputMode = "decimal";
  const slider = field("range", "new-value-slider", () => set(Number(slider.value)), "input");
  const reach = Number.isFinite(node.data) ? Math.max(1, 2 * Math.abs(node.data)) : 0;
  Object.assign(slider, { min: node.data - reach, max: node.data + reach, step: "any", hidden: !reach });
  slider.addEventListener("keydown", (event) => {
    if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation(); // they move the slider alone
  });
  slider.setAttribute("aria-label", `${node.name}, by a slider`);
  const complaint = element("p", "wrong");
  complaint.setAttribute("role", "status");
  const set = (value) => {
    complaint.textContent = value === null ? `not a number: ${input.value}` : "";
    if (value !== null) change(() => setValue(node, value));
  };
  const label = element("label", "", `${node.symbol} = `, input);
  return [element("div", "row", label, button("Set", typed)), slider, complaint];
}

function field(type, id, act, event) {
  const made = element("input");
  Object.assign(made, { type, id });
  made.addEventListener(event, act);
  return made;
}

/** Show the editor of a node; while it stays the same one, somebody may be dragging its slider. */
function showEditor(node) {
  if (state.edited !== node) $("editor").replaceChildren(...editor(node));
  state.edited = node;
  const value = state.now.values[node.index];
  const input = $("new-value");
  if (input && input !== document.activeElement) input.value = exact(value);
  if ($("new-value-slider")) $("new-value-slider").value = value;
}
