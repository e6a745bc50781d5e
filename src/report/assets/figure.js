// The frame of a chart: its section, its legend, and redrawing when the width changes.

/** A section with a heading and a sentence on how to read its content. */
function section(id, heading, reading, ...content) {
  return element("section", { id, "aria-labelledby": `${id}-heading` },
    element("h2", { id: `${id}-heading` }, heading),
    reading ? element("p", { class: "reading" }, reading) : null,
    ...content);
}

const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) requestAnimationFrame(() => target.redraw());
});

/**
 ** A chart: `draw(width)` returns an SVG of that many pixels, and `finding` is its content as text for screen readers.
 ** `redraw(true)` redraws it even at the same width.
 */
function chart(name, finding, draw) {
  const box = element("div", { class: "chart", "data-chart": name });
  let last = 0;
  box.redraw = (anyway = false) => {
    const width = Math.floor(box.clientWidth);
    if (width === 0 || (width === last && !anyway)) return;
    last = width;
    const drawn = draw(width);
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", finding);
    box.replaceChildren(drawn);
  };
  widths.observe(box);
  return box;
}

/** Small charts side by side, as many in a row as fit. */
const panels = (...charts) => element("div", { class: "panels" }, ...charts);

/** Smaller charts side by side. */
const smallPanels = (...charts) => element("div", { class: "panels small" }, ...charts);

/** One chart with its title, for `panels`. */
function panel(title, note, drawn) {
  return element("figure", { class: "panel" },
    element("figcaption", {}, element("strong", {}, title), note ? element("span", {}, note) : null), drawn);
}

/** A plot with the options that all charts share. */
function plot(options) {
  return Plot.plot({
    marginTop: 24,
    marginRight: 16,
    ...options,
    style: { background: "none", overflow: "visible", ...options.style },
  });
}

/** The tooltip of a mark. */
const tip = (rows, options) => Plot.tip(rows, { lineHeight: 1.35, textPadding: 9, ...options });

// Identity: one colour and one dash an engine, the same in every chart. The colours are in the style sheet.

const DASHES = ["none", "6 3", "2 2.5", "9 3 2 3", "12 4", "4 2 1 2 1 2", "1 3", "10 2 2 2 2 2"];
const HUES = 8;

/** The identities of names, in the order they first appear. */
class Identities {
  constructor(names) {
    this.names = [...new Set(names)];
  }

  at(name) {
    return Math.max(0, this.names.indexOf(name));
  }

  colour(name) {
    return `var(--hue-${(this.at(name) % HUES) + 1})`;
  }

  dash(name) {
    return DASHES[this.at(name) % DASHES.length];
  }

  /** A letter, for when the name does not fit. */
  letter(name) {
    return String.fromCharCode(65 + (this.at(name) % 26));
  }
}

/** A legend of names. `lines` shows their dashes, `letters` the letters that stand for them. */
function legend(identities, names, { lines = false, letters = false } = {}) {
  return element("ul", { class: "legend" }, names.map((name) =>
    element("li", {}, swatch(identities.colour(name), lines ? identities.dash(name) : null),
      letters ? element("b", { class: "letter" }, `${identities.letter(name)} `) : null, name)));
}

/** A patch of colour, or a piece of line. */
function swatch(colour, dash, opacity = 1) {
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  const set = (target, pairs) => Object.entries(pairs).forEach(([key, value]) => target.setAttribute(key, value));
  set(drawn, { width: dash ? 28 : 12, height: 12, "aria-hidden": "true" });
  set(line, { x1: 0, x2: dash ? 28 : 12, y1: 6, y2: 6, "stroke-width": dash ? 2.5 : 12, "stroke-opacity": opacity });
  line.style.stroke = colour;
  if (dash && dash !== "none") line.setAttribute("stroke-dasharray", dash);
  drawn.append(line);
  return drawn;
}

/** A legend of parts: [[text, colour, opacity], …]. */
function parts(rows) {
  return element("ul", { class: "legend" }, rows.map(([text, colour, opacity]) =>
    element("li", {}, swatch(colour, null, opacity), text)));
}
