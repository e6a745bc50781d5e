// The page of one run: a fetch or a crawl.

/** The sections of a run, in reading order. */
function run(data) {
  return [
    outcome(data),
    runLatency(data),
    overTime(data.over_time),
    failures(data),
    hosts(data),
    slowest(data.slowest),
    depths(data.depths),
    passedOver(data),
    broken(data.broken),
    runConditions(data),
  ];
}

/** The outcome of the run, as a sentence. */
function runSentence(data) {
  const ends = { interrupted: "It was interrupted.", "time limit": "It was stopped by its time limit.", "output failed": "An output could not be written." };
  // Each record is one of these; reports of earlier versions do not contain the number of fetched ones.
  const parts = [
    known(data.fetched) ? `${count(data.fetched)} fetched` : null,
    known(data.failed) ? `${count(data.failed)} failed${data.failed_with_status ? ` (${count(data.failed_with_status)} with a status of 400 or above)` : ""}` : null,
    data.duplicates ? counted(data.duplicates, "duplicate") : null,
    data.skipped ? `${count(data.skipped)} skipped` : null,
  ].filter(Boolean);
  return [`${counted(data.records, "record")} in ${seconds(data.took_s)}: ${parts.join(", ")}.`, ends[data.ended]].filter(Boolean).join(" ");
}

/** The colour of a status, by its first digit. */
const statusColour = (status) => ({ 2: "var(--hue-3)", 3: "var(--hue-1)", 4: "var(--hue-2)", 5: "var(--bad)" })[Math.floor(status / 100)] ?? "var(--hue-7)";

function outcome(data) {
  const statuses = (data.statuses ?? []).map(([status, seen]) => ({ status, seen }));
  if (statuses.length === 0) return null;
  const total = statuses.reduce((sum, row) => sum + row.seen, 0);
  const rows = statuses.map(({ status, seen }) => ({
    name: String(status), value: seen, colour: statusColour(status), label: `${count(seen)} · ${percent(seen / total)}`, title: `${status}\n${counted(seen, "response")}`,
  }));
  return section("statuses", "Statuses", "Longer bars are more frequent. 2xx are pages, 3xx are redirects or unchanged pages, 4xx and 5xx are errors of the request and of the server.",
    bars("statuses", "Responses by status", rows, { axis: "responses", ticks: wholeTick }),
    folded("The figures", table("statuses", "Responses by status", [
      texts("status", (row) => String(row.status)), numbers("responses", (row) => row.seen, count), numbers("share", (row) => row.seen / total, percent),
    ], statuses)));
}

function runLatency(data) {
  if (!data.latency_ms && !data.latency_curve?.length) return null;
  const name = "all requests";
  const identities = new Identities([name]);
  return section("latency", "Latency",
    "How long single requests took. The slowest few are on the right: p99 means that 99 of 100 requests were at least as fast. The axis is stretched towards the end.",
    data.latency_curve?.length ? chart("latency", `Latency: median ${milliseconds(data.latency_ms?.p50)}, p99 ${milliseconds(data.latency_ms?.p99)}, slowest ${milliseconds(data.latency_ms?.max)}`,
      (width) => latencyChart([{ name, curve: data.latency_curve }], identities, width)) : null,
    folded("The figures", table("latency", "Latency", [
      texts("", () => name),
      ...["p50", "p90", "p99", "max"].map((at) => numbers(at, () => data.latency_ms?.[at], milliseconds)),
    ], [data])));
}

function overTime(rows) {
  if (!rows?.length) return null;
  const end = rows.at(-1).s;
  const failed = rows.filter((row) => row.failed > 0);
  const of = (key) => rows.map((row) => [row.s, row[key]]);
  const peak = (key) => Math.max(...rows.map((row) => row[key] ?? 0));
  const drawn = (title, key, options) => panel(title, `at most ${options.shown(peak(key))}`,
    chart(key, `${title}: at most ${options.shown(peak(key))}`, (width) => timeChart(of(key), width, { ...options, end, marked: failed, axis: null })));
  return section("over-time", "Over time",
    "All three charts share a time axis. A cross marks a moment when requests failed. If throughput falls while many requests are in flight, something is slow; if both fall, there was nothing left to fetch.",
    smallPanels(
      drawn("Requests per second", "per_second", { colour: "var(--hue-1)", shown: (rate) => `${number(rate)}/s` }),
      drawn("In flight", "in_flight", { colour: "var(--hue-3)", shown: (n) => `${count(n)} in flight` }),
      drawn("Bytes per second", "bytes_per_second", { colour: "var(--hue-4)", ticks: bytes, shown: (rate) => `${bytes(rate)}/s` })),
    folded("The figures", table("over-time", "Over time", [
      numbers("after", (row) => row.s, seconds),
      numbers("requests/s", (row) => row.per_second),
      numbers("bytes/s", (row) => row.bytes_per_second, bytes),
      numbers("in flight", (row) => row.in_flight, count),
      numbers("failed", (row) => row.failed, count),
    ], rows)));
}

