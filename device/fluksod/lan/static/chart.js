// Draws curves over time as SVG. It knows nothing of sensors: a curve is { colour, segments } (see segments.js).

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 58, RIGHT = 12, TOP = 8, BOTTOM = 26;
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const STEPS = [
  10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY,
];
/** px that the label of a time takes, with seconds or without. */
const labelWidth = step => (step < MINUTE ? 74 : 54);

/** A round step such that `span` holds about `count` of them. */
export function niceStep(span, count) {
  const raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find(step => step * power >= raw * 0.999);
}

/** The lowest and highest line of the grid around `low` and `high`, and the step between lines. */
export function scale(low, high) {
  const step = niceStep(Math.max(high - low, 1e-3), 4);
  const bottom = Math.floor(low / step) * step;
  return { bottom, top: Math.max(Math.ceil(high / step) * step, bottom + step), step };
}

function element(name, attributes, parent, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  parent.append(made);
  return made;
}

/** Moments at which an axis of `width` px is labelled, round in the reader's own time. */
function ticks(start, end, width) {
  const step = STEPS.find(one => (end - start) / one * labelWidth(one) <= width) ?? 7 * DAY;
  const offset = new Date(end * 1000).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let time = Math.ceil((start - offset) / step) * step + offset; time <= end; time += step) found.push(time);
  return { step, found };
}

function written(time, step) {
  const date = new Date(time * 1000);
  if (step >= DAY) return date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric" });
  const clock = { hour: "2-digit", minute: "2-digit", ...(step < MINUTE && { second: "2-digit" }), hourCycle: "h23" };
  return date.toLocaleTimeString("en-GB", clock);
}

/** Runs of segments without a gap between them. */
function runs(segments) {
  const found = [];
  for (const one of segments) {
    const last = found.at(-1);
    if (last && one.from - last.at(-1).to < 1e-6) last.push(one);
    else found.push([one]);
  }
  return found;
}

/** Draw `curves` between `start` and `end` (unix seconds) into `box`; `label` writes a value. Returns its coordinates. */
export function draw(box, { curves, start, end, label }) {
  const width = box.clientWidth, height = box.clientHeight;
  const all = curves.flatMap(curve => curve.segments);
  const fold = (choose, first) => all.reduce((found, one) => choose(found, one.low, one.high), first);
  const { bottom, top, step } = scale(fold(Math.min, 0), fold(Math.max, 0) || 1);
  const x = time => LEFT + (Math.min(Math.max(time, start), end) - start) / (end - start) * (width - LEFT - RIGHT);
  const y = value => TOP + (top - value) / (top - bottom) * (height - TOP - BOTTOM);
  const px = value => Math.round(value * 10) / 10;

  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  for (let line = 0; line <= Math.round((top - bottom) / step); line++) {
    const value = bottom + line * step, at = px(y(value));
    element("line", { class: Math.abs(value) < step / 2 ? "grid zero" : "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }, svg);
    element("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, svg, label(value));
  }
  const axis = ticks(start, end, width - LEFT);
  for (const time of axis.found) {
    const at = px(x(time)), room = Math.min(at, width - at);
    if (room > 18) element("text", { x: at, y: height - 4, "text-anchor": "middle" }, svg, written(time, axis.step));
  }
  for (const { colour, segments } of curves) {
    const group = element("g", { class: colour }, svg);
    let line = "", area = "", band = "";
    for (const run of runs(segments)) {
      const tops = run.map(one => `L${px(x(one.from))} ${px(y(one.value))}L${px(x(one.to))} ${px(y(one.value))}`).join("");
      line += `M${tops.slice(1)}`;
      area += `M${px(x(run[0].from))} ${px(y(0))}${tops}L${px(x(run.at(-1).to))} ${px(y(0))}Z`;
      if (run.some(one => one.high > one.low)) {
        const edge = (one, value) => [`${px(x(one.from))} ${px(y(value))}`, `${px(x(one.to))} ${px(y(value))}`];
        const upper = run.flatMap(one => edge(one, one.high)), lower = run.flatMap(one => edge(one, one.low));
        band += `M${upper.join("L")}L${lower.reverse().join("L")}Z`;
      }
    }
    if (curves.length < 3) element("path", { class: "area", d: area }, group);
    element("path", { class: "band", d: band }, group);
    element("path", { class: "line", d: line }, group);
    const newest = segments.at(-1);
    if (newest && end - newest.to < (end - start) / 50) element("circle", { class: "newest", r: 5, cx: px(x(newest.to)), cy: px(y(newest.value)) }, group);
  }
  const pointer = element("line", { class: "pointer", y1: TOP, y2: height - BOTTOM, visibility: "hidden" }, svg);
  box.replaceChildren(svg);
  return {
    start, end, x,
    /** The moment under a place on the screen; null outside. */
    time(clientX) {
      const at = clientX - box.getBoundingClientRect().left;
      return at >= LEFT && at <= width - RIGHT ? start + (at - LEFT) / (width - LEFT - RIGHT) * (end - start) : null;
    },
    /** Point at a moment; null takes the pointer away. */
    point(time) {
      pointer.setAttribute("visibility", time === null ? "hidden" : "visible");
      if (time === null) return;
      pointer.setAttribute("x1", x(time));
      pointer.setAttribute("x2", x(time));
    },
  };
}
