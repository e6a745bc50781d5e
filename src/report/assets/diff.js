// The page about two runs: what changed between them.

/** The colour of a kind of change: what is lost, what is new, what differs, what is no change of the site. */
const changeColour = (kind) => ({
  broken: "var(--bad)", gone: "var(--hue-2)", moved: "var(--hue-5)", added: "var(--hue-3)", "item-added": "var(--hue-3)", "item-gone": "var(--hue-2)",
  shell: "var(--hue-7)", "not-asked": "var(--waiting)", "not-asked-before": "var(--waiting)",
})[kind] ?? "var(--hue-1)";

/** The sections of a comparison of two runs, in reading order. */
function diff(data) {
  const kinds = data.kinds ?? [];
  return [changeCounts(data, kinds), ...kinds.map(changesOf), diffConditions(data)];
}

/** One change of each kind that says that the site changed, and several. */
const CHANGES = {
  broken: ["broken page"], gone: ["page gone", "pages gone"], moved: ["moved page"], added: ["new page"], status: ["other status", "other statuses"],
  content: ["changed text"], bytes: ["page with other bytes", "pages with other bytes"], title: ["changed title"], value: ["changed value"],
  "item-added": ["new item"], "item-gone": ["item gone", "items gone"],
};

/** The outcome, as a sentence. */
function diffSentence(data) {
  const counts = (data.kinds ?? []).filter(({ kind }) => CHANGES[kind]).map(({ kind, count: seen }) => counted(seen, ...CHANGES[kind]));
  const of = `${counted(data.old?.pages, "page")} then, ${count(data.new?.pages)} now`;
  return counts.length ? `${of}: ${listed(counts)}.` : `${of}: the site did not change.`;
}

function changeCounts(data, kinds) {
  const rows = kinds.map(({ kind, meaning, count: seen }) => ({ name: kind, value: seen, colour: changeColour(kind), label: `${count(seen)} · ${meaning}`, title: `${kind}\n${count(seen)}` }));
  if (rows.length === 0) return null;
  return section("changes", "Changes", `Longer bars are more frequent. ${counted(data.unchanged, "page")} did not change.`,
    bars("changes", "Changes by kind", rows, { axis: "changes", ticks: wholeTick }),
    folded("The figures", table("changes", "Changes by kind", [
      texts("kind", (row) => row.kind), numbers("changes", (row) => row.count, count), texts("meaning", (row) => row.meaning),
    ], kinds)));
}

/** A value of either run. */
const valueText = (value) => (value === null || value === undefined ? UNKNOWN : typeof value === "string" ? value : JSON.stringify(value));

/** The columns of a kind's table. */
function changeColumns(kind) {
  const url = texts("URL", (row) => address(row.url));
  const why = texts("why", (row) => row.why ?? "");
  const old = texts("old", (row) => valueText(row.old));
  const now = texts("new", (row) => valueText(row.new));
  const item = [texts("recipe", (row) => row.recipe ?? ""), texts("key", (row) => row.key ?? "")];
  switch (kind) {
    case "moved": return [url, texts("now at", (row) => (row.new_url ? address(row.new_url) : UNKNOWN)), why];
    case "gone": return [url, texts("status then", (row) => valueText(row.old)), why];
    case "added": return [url, texts("status", (row) => valueText(row.new)), why];
    case "title": return [url, old, now];
    case "value": return [url, ...item, texts("field", (row) => row.field ?? ""), old, now, why];
    case "item-added": case "item-gone": return [url, ...item];
    case "not-asked": case "not-asked-before": return [url, why];
    case "content": case "bytes": case "shell":
      return [url, numbers("bits of 64", (row) => row.distance, count)];
    default: return [url, old, now, why];
  }
}

function changesOf({ kind, meaning, count: seen, changes }) {
  const beyond = seen - changes.length;
  const note = beyond > 0 ? ` ${counted(beyond, "further change")} not listed.` : "";
  const known = changes.filter((row) => row.rows?.length);
  const others = changes.filter((row) => !row.rows?.length);
  return section(kind, `${kind[0].toUpperCase()}${kind.slice(1).replaceAll("-", " ")}`, `${meaning[0].toUpperCase()}${meaning.slice(1)}.${note}`,
    ...known.map((row, index) => sideBySide(row, index < OPEN_TEXTS)),
    others.length ? table(kind, counted(others.length, "change"), changeColumns(kind), others) : null);
}

/** Texts that are shown without being unfolded. */
const OPEN_TEXTS = 5;

/** The texts of a changed page, side by side. */
function sideBySide(row, open) {
  const lines = row.rows.map((line) => {
    if (typeof line === "number") {
      return element("tr", { class: "equal" }, element("td", { colspan: 2 }, `${counted(line, "equal line")}`));
    }
    const [old, now, changed] = line;
    return element("tr", { class: changed ? "differs" : null },
      element("td", { class: changed && old !== null ? "removed" : null }, old ?? ""),
      element("td", { class: changed && now !== null ? "added" : null }, now ?? ""));
  });
  const distance = typeof row.distance === "number" ? element("span", { class: "note" }, ` ${counted(row.distance, "bit")} of 64`) : null;
  return element("details", { class: "texts", open },
    element("summary", {}, row.url, distance),
    element("p", {}, address(row.url)),
    element("table", { class: "side-by-side" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "old"), element("th", { scope: "col" }, "new"))),
      element("tbody", {}, lines)));
}

function diffConditions(data) {
  const about = (run) => !run ? UNKNOWN : `${run.path} (${run.source}): ${counted(run.pages, "page")}${run.waiting === null ? "" : `, not finished${run.waiting ? `, ${count(run.waiting)} waiting` : ""}`}`;
  return section("conditions", "Conditions", "The two runs, and the command that compared them.",
    data.command ? command(data.command) : null,
    pairs([["old", about(data.old)], ["new", about(data.new)], ["unchanged", count(data.unchanged)], ...machine(data)]));
}