function failures(data) {
  const rows = data.failures ?? [];
  if (rows.length === 0) return null;
  const drawn = rows.map((row) => ({ name: row.class, value: row.count, label: count(row.count), colour: "var(--bad)", title: `${row.class}\n${counted(row.count, "failure")}` }));
  return section("failures", "Failures", "Longer bars are more frequent. Each class is one way to fail; the table has an example of each.",
    bars("failures", "Failures", drawn, { axis: "failures", ticks: wholeTick }),
    table("failures", "Failures, with an example of each", [
      texts("class", (row) => row.class),
      numbers("count", (row) => row.count, count),
      texts("example", (row) => (row.example ? address(row.example) : UNKNOWN)),
      texts("message", (row) => row.message ?? ""),
    ], rows));
}

function hosts(data) {
  const rows = data.hosts ?? [];
  if (rows.length === 0) return null;
  const drawn = rows.map((row) => ({
    name: row.host.replace(/^https?:\/\//, ""), value: row.visited, colour: "var(--hue-1)",
    label: `${count(row.visited)}${row.failed ? `, ${count(row.failed)} failed` : ""} · ${milliseconds(row.mean_ms)}`,
    title: `${row.host}\n${counted(row.visited, "visit")}, ${count(row.failed)} failed\nmean ${milliseconds(row.mean_ms)}`,
  }));
  const beyond = data.hosts_beyond > 0 ? ` ${counted(data.hosts_beyond, "further host")} not listed.` : "";
  return section("hosts", "Hosts", `Visits by host, with the mean time per request.${beyond}`,
    bars("hosts", "Visits by host", drawn, { axis: "visits", ticks: wholeTick }),
    folded("The figures", table("hosts", "Hosts", [
      texts("host", (row) => address(row.host)),
      numbers("visited", (row) => row.visited, count),
      numbers("failed", (row) => row.failed, count),
      numbers("mean", (row) => row.mean_ms, milliseconds),
    ], rows)));
}

function slowest(rows) {
  if (!rows?.length) return null;
  return section("slowest", "The slowest pages", "From the request to the last byte.",
    table("slowest", "The slowest pages", [
      texts("URL", (row) => address(row.url)),
      texts("result", (row) => String(row.status ?? row.class ?? UNKNOWN)),
      numbers("total", (row) => row.total_ms, milliseconds),
      numbers("first byte", (row) => row.first_byte_ms, milliseconds),
      numbers("size", (row) => row.bytes, bytes),
    ], rows));
}

function depths(rows) {
  if (!rows?.length) return null;
  const drawn = rows.map((row) => ({
    name: `depth ${row.depth}`, value: row.pages, colour: "var(--hue-3)",
    label: `${counted(row.pages, "page")}${row.failed ? `, ${count(row.failed)} failed` : ""}`,
    title: `depth ${row.depth}\n${counted(row.pages, "page")}, ${count(row.failed)} failed`,
  }));
  return section("depths", "The site by depth", "Depth is the number of links from a seed to a page. A site that grows with every level may be a trap; one that shrinks has been crawled to its end.",
    bars("depths", "Pages by depth", drawn, { axis: "pages", ticks: wholeTick }),
    folded("The figures", table("depths", "Pages by depth", [
      numbers("depth", (row) => row.depth, count), numbers("pages", (row) => row.pages, count), numbers("failed", (row) => row.failed, count),
    ], rows)));
}

function passedOver(data) {
  const rows = (data.passed_over ?? []).map(([why, seen]) => ({ why, seen }));
  if (rows.length === 0) return null;
  const drawn = rows.map((row) => ({ name: row.why, value: row.seen, label: count(row.seen), colour: "var(--hue-7)" }));
  return section("passed-over", "Skipped links", "URLs that were found but not fetched, and why.",
    bars("passed-over", "Skipped links", drawn, { axis: "URLs", ticks: wholeTick, shown: count }),
    folded("The figures", table("passed-over", "Skipped links", [texts("reason", (row) => row.why), numbers("URLs", (row) => row.seen, count)], rows)));
}

function broken(rows) {
  if (!rows?.length) return null;
  return section("broken", "Broken links", `${counted(rows.length, "URL")} that failed, and the pages that link to them.`,
    table("broken", "Broken links", [
      texts("URL", (row) => address(row.url)),
      texts("result", (row) => String(row.status ?? row.class ?? UNKNOWN)),
      texts("linked from", (row) => holders(row.holders ?? [])),
    ], rows));
}

/** The first pages with a link, and the rest folded. */
function holders(urls) {
  const list = (some) => element("ul", { class: "plain" }, some.map((url) => element("li", {}, address(url))));
  return element("div", {}, list(urls.slice(0, 3)), urls.length > 3 ? folded(`${counted(urls.length - 3, "more page")}`, list(urls.slice(3))) : null);
}

function runConditions(data) {
  return section("conditions", "Conditions", "The settings of this run, and the command that reruns it.",
    data.command ? command(data.command) : null,
    pairs([
      ...machine(data),
      ["ended", data.ended ?? UNKNOWN],
      ["skipped", count(data.skipped)],
      ["duplicates", count(data.duplicates)],
      ["retries", count(data.retries)],
      ["redirects", count(data.redirects)],
      ["received", bytes(data.wire_bytes)],
      ...(data.settings ?? []),
    ]));
}
