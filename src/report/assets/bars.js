// Bar charts, with a line of text above each bar so that they can be read on a phone too.

const TEXT = 20; // the height of the text above a bar
const BAR = 16;
const RINGS = 10; // below the bar, where there are single measurements
const GAP = 8;

const canvas = document.createElement("canvas").getContext("2d");

/** The width of text in the charts, in pixels. */
function textWidth(text, weight = "400") {
  canvas.font = `${weight} 12.5px ${getComputedStyle(document.documentElement).fontFamily}`;
  return canvas.measureText(text).width;
}

/** Text that is at most `width` pixels wide. */
function fitting(text, width, weight) {
  if (textWidth(text, weight) <= width) return text;
  let length = Array.from(text).length;
  while (length > 3 && textWidth(shortened(text, length), weight) > width) length -= 1;
  return shortened(text, length);
}

/** The name and the value of a bar, side by side. A Plot mark shifts all its text by the same amount, hence one mark per row. */
function labels(row, width, shift) {
  const label = fitting(row.label ?? "", width * 0.75);
  const name = fitting(row.name, width - textWidth(label) - 12, "600");
  const common = { x: 0, y: "key", textAnchor: "start", fontSize: 12.5, dy: shift };
  return [
    Plot.text([row], { ...common, text: () => name, dx: 0, fontWeight: 600 }),
    Plot.text([row], { ...common, text: () => label, dx: textWidth(name, "600") + 10 }),
  ];
}

/**
 * Bars from the left. A row is {name, value, label, title, colour, low, high, dots, parts}: `parts` are pieces of the
 * bar, [[value, opacity], …]; `dots` are single measurements; `low` and `high` an interval.
 */
function barChart(named, width, { axis, ticks = tick, shown = number }) {
  const rows = named.map((row, key) => ({ ...row, key })); // two may have the same name
  const pieces = rows.flatMap((row) => {
    let from = 0;
    return (row.parts ?? [[row.value, 1]]).filter(([value]) => known(value)).map(([value, opacity]) => {
      const piece = { ...row, from, to: from + value, opacity };
      from += value;
      return piece;
    });
  });
  const dots = rows.flatMap((row) => (row.dots ?? []).filter(known).map((value) => ({ ...row, value })));
  const ranged = rows.filter((row) => known(row.low) && known(row.high));
  const below = (dots.length ? RINGS : 0) + GAP;
  const step = TEXT + BAR + below;
  const middle = TEXT + BAR / 2 - step / 2; // of the bar, from the middle of its row
  const most = Math.max(0, ...pieces.map((piece) => piece.to), ...dots.map((dot) => dot.value), ...ranged.map((row) => row.high));
  const ends = { y: "key", stroke: "currentColor", strokeWidth: 2, insetTop: TEXT + 3, insetBottom: below + 3 };
  const halo = { stroke: "var(--paper)", strokeWidth: 5, insetTop: TEXT + 1, insetBottom: below + 1 };
  return plot({
    width,
    height: rows.length * step + 44,
    marginLeft: 1,
    marginTop: 0,
    marginBottom: 44,
    x: { domain: [0, most || 1], nice: true, grid: true, label: axis, labelAnchor: "right", labelArrow: "none", tickFormat: ticks, ticks: Math.max(2, Math.floor(width / 100)) },
    y: { domain: rows.map((row) => row.key), axis: null, paddingInner: 0, paddingOuter: 0 },
    marks: [
      Plot.barX(pieces, { x1: "from", x2: "to", y: "key", fill: "colour", fillOpacity: "opacity", insetTop: TEXT, insetBottom: below, className: "bar" }),
      Plot.tickX(rows, { x: () => 0, y: "key", strokeOpacity: 0.5, insetTop: TEXT - 2, insetBottom: below - 2 }),
      ...rows.flatMap((row) => labels(row, width - 20, TEXT / 2 - step / 2)),
      Plot.dot(dots, { x: "value", y: "key", r: 2.8, stroke: "currentColor", strokeWidth: 1, dy: middle + BAR / 2 + RINGS / 2 + 1, className: "round" }),
      Plot.ruleY(ranged, { x1: "low", x2: "high", y: "key", dy: middle, stroke: "var(--paper)", strokeWidth: 5 }),
      Plot.tickX(ranged, { x: "low", ...ends, ...halo }),
      Plot.tickX(ranged, { x: "high", ...ends, ...halo }),
      Plot.ruleY(ranged, { x1: "low", x2: "high", y: "key", dy: middle, strokeWidth: 2 }),
      Plot.tickX(ranged, { x: "low", ...ends }),
      Plot.tickX(ranged, { x: "high", ...ends }),
      tip(rows.filter((row) => known(row.value)), Plot.pointerY({
        x: "value", y: "key", dy: middle, title: (row) => row.title ?? `${row.name}\n${shown(row.value)}`, maxRadius: 60,
      })),
    ],
  });
}

/** Nobody reads more bars than this; the table has all rows. */
const MOST_BARS = 40;

/** A bar chart with the first bars as text for screen readers, and a note if some are left out. */
function bars(name, what, rows, options) {
  const summary = rows.slice(0, 12).map((row) => `${row.name} ${row.label}`).join("; ");
  const drawn = chart(name, `${what}: ${summary}`, (width) => barChart(rows.slice(0, MOST_BARS), width, options));
  const beyond = rows.length - MOST_BARS;
  return beyond > 0 ? element("div", {}, drawn, element("p", { class: "note" }, `${count(beyond)} more in the table.`)) : drawn;
}
