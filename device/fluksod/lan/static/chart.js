// Draws curves over time as SVG. It knows nothing of sensors: a curve is { colour, points: [[seconds, value or null]] }.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 56, RIGHT = 10, TOP = 10, BOTTOM = 24;

/** A round step such that `span` holds about `count` of them. */
export function niceStep(span, count) {
  const raw = span / count, power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find(step => step * power >= raw);
}

const TIME_STEPS = [10, 30, 60, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

/** Times at which the axis is labelled, on round local times. */
function timeTicks(start, end, most) {
  const step = TIME_STEPS.find(one => (end - start) / one <= most) ?? 604800;
  const offset = new Date(start * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let time = Math.ceil((start - offset) / step) * step + offset; time <= end; time += step) ticks.push(time);
  return { step, ticks };
}

function timeLabel(time, step) {
  const date = new Date(time * 1000);
  if (step >= 86400) return date.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", ...(step < 60 && { second: "2-digit" }) });
}

/** A path through the points; a null breaks it, and it is drawn as the steps that buckets are when `stepped`. */
function path(points, x, y, stepped) {
  let drawn = "", last = null;
  for (const [time, value] of points) {
    if (value === null) { last = null; continue }
    const [px, py] = [x(time).toFixed(1), y(value).toFixed(1)];
    drawn += last === null ? `M${px} ${py}` : stepped ? `H${px}V${py}` : `L${px} ${py}`;
    last = value;
  }
  return drawn;
}

/** Draw `curves` from `start` to `end` (unix seconds) into `box`; `label` writes a value, `describe` is read aloud. */
export function draw(box, { curves, start, end, label, describe, stepped }) {
  const width = Math.max(box.clientWidth - 8, 280), height = matchMedia("(max-width: 30rem)").matches ? 224 : 288;
  const values = curves.flatMap(curve => curve.points.map(point => point[1])).filter(value => value !== null);
  const step = niceStep(Math.max(Math.max(...values, 1) - Math.min(...values, 0), 1e-9), 4);
  const low = Math.floor(Math.min(...values, 0) / step) * step;
  const high = Math.max(Math.ceil(Math.max(...values, 0) / step), low / step + 1) * step;
  const x = time => LEFT + (time - start) / (end - start) * (width - LEFT - RIGHT);
  const y = value => TOP + (high - value) / (high - low) * (height - TOP - BOTTOM);

  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", describe);
  for (let value = low; value <= high + step / 2; value += step) {
    element("line", { class: Math.abs(value) < step / 2 ? "grid zero" : "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }, svg);
    element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, svg).textContent = label(value);
  }
  const axis = timeTicks(start, end, width / 80);
  for (const time of axis.ticks) {
    element("text", { x: x(time), y: height - 6, "text-anchor": x(time) > width - 40 ? "end" : "middle" }, svg).textContent = timeLabel(time, axis.step);
  }
  for (const curve of curves) {
    const drawn = path(curve.points, x, y, stepped);
    element("path", { class: `curve ${curve.colour}`, d: drawn }, svg);
  }
  const pointer = element("line", { class: "pointer", y1: TOP, y2: height - BOTTOM, x1: -9, x2: -9 }, svg);
  box.replaceChildren(svg);
  return {
    /** Move the pointer to a place on the screen; returns the time there, null outside. */
    point(clientX) {
      const frame = svg.getBoundingClientRect();
      const at = (clientX - frame.left) / frame.width * width;
      const inside = at >= LEFT && at <= width - RIGHT;
      pointer.setAttribute("x1", inside ? at : -9);
      pointer.setAttribute("x2", inside ? at : -9);
      return inside ? start + (at - LEFT) / (width - LEFT - RIGHT) * (end - start) : null;
    },
  };
}
