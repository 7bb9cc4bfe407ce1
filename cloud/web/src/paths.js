/**
 * Draws a stream as steps: each value over its own interval, nothing over a gap. uPlot's own stepped paths hold a value
 * until the next stamp of any stream; here a value ends at its stamp, and other streams' stamps do not matter.
 *
 * @type {import("uplot").Series.PathBuilder}
 */
export function stepPaths(u, seriesIndex, from, to) {
  const times = /** @type {number[]} */ (u.data[0]);
  const values = /** @type {(number | null | undefined)[]} */ (u.data[seriesIndex]);
  const scale = u.series[seriesIndex]?.scale ?? "y";
  const stroke = new Path2D();
  const fill = new Path2D();
  const ground = u.valToPos(0, scale, true);

  // The step that crosses the left edge ends at the first stamp inside, so its own beginning is further left.
  let start = from;
  while (start > 0 && values[start - 1] === undefined) start--;
  let previous = start > 0 ? times[start - 1] : undefined;
  let open = false;
  let right = 0;

  const close = () => {
    if (open) fill.lineTo(right, ground);
    open = false;
  };
  for (let i = start; i < times.length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    const time = /** @type {number} */ (times[i]);
    if (value === null || previous === undefined) {
      close();
    } else {
      const left = u.valToPos(previous, "x", true);
      const top = u.valToPos(value, scale, true);
      right = u.valToPos(time, "x", true);
      if (open) {
        stroke.lineTo(left, top);
      } else {
        stroke.moveTo(left, top);
        fill.moveTo(left, ground);
      }
      fill.lineTo(left, top);
      fill.lineTo(right, top);
      stroke.lineTo(right, top);
      open = true;
    }
    previous = time;
    if (i > to) break;
  }
  close();
  return { stroke, fill };
}
