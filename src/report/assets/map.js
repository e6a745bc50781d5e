// The map: which engine wins at each latency and each amount of work.

/** Cells narrower than NAME_FITS show a letter for the winner, and those narrower than MARGIN_FITS no margin. */
const NAME_FITS = 74;
const MARGIN_FITS = 44;

/** The width of a cell if the map is `width` wide. */
const cellWidth = (map, width) => (width - 62) / Math.max(1, map.latency_ms.length);

/** Whether the names of the winners fit their cells at this width. */
const namesFit = (map, width) => cellWidth(map, width) >= NAME_FITS;

/**
 ** The cells that were not measured, with the winner of their nearest measured neighbours if those agree: the map is measured
 * finely only where neighbours differ.
 */
function between(map) {
  const place = (cell) => [map.latency_ms.indexOf(cell.latency_ms), map.work_us.indexOf(cell.work_us)];
  const measured = map.cells.filter((cell) => cell.winner).map((cell) => ({ at: place(cell), winner: cell.winner }));
  const taken = new Set(map.cells.map((cell) => place(cell).join()));
  const found = [];
  for (const [column, latency_ms] of map.latency_ms.entries()) {
    for (const [row, work_us] of map.work_us.entries()) {
      if (taken.has(`${column},${row}`)) continue;
      const far = ({ at }) => Math.hypot(at[0] - column, at[1] - row);
      const least = Math.min(...measured.map(far));
      const winners = new Set(measured.filter((cell) => far(cell) < least + 0.5).map((cell) => cell.winner));
      if (winners.size === 1) found.push({ latency_ms, work_us, winner: [...winners][0] });
    }
  }
  return found;
}

/** The opacity of a cell: faint for a tie, full if the next engine takes twice as long or more. */
const strength = (cell) => (tied(cell) ? 0.14 : 0.2 + 0.3 * Math.min(1, Math.max(0, (cell.margin ?? 1) - 1)));

/** Whether a cell has no clear difference. */
const tied = (cell) => !cell.shown || (cell.tied ?? []).length > 0;

/** The map, latency to the right and work upwards. */
function mapChart(map, identities, width) {
  const names = namesFit(map, width);
  const word = (name) => (names ? shortened(name, 11) : identities.letter(name));
  const cells = map.cells.filter((cell) => cell.winner);
  const rows = map.work_us.length;
  const wide = cellWidth(map, width) >= MARGIN_FITS;
  const equals = (cell) => `≈${wide ? " " : ""}${(cell.tied ?? []).map(word).slice(0, names || !wide ? 1 : 3).join(" ")}${names && (cell.tied ?? []).length > 1 ? " …" : ""}`;
  const text = (cell) => [word(cell.winner), tied(cell) ? equals(cell) : wide ? times(cell.margin) : null].filter(Boolean).join("\n");
  const every = Math.max(1, Math.ceil(50 / cellWidth(map, width)));
  return plot({
    width,
    height: rows * 58 + 60,
    marginLeft: 62,
    marginBottom: 44,
    marginTop: 28,
    marginRight: 0,
    x: { type: "band", domain: map.latency_ms, label: "latency of the server", labelArrow: "none", labelAnchor: "right", padding: 0.04, ticks: map.latency_ms.filter((_, index) => index % every === 0), tickFormat: milliseconds, tickSize: 0 },
    y: { type: "band", domain: [...map.work_us].reverse(), label: "work per page", labelAnchor: "top", labelArrow: "none", padding: 0.05, tickFormat: (us) => (us === 0 ? "none" : microseconds(us)), tickSize: 0 },
    marks: [
      hatching,
      Plot.cell(between(map), { x: "latency_ms", y: "work_us", fill: (cell) => identities.colour(cell.winner), fillOpacity: 0.1 }),
      Plot.cell(cells, { x: "latency_ms", y: "work_us", fill: (cell) => identities.colour(cell.winner), fillOpacity: strength }),
      Plot.cell(cells.filter(tied), { x: "latency_ms", y: "work_us", fill: "url(#hatching)" }),
      Plot.cell(cells.filter((cell) => !tied(cell)), { x: "latency_ms", y: "work_us", fill: "none", stroke: (cell) => identities.colour(cell.winner), strokeWidth: 1.5, inset: 0.75 }),
      Plot.text(cells, { x: "latency_ms", y: "work_us", text, lineHeight: 1.3, fontSize: 12.5 }),
      tip(cells, Plot.pointer({ x: "latency_ms", y: "work_us", title: cellTitle, maxRadius: 150 })),
    ],
  });
}

/** The tooltip of a cell. */
function cellTitle(cell) {
  const rates = Object.entries(cell.per_second ?? {}).filter(([, rate]) => known(rate)).sort((a, b) => b[1] - a[1]);
  return [`latency ${milliseconds(cell.latency_ms)}, work ${microseconds(cell.work_us)}`, ...rates.map(([name, rate]) => `${name}: ${number(rate)} requests/s`)].join("\n");
}

/** A mark that draws nothing but defines the hatching of ties. */
function hatching() {
  const space = "http://www.w3.org/2000/svg";
  const make = (name, pairs) => {
    const made = document.createElementNS(space, name);
    Object.entries(pairs).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };
  const pattern = make("pattern", { id: "hatching", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  pattern.append(make("line", { x1: 0, x2: 0, y1: 0, y2: 7, stroke: "currentColor", "stroke-opacity": 0.13, "stroke-width": 3 }));
  const defs = make("defs", {});
  defs.append(pattern);
  return defs;
}
