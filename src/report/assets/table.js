// Tables with the numbers of the charts, for people who want exact values or use a screen reader.

/** Rows shown until the "Show more" button is pressed. */
const FIRST_ROWS = 100;

/**
 ** A table. A column is {head, cell, text}: `cell(row)` returns an element or text; `text` columns are aligned left, numbers
 ** right. The first column is the header of its row.
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

/** Content folded behind a summary line. */
function folded(summary, ...content) {
  return element("details", {}, element("summary", {}, summary), ...content);
}

/** A column of numbers: `of(row)` returns the number, and `shown` formats it. */
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
