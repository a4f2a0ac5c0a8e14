// The curve of the loss: of each step, smoothed where a step sees a part of the samples, and of what
// is held out.

const SMOOTH = 0.05; // the weight of the newest in the running mean

function drawCurve() {
  const canvas = $("losses");
  const pen = penOf(canvas);
  const { width, height } = sizeOf(canvas);
  const { losses, held } = curve;
  const logarithmic = $("log").checked;
  const scale = logarithmic ? (loss) => Math.log10(Math.max(loss, 1e-12)) : (loss) => loss;
  const { ink, quiet, plus, minus } = palette();
  const all = [...losses, ...held.map(([, loss]) => loss)].filter((loss) => !logarithmic || loss > 0);
  const last = Math.max(losses.length, 1);
  let range = spread(all.map(scale), 0.06);
  if (!logarithmic && range[0] < 0 && Math.min(0, ...minMax(all)) === 0) range = [0, range[1]];
  const place = {
    x: scaleOf([0, last], MARGIN.left, width - MARGIN.right),
    y: scaleOf(range, height - MARGIN.bottom, MARGIN.top),
  };
  axesOfCurve(pen, place, logarithmic);
  const smooth = batchSize(now) < now.set.train.count || isRough(losses);
  pen.lineJoin = "round";
  pen.globalAlpha = smooth ? 0.3 : 1;
  trace(pen, place, losses.length, (i) => [i, scale(losses[i])], plus, smooth ? 1 : 2);
  pen.globalAlpha = 1;
  if (smooth && losses.length) {
    let mean = losses[0];
    const means = Float64Array.from(losses, (loss, i) => (mean += Math.max(SMOOTH, 1 / (i + 1)) * (loss - mean)));
    trace(pen, place, means.length, (i) => [i, scale(means[i])], plus, 2);
  }
  pen.setLineDash([5, 3]);
  trace(pen, place, held.length, (i) => [held[i][0], scale(held[i][1])], minus, 2);
  pen.setLineDash([]);
  if (now.steps < losses.length) {
    pen.strokeStyle = css(ink);
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(place.x.to(now.steps), place.y.start);
    pen.lineTo(place.x.to(now.steps), place.y.end);
    pen.stroke();
  }
  if (held.length) legend(pen, place, [["training", plus, []], ["held out", minus, [5, 3]]]);
  if (!losses.length) {
    pen.fillStyle = css(quiet);
    pen.textAlign = "center";
    pen.fillText("the loss of each step will be here", width / 2, height / 2);
  }
  const word = losses.length ? `${losses.length} steps, from ${number(losses[0])} to ${number(losses[losses.length - 1])}` : "no step yet";
  canvas.setAttribute("aria-label", `The loss: ${word}`);
}

function minMax(numbers) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) { if (x < low) low = x; if (x > high) high = x; }
  return [low, high];
}

/** Whether the batches were smaller once. */
function isRough(losses) {
  let rises = 0;
  for (let i = Math.max(1, losses.length - 60); i < losses.length; i++) rises += losses[i] > losses[i - 1];
  return rises > 20;
}

function axesOfCurve(pen, { x, y }, logarithmic) {
  const { quiet, rule } = palette();
  pen.font = "11px system-ui, sans-serif";
  pen.lineWidth = 1;
  for (const tick of ticks(y.low, y.high)) {
    pen.strokeStyle = css(rule);
    pen.beginPath();
    pen.moveTo(x.start, y.to(tick));
    pen.lineTo(x.end, y.to(tick));
    pen.stroke();
    pen.fillStyle = css(quiet);
    pen.textAlign = "right";
    pen.fillText(logarithmic ? brief(10 ** tick) : brief(tick), x.start - 5, y.to(tick) + 4);
  }
  pen.textAlign = "center";
  for (const tick of ticks(x.low, x.high)) {
    if (Number.isInteger(tick)) pen.fillText(String(tick), x.to(tick), y.start + 16);
  }
}

/** A line through points; of many in one column of pixels, the least and the largest. */
function trace(pen, { x, y }, count, pointOf, colour, width) {
  if (!count) return;
  pen.strokeStyle = css(colour);
  pen.lineWidth = width;
  pen.beginPath();
  const bunch = Math.max(1, Math.floor(count / (2 * (x.end - x.start))));
  for (let start = 0; start < count; start += bunch) {
    let [low, high] = [null, null];
    for (let i = start; i < Math.min(count, start + bunch); i++) {
      const point = pointOf(i);
      if (!low || point[1] < low[1]) low = point;
      if (!high || point[1] > high[1]) high = point;
    }
    const ordered = low[0] <= high[0] ? [low, high] : [high, low];
    for (const [step, loss] of bunch > 1 ? ordered : [low]) pen.lineTo(x.to(step), y.to(loss));
  }
  if (count === 1) pen.arc(x.to(pointOf(0)[0]), y.to(pointOf(0)[1]), 1.5, 0, 7);
  pen.stroke();
}

function legend(pen, { x, y }, entries) {
  pen.textAlign = "left";
  entries.forEach(([name, colour, dash], i) => {
    const [left, top] = [x.end - 92, y.end + 12 + 16 * i];
    pen.strokeStyle = css(colour);
    pen.lineWidth = 2;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(left, top - 4);
    pen.lineTo(left + 24, top - 4);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = css(palette().ink);
    pen.fillText(name, left + 30, top);
  });
}
