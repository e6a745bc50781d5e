// Tables: the same numbers as the charts, for readers, keyboards and screen readers.

/** Rows shown before the button that shows more. */
const FIRST_ROWS = 100;

/**
 * A table. A column is {head, cell, text}: `cell(row)` gives an element or text; `text` columns stand left, numbers
 * right. The first column heads its row.
 */
function table(name, caption, columns, rows) {
  const body = element("tbody");
  const made = element("table", { "data-table": name },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, columns.map(({ head, text }) =>
      element("th", { scope: "col", class: text ? "text" : null }, element("div", {}, head))))),
    body);
  const box = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, made);
  let next = 0;
  const more = element("button", { type: "button", class: "more", onclick: () => add(next + FIRST_ROWS) });
  function add(end) {
    for (const row of rows.slice(next, end)) {
      body.append(element("tr", {}, columns.map(({ cell, text }, index) =>
        element(index === 0 ? "th" : "td", { scope: index === 0 ? "row" : null, class: text ? "text" : null },
          text ? element("div", {}, cell(row)) : cell(row)))));
    }
    next = Math.min(end, rows.length);
    more.textContent = `Show more: ${counted(rows.length - next, "row")} left`;
    more.hidden = next >= rows.length;
  }
  add(FIRST_ROWS);
  return rows.length > FIRST_ROWS ? element("div", {}, box, more) : box;
}

/** A table behind a line that opens it. */
function folded(summary, ...content) {
  return element("details", {}, element("summary", {}, summary), ...content);
}

/** A column of numbers: `of(row)` the number, `shown` how it reads. */
function numbers(head, of, shown = number) {
  return { head, cell: (row) => figureOf(of(row), shown(of(row))) };
}

/** A column of text. */
const texts = (head, of) => ({ head, text: true, cell: (row) => of(row) });

/** Pairs of a name and a value, as a list. */
function pairs(rows) {
  return element("dl", { class: "pairs" }, rows.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}
