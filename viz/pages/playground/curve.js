// The curve of the loss: of each step, its mean over an epoch where a step sees a part of the samples,
// and of what is held out.

function drawCurve() {
  const canvas = $("losses");
  const pen = penOf(canvas);
  const { width, height } = sizeOf(canvas);
  const { losses, held } = curve;
  const logarithmic = $("log").checked;
  const scale = logarithmic ? (loss) => Math.log10(Math.max(loss, 1e-12)) : (loss) => loss;
  const { paper, ink, quiet, plus, minus } = palette();
  const place = {
    x: scaleOf([0, Math.max(losses.length, 1)], MARGIN.left, width - MARGIN.right),
    y: scaleOf(rangeOfLosses(scale, logarithmic), height - MARGIN.bottom, MARGIN.top),
  };
  axesOfCurve(pen, place, logarithmic);
  const smooth = curve.window > 1;
  pen.lineJoin = "round";
  pen.globalAlpha = smooth ? 0.3 : 1;
  trace(pen, place, losses.length, (i) => i, (i) => scale(losses[i]), plus, smooth ? 1 : 2);
  pen.globalAlpha = 1;
  if (smooth && losses.length) {
    const means = runningMeans(losses, curve.window);
    trace(pen, place, means.length, (i) => i, (i) => scale(means[i]), plus, 2);
  }
  pen.setLineDash([5, 3]);
  trace(pen, place, held.length, (i) => held[i][0], (i) => scale(held[i][1]), minus, 2);
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
    pen.strokeStyle = css(paper);
    pen.lineWidth = 5;
    for (const draw of ["strokeText", "fillText"]) { // no line goes through it
      pen[draw]("the loss of each step will be here", (place.x.start + place.x.end) / 2, height / 2);
    }
  }
  const word = losses.length ? `${losses.length} steps, from ${number(losses[0])} to ${number(losses[losses.length - 1])}` : "no step yet";
  canvas.setAttribute("aria-label", `The loss: ${word}`);
}

/** From where to where the losses go; down to 0, unless some are negative. */
function rangeOfLosses(scale, logarithmic) {
  let [low, high] = minMax(curve.losses);
  for (const [, loss] of curve.held) { if (loss < low) low = loss; if (loss > high) high = loss; }
  if (!(low <= high)) [low, high] = [0, 1];
  if (!logarithmic && low >= 0) return [0, high * 1.06 || 1];
  return spread([scale(low), scale(high)], 0.06);
}

/** The mean around each step, over so many. */
function runningMeans(numbers, window) {
  const sums = new Float64Array(numbers.length + 1);
  for (let i = 0; i < numbers.length; i++) sums[i + 1] = sums[i] + numbers[i];
  const reach = Math.floor(window / 2);
  return Float64Array.from(numbers, (_, i) => {
    const [first, last] = [Math.max(0, i - reach), Math.min(numbers.length, i + reach + 1)];
    return (sums[last] - sums[first]) / (last - first);
  });
}

function minMax(numbers) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) { if (x < low) low = x; if (x > high) high = x; }
  return [low, high];
}

function axesOfCurve(pen, { x, y }, logarithmic) {
  const { quiet, rule } = palette();
  pen.font = "11px system-ui, sans-serif";
  pen.lineWidth = 1;
  for (const tick of logarithmic ? ticksOfLogarithms(y.low, y.high) : ticks(y.low, y.high)) {
    pen.strokeStyle = css(rule);
    pen.beginPath();
    pen.moveTo(x.start, y.to(tick));
    pen.lineTo(x.end, y.to(tick));
    pen.stroke();
    pen.fillStyle = css(quiet);
    pen.textAlign = "right";
    pen.fillText(logarithmic ? brief(10 ** tick) : brief(tick), x.start - 5, y.to(tick) + 4);
  }
  for (const tick of ticks(x.low, x.high)) {
    pen.textAlign = x.to(tick) > x.end - 20 ? "right" : "center";
    if (Number.isInteger(tick)) pen.fillText(tick.toLocaleString("en"), Math.min(x.to(tick), x.end + 6), y.start + 16);
  }
}

/** The logarithms of round numbers: of powers of ten, and where there are few also of 2 and 5 times these. */
function ticksOfLogarithms(low, high) {
  const every = Math.ceil((high - low) / 6);
  const found = [];
  for (let power = Math.floor(low); power <= high; power++) {
    if (power % every) continue;
    for (const factor of high - low < 2.5 ? [1, 2, 5] : [1]) found.push(power + Math.log10(factor));
  }
  return found.filter((tick) => tick >= low && tick <= high);
}

/** A line through points; of many in one column of pixels, the lowest and the highest. */
function trace(pen, { x, y }, count, stepAt, lossAt, colour, thickness) {
  if (!count) return;
  pen.strokeStyle = css(colour);
  pen.lineWidth = thickness;
  pen.beginPath();
  const bunch = Math.max(1, Math.floor(count / (2 * (x.end - x.start))));
  for (let first = 0; first < count; first += bunch) {
    let [low, high] = [first, first];
    for (let i = first + 1; i < Math.min(count, first + bunch); i++) {
      const loss = lossAt(i);
      if (loss < lossAt(low)) low = i;
      if (loss > lossAt(high)) high = i;
    }
    pen.lineTo(x.to(stepAt(Math.min(low, high))), y.to(lossAt(Math.min(low, high))));
    if (low !== high) pen.lineTo(x.to(stepAt(Math.max(low, high))), y.to(lossAt(Math.max(low, high))));
  }
  if (count === 1) pen.arc(x.to(stepAt(0)), y.to(lossAt(0)), 1.5, 0, 7);
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
