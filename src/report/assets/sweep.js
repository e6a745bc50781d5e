// The sweep: throughput against concurrency (or latency, or work), with the law fitted to it.

/** The Universal Scalability Law: throughput at `n` in flight (Gunther, "Guerrilla Capacity Planning", 2007). */
const scalability = ({ lambda, sigma, kappa }, n) => (lambda * n) / (1 + sigma * (n - 1) + kappa * n * (n - 1));

/** Points of the fitted line, evenly spread over the logarithm of x. */
function fitted(curve) {
  const xs = curve.points.map((point) => point.x);
  const [from, to] = [Math.min(...xs), Math.max(...xs)];
  return Array.from({ length: 81 }, (_, step) => {
    const x = from * (to / from) ** (step / 80);
    return { x, y: scalability(curve.fit, x) };
  });
}

/** One value of each point against x, one curve per engine: `of(point)` returns {median, low, high}. */
function sweepChart(sweep, identities, width, { axis, of, fits, shown }) {
  const points = sweep.curves.flatMap((curve) => curve.points.map((point) => ({ ...of(point), x: point.x, engine: curve.engine }))).filter((point) => known(point.median));
  const xs = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
  const logarithmic = xs.length > 0 && xs[0] > 0;
  const knees = fits && logarithmic ? sweep.curves.filter((curve) => known(curve.knee)) : [];
  const every = Math.max(1, Math.ceil((xs.length * 38) / (width - 70)));
  const ticks = xs.filter((_, index) => index % every === 0);
  const law = (curve) => fits && logarithmic && curve.fit && known(curve.fit.lambda);
  const ranged = points.filter((point) => known(point.low) && known(point.high));
  return plot({
    width,
    height: Math.min(380, Math.max(250, width * 0.5)),
    marginLeft: 50,
    marginRight: 24,
    marginBottom: 42,
    marginTop: knees.length ? 22 + 15 * new Set(knees.map((curve) => curve.knee)).size : 24,
    x: { type: logarithmic ? "log" : "point", ...(logarithmic ? { base: 2 } : { domain: xs }), ticks, tickFormat: count, label: sweep.unit, labelArrow: "none" },
    y: { zero: true, nice: true, grid: true, label: axis, labelArrow: "none", tickFormat: tick, ticks: 5 },
    marks: [
      Plot.ruleY([0], { strokeOpacity: 0.4 }),
      ...sweep.curves.flatMap((curve) => {
        const own = points.filter((point) => point.engine === curve.engine);
        const line = law(curve) ? fitted(curve) : own.map((point) => ({ x: point.x, y: point.median }));
        return Plot.line(line, { x: "x", y: "y", stroke: identities.colour(curve.engine), strokeDasharray: identities.dash(curve.engine), strokeWidth: 2 });
      }),
      Plot.ruleX(together(knees, width), { x: "knee", strokeOpacity: 0.6, strokeDasharray: "2 3", strokeWidth: 1.2 }),
      Plot.ruleX(ranged, { x: "x", y1: "low", y2: "high", stroke: (point) => identities.colour(point.engine), strokeWidth: 1.6 }),
      Plot.dot(points, { x: "x", y: "median", r: 3.4, fill: (point) => identities.colour(point.engine), stroke: "var(--paper)", strokeWidth: 1 }),
      Plot.text(together(knees, width), { x: "knee", frameAnchor: "top", dy: -6, text: "text", lineAnchor: "bottom", fontSize: 12 }),
      tip(points, Plot.pointer({ x: "x", y: "median", title: (point) => `${point.engine} at ${number(point.x)} ${sweep.unit}\n${interval(point, shown)}` })),
    ],
  });
}

/** One label for all knees at the same x. */
function together(knees, width) {
  const at = new Map();
  for (const { knee, engine } of knees) at.set(knee, [...(at.get(knee) ?? []), engine]);
  const sorted = [...at].sort((a, b) => a[0] - b[0]);
  return sorted.map(([knee, engines], index) => {
    const text = width > 600 ? `knee of ${listed(engines)}: ${count(knee)}` : `knee ${count(knee)}`;
    return { knee, text: text + "\n".repeat(sorted.length - 1 - index) }; // stacked, so that none is covered
  });
}
