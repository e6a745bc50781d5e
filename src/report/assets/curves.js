// Curves: latency by percentile, and quantities over time.

const MOST_NINES = 4; // the axis ends at p99.99, where the maximum is drawn too

/** The position of a percentile on the stretched axis: 90, 99 and 99.9 are equally far apart. */
const stretched = (at) => Math.min(MOST_NINES, -Math.log10(Math.max(1e-9, 1 - at / 100)));

/** Whether the values are so far apart that only a logarithmic axis shows them all. */
function spread(values) {
  const above = values.filter((value) => value > 0);
  return above.length === values.length && above.length > 0 && Math.max(...above) / Math.min(...above) > 30;
}

/** Latency by percentile, one line per row: {name, curve: [[percentile, ms], …]}. */
function latencyChart(rows, identities, width) {
  const curves = rows.map(({ name, curve }) => ({
    name,
    points: curve.filter(([, ms]) => known(ms)).map(([at, ms]) => ({ name, at, ms, x: stretched(at) })),
  }));
  const points = curves.flatMap((curve) => curve.points);
  const end = Math.max(2, ...points.map((point) => point.x));
  const wanted = width > 480 ? [0, 50, 75, 90, 99, 99.9, 99.99] : [50, 90, 99, 99.9, 99.99];
  const marks = wanted.filter((at) => stretched(at) <= end);
  const logarithmic = spread(points.map((point) => point.ms));
  return plot({
    width,
    height: Math.min(340, Math.max(240, width * 0.5)),
    marginLeft: 50,
    marginBottom: 40,
    marginRight: 24,
    x: { domain: [0, end], ticks: marks.map(stretched), tickFormat: (_, index) => (marks[index] === 0 ? "min" : `p${marks[index]}`), label: "percentile of the requests", labelArrow: "none" },
    y: { type: logarithmic ? "log" : "linear", label: `latency, ms${logarithmic ? " (logarithmic)" : ""}`, labelArrow: "none", nice: true, grid: true, ticks: 5, tickFormat: tick, ...(logarithmic ? {} : { zero: true }) },
    marks: [
      Plot.gridX(marks.map(stretched), { strokeOpacity: 0.1 }),
      ...curves.map((curve) => Plot.line(curve.points, {
        x: "x", y: "ms", stroke: identities.colour(curve.name), strokeWidth: 2.2, strokeDasharray: identities.dash(curve.name), curve: "monotone-x",
      })),
      Plot.dot(points, Plot.pointer({ x: "x", y: "ms", r: 4, fill: (point) => identities.colour(point.name), stroke: "var(--paper)" })),
      tip(points, Plot.pointer({ x: "x", y: "ms", title: (point) => `${point.name}\n${percentile(point.at)}: ${milliseconds(point.ms)}` })),
    ],
  });
}

/** One quantity over time: rows of [seconds, value], and a cross below for each row of `marked` (failures). */
function timeChart(rows, width, { colour, axis, shown = number, marked = [], end = null, height = 150, ticks = tick }) {
  const points = rows.filter(([, value]) => known(value)).map(([s, value]) => ({ s, value }));
  const last = end ?? Math.max(0, ...points.map((point) => point.s));
  const short = last < 2;
  return plot({
    width,
    height,
    marginTop: 10,
    marginLeft: 46,
    marginBottom: 36,
    marginRight: 20,
    x: { domain: [0, last || 1], label: short ? "ms" : "seconds", labelArrow: "none", ticks: Math.max(2, Math.floor(width / 80)), tickFormat: (s) => tick(short ? s * 1000 : s) },
    y: { domain: [0, Math.max(1, ...points.map((point) => point.value))], nice: true, label: axis, labelArrow: "none", ticks: 3, tickFormat: ticks, grid: true },
    marks: [
      Plot.areaY(points, { x: "s", y: "value", fill: colour, fillOpacity: 0.22, curve: "step-after" }),
      Plot.line(points, { x: "s", y: "value", stroke: colour, strokeWidth: 1.6, curve: "step-after" }),
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      Plot.dot(marked, { x: "s", frameAnchor: "bottom", symbol: "times", r: 3.5, stroke: "var(--bad)", strokeWidth: 2 }),
      tip(points, Plot.pointerX({ x: "s", y: "value", title: (point) => `${shown(point.value)}\nafter ${seconds(point.s)}` })),
    ],
  });
}
