// Lanes: one line per request, from when it was sent to its last byte. They show how an engine switches between requests.

/** Lanes of one engine: rows of [sent, first byte, end] in ms; `end` the right end of the axis, in ms. */
function laneChart(lanes, colour, width, end) {
  const rows = lanes.filter((lane) => lane.every(known)).map(([sent, first, last], index) => ({ index, sent, first, last }));
  const visible = rows.filter((row) => row.sent <= end);
  // Whole pixels per lane, or the chart shimmers.
  const pitch = rows.length > 100 ? (width < 400 ? 1 : 2) : rows.length > 40 ? 3 : 6;
  const thick = pitch === 1 ? 1 : pitch * 0.7;
  const height = 6 + pitch * (rows.length + 1) + 36;
  const until = (of) => (row) => Math.min(end, row[of]);
  return plot({
    width,
    height,
    marginTop: 6,
    marginLeft: 8,
    marginBottom: 36,
    x: { domain: [0, end], label: end >= 2000 ? "seconds" : "ms", labelArrow: "none", ticks: Math.max(2, Math.floor(width / 80)), tickFormat: (ms) => tick(end >= 2000 ? ms / 1000 : ms) },
    y: { domain: [rows.length, -1], axis: null },
    marks: [
      Plot.gridX({ strokeOpacity: 0.1 }),
      Plot.ruleY(visible, { x1: "sent", x2: until("first"), y: "index", stroke: "var(--waiting)", strokeWidth: thick, className: "waiting" }),
      Plot.ruleY(visible.filter((row) => row.first <= end), { x1: "first", x2: until("last"), y: "index", stroke: colour, strokeWidth: Math.max(1.6, thick), strokeLinecap: "square" }),
      tip(visible, Plot.pointerY({
        x: "first", y: "index", maxRadius: 20,
        title: (row) => `request ${row.index + 1}\nsent after ${milliseconds(row.sent)}\nwaited ${milliseconds(row.first - row.sent)}\nreceived in ${milliseconds(row.last - row.first)}`,
      })),
    ],
  });
}
