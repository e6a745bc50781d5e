// The page of a comparison of engines.

/** The label of each place among the engines. */
const PLACES = { best: "fastest", tied: "no clear difference", no_difference_shown: "no clear difference", slower: "slower" };

/** The sections of a comparison, in reading order. */
function comparison(data) {
  const engines = ranked(data.engines ?? []);
  const identities = new Identities([
    ...(data.engines ?? []).map((engine) => engine.name),
    ...(data.sweep?.curves ?? []).map((curve) => curve.engine),
    ...(data.map?.cells ?? []).flatMap((cell) => [cell.winner, ...(cell.tied ?? [])]),
  ]);
  return [
    differing(data.answers),
    engines.length ? speed(engines, identities, data) : null,
    diagnosis(data),
    latencies(engines, identities),
    requests(engines, identities),
    inFlight(engines, identities),
    engines.length ? costs(engines, identities) : null,
    data.sweep?.curves?.length ? sweeping(data.sweep, identities) : null,
    data.map?.cells?.length ? phases(data.map, identities) : null,
    engines.length ? conditions(data, engines) : null,
  ];
}

/** Responses that differ. First on the page, because no time means anything then. */
function differing(answers) {
  if (!answers) return null;
  const differences = answers.differences ?? [];
  const uneven = (answers.failure_rates ?? []).filter((rate) => rate.differs);
  if (answers.agree && differences.length === 0) return null;
  return section("answers", "The engines did not get the same responses",
    `${count(answers.different)} of ${counted(answers.compared, "URL")} got different responses, so the times below compare different work.`,
    uneven.map((rate) => element("p", {}, `${count(rate.failed)} of ${count(rate.asked)} requests of ${rate.engine} failed, unlike those of the other engines.`)),
    differences.length ? table("answers", "Different responses", [
      texts("URL", (row) => address(row.url)),
      texts("status and digest of the body, by engine", (row) =>
        element("ul", { class: "plain" }, row.answers.map(([engine, answer]) => element("li", {}, element("strong", {}, engine), ` ${answer}`)))),
    ], differences) : null);
}

/** The place of an engine: the best one is not called the fastest if another ties with it. */
const place = (engine, engines) => (engine.place === "best" && engines.some((other) => other.place === "no_difference_shown") ? "tied" : engine.place);

/** The best first, then by time per request; engines without a known time come last. */
function ranked(engines) {
  const time = (engine) => (engine.place === "best" ? 0 : engine.ratio?.median ?? Infinity);
  return engines.slice().sort((a, b) => time(a) - time(b) || (b.per_second?.median ?? 0) - (a.per_second?.median ?? 0));
}

function speed(engines, identities, data) {
  const best = engines[0];
  const rows = engines.map((engine) => {
    const rate = engine.per_second ?? {};
    const ratio = PLACES[place(engine, engines)] && engine.place !== "slower" ? PLACES[place(engine, engines)] : engine.ratio ? `${times(engine.ratio.median)} the time` : "";
    return {
      name: engine.name,
      value: rate.median,
      low: rate.low,
      high: rate.high,
      colour: identities.colour(engine.name),
      dots: (engine.rounds ?? []).map((round) => (round.wall_s > 0 ? round.requests / round.wall_s : null)),
      label: `${number(rate.median)}/s${ratio ? ` · ${ratio}` : ""}`,
      title: `${engine.engine}\n${interval(rate)} requests/s\n${engine.ratio ? `time per request: ${interval(engine.ratio, times)} that of the best` : ""}`,
    };
  });
  const subsets = engines.filter((engine) => engine.subset);
  return section("speed", "Requests per second",
    "Longer bars are faster. The line at the end of a bar is the 95 % interval of the median; each ring below is one round. If intervals overlap and the rank test finds no difference, there is no clear difference.",
    chart("speed", `Requests per second: ${engines.map((engine) => `${engine.name} ${number(engine.per_second?.median)}`).join(", ")}. ${data.verdict?.sentence ?? ""}`,
      (width) => barChart(rows, width, { axis: "requests per second" })),
    subsets.length ? element("p", { class: "note" }, `${listed(subsets.map((engine) => `${engine.name} fetched ${count(engine.urls)} of the URLs`))}: slow engines fetch fewer URLs, and are compared by the time per request.`) : null,
    folded("The figures",
      table("speed", `Speed of the engines; ${best.name} first`, [
        texts("engine", (engine) => engine.name),
        texts("run as", (engine) => engine.engine),
        numbers("in flight", (engine) => engine.in_flight, count),
        numbers("requests/s", (engine) => engine.per_second?.median),
        { head: "95 % interval", cell: (engine) => `${number(engine.per_second?.low)} to ${number(engine.per_second?.high)}` },
        numbers("time vs best", (engine) => engine.ratio?.median, times),
        { head: "95 % interval", cell: (engine) => (engine.ratio ? `${times(engine.ratio.low)} to ${times(engine.ratio.high)}` : UNKNOWN) },
        numbers("p (rank test)", (engine) => engine.p),
        texts("place", (engine) => PLACES[place(engine, engines)] ?? engine.place ?? UNKNOWN),
        numbers("wall time", (engine) => engine.wall_s?.median, seconds),
        numbers("bytes/s", (engine) => engine.bytes_per_second, bytes),
        numbers("URLs", (engine) => engine.urls, count),
        numbers("failed", (engine) => engine.failed, count),
      ], engines)));
}

/** What the run waited for, and which command to run next. */
function diagnosis(data) {
  const found = data.diagnosis;
  const next = data.recommendation;
  if (!found && !next) return null;
  const shares = found?.shares;
  const named = [["client", "haul", "var(--hue-8)"], ["server", "practice server", "var(--hue-7)"], ["others", "other processes", "var(--ink)"], ["idle", "idle", "var(--waiting)"]]
    .map(([key, name, colour]) => [name, shares?.[key], colour]).filter(([, share]) => known(share));
  const unknown = found?.unknown ?? [];
  return section("diagnosis", found ? `Where the time goes: ${found.bound}` : "What to run next", null,
    (found?.sentences ?? []).map((sentence) => element("p", {}, sentence)),
    named.length ? [
      element("p", { class: "reading" }, "The bar is the CPU time of all cores of this machine, from 0 to 100 %, during the rounds of the engine with the best median."),
      parts(named.map(([name, share, colour]) => [`${name} ${percent(share)}`, colour])),
      chart("shares", `CPU time: ${named.map(([name, share]) => `${name} ${percent(share)}`).join(", ")}`,
        (width) => shareChart(named, width)),
    ] : null,
    unknown.length ? element("p", { class: "note" }, `Not measured here: ${unknown.join("; ")}.`) : null,
    next ? [element("h3", {}, "What to run next"), command(next.command), element("p", {}, next.because)] : null);
}

/** One bar, divided into shares. */
function shareChart(named, width) {
  let from = 0;
  const pieces = named.map(([name, share, colour]) => {
    const piece = { name, share, colour, from, to: from + share };
    from += share;
    return piece;
  });
  return plot({
    width,
    height: 34,
    margin: 0,
    marginTop: 0,
    marginRight: 0,
    x: { domain: [0, Math.max(1, from)], axis: null },
    marks: [
      Plot.barX(pieces, { x1: "from", x2: "to", fill: "colour", insetRight: 1, insetTop: 2, insetBottom: 2 }),
      tip(pieces, Plot.pointerX({ x: (piece) => (piece.from + piece.to) / 2, title: (piece) => `${piece.name}: ${percent(piece.share)}`, frameAnchor: "middle" })),
    ],
  });
}

function latencies(engines, identities) {
  const rows = engines.filter((engine) => engine.latency_ms || engine.latency_curve?.length);
  if (rows.length === 0) return null;
  const drawn = rows.filter((engine) => engine.latency_curve?.length).map((engine) => ({ name: engine.name, curve: engine.latency_curve }));
  return section("latency", "Latency",
    "How long single requests took. Lower is better. The slowest few are on the right: p99 means that 99 of 100 requests were at least as fast. The axis is stretched towards the end.",
    drawn.length ? [
      legend(identities, drawn.map((row) => row.name), { lines: true }),
      chart("latency", `Latency by percentile. Medians: ${rows.map((engine) => `${engine.name} ${milliseconds(engine.latency_ms?.p50)}`).join(", ")}`,
        (width) => latencyChart(drawn, identities, width)),
    ] : null,
    folded("The figures", latencyTable(rows)));
}

/** p50 to max, one row per engine; any object with a name and latencies will do. */
function latencyTable(rows) {
  return table("latency", "Latency by engine", [
    texts("engine", (row) => row.name),
    ...["p50", "p90", "p99", "max"].map((at) => numbers(at, (row) => row.latency_ms?.[at], milliseconds)),
  ], rows);
}

/** The first requests of each engine, one lane per request. */
function requests(engines, identities) {
  const rows = engines.filter((engine) => engine.lanes?.length);
  if (rows.length === 0) return null;
  const ends = new Map(rows.map((engine) => [engine.name, Math.max(...engine.lanes.map((lane) => lane[2] ?? 0))]));
  const [shortest, longest] = [Math.min(...ends.values()), Math.max(...ends.values())];
  let shared = false;
  const drawn = rows.map((engine) => {
    const end = ends.get(engine.name);
    return [engine, chart("lanes", `${engine.name}: the first ${count(engine.lanes.length)} requests were done after ${milliseconds(end)}, at most ${count(overlap(engine.lanes))} of them in flight at once`,
      (width) => laneChart(engine.lanes, identities.colour(engine.name), width, shared ? Math.min(longest, shortest * 4) : end))];
  });
  return section("requests", "Request by request",
    "Each line is one request, in the order they were sent, for the first 200: grey while it waits for the first byte, coloured while the response is received. Stacked lines are requests in flight at the same time; a new one starts when a response arrives. On a shared time axis, slow engines run off the chart.",
    rows.length > 1 ? choice("Time axis", [[false, "Separate time axes"], [true, "Shared time axis"]], shared, (value) => {
      shared = value;
      drawn.forEach(([, box]) => box.redraw(true));
    }) : null,
    panels(...drawn.map(([engine, box]) => panel(engine.name, `${count(engine.lanes.length)} requests in ${milliseconds(ends.get(engine.name))}`, box))),
    folded("The figures", table("lanes", "The first requests of each engine", [
      texts("engine", (engine) => engine.name),
      numbers("requests drawn", (engine) => engine.lanes.length, count),
      numbers("done after", (engine) => ends.get(engine.name), milliseconds),
      numbers("most at once", (engine) => overlap(engine.lanes), count),
      numbers("mean wait for the first byte", (engine) => mean(engine.lanes.map((lane) => lane[1] - lane[0])), milliseconds),
      numbers("mean time to receive", (engine) => mean(engine.lanes.map((lane) => lane[2] - lane[1])), milliseconds),
    ], rows)));
}

const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

/** The highest number of lanes that were open at once. */
function overlap(lanes) {
  const changes = lanes.flatMap(([sent, , last]) => [[sent, 1], [last, -1]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [open, most] = [0, 0];
  for (const [, change] of changes) {
    open += change;
    most = Math.max(most, open);
  }
  return most;
}

function inFlight(engines, identities) {
  const rows = engines.filter((engine) => engine.in_flight_over_time?.length);
  if (rows.length === 0) return null;
  const most = (engine) => Math.max(...engine.in_flight_over_time.map((row) => row[1] ?? 0));
  return section("in-flight", "In flight over time",
    "How many requests were open at each moment of one round. A full block means that the engine kept all its slots busy. Each engine has its own axes: compare the shapes, and the times they took.",
    smallPanels(...rows.map((engine) => panel(engine.name, `${counted(engine.urls, "request")} in ${seconds(engine.in_flight_over_time.at(-1)[0])}`,
      chart("in-flight", `${engine.name} had at most ${count(most(engine))} requests in flight`,
        (width) => timeChart(engine.in_flight_over_time, width, { colour: identities.colour(engine.name), axis: null, height: 130, shown: (n) => `${count(n)} in flight` }))))),
    folded("The figures", table("in-flight", "Requests in flight", [
      texts("engine", (engine) => engine.name),
      numbers("allowed", (engine) => engine.in_flight, count),
      numbers("most seen", most, count),
      numbers("mean", (engine) => mean(engine.in_flight_over_time.map((row) => row[1]))),
    ], rows)));
}

function costs(engines, identities) {
  const sum = (...values) => (values.every(known) ? values.reduce((total, value) => total + value, 0) : null);
  const row = (engine, value, label, pieces, title) => ({
    name: engine.name, value, label, parts: pieces, colour: identities.colour(engine.name), title: `${engine.name}\n${title}`,
  });
  const cpu = engines.filter((engine) => known(engine.cpu_us?.user)).map((engine) => {
    const { user, system } = engine.cpu_us;
    return row(engine, sum(user, system), microseconds(sum(user, system)), [[user, 1], [system, 0.5]], `user ${microseconds(user)}\nsystem ${microseconds(system)}`);
  });
  const memory = engines.filter((engine) => known(engine.peak_memory_bytes)).map((engine) =>
    row(engine, engine.peak_memory_bytes, bytes(engine.peak_memory_bytes), null, `peak ${bytes(engine.peak_memory_bytes)}\n${bytes(engine.memory_per_in_flight_bytes)} for each request in flight`));
  const switches = engines.filter((engine) => known(engine.switches?.voluntary)).map((engine) => {
    const { voluntary, involuntary } = engine.switches;
    return row(engine, sum(voluntary, involuntary), number(sum(voluntary, involuntary)), [[voluntary, 1], [involuntary, 0.5]], `voluntary ${number(voluntary)}\ninvoluntary ${number(involuntary)}`);
  });
  const costBars = (rows, name, title, note, options) => (rows.length ? panel(title, note, bars(name, title, rows, options)) : null);
  return section("costs", "What it costs",
    "CPU time and context switches per request, and the peak memory of the whole engine. Shorter bars are cheaper.",
    smallPanels(
      costBars(cpu, "cpu", "CPU time per request", "full: user, pale: system", { axis: "µs per request", shown: microseconds }),
      costBars(memory, "memory", "Peak memory", "all processes of the engine together", { axis: null, ticks: bytes, shown: bytes }),
      costBars(switches, "switches", "Context switches per request", "full: voluntary, pale: involuntary", { axis: "switches per request" })),
    folded("The figures", table("costs", "Costs of the engines", [
      texts("engine", (engine) => engine.name),
      numbers("user per request", (engine) => engine.cpu_us?.user, microseconds),
      numbers("system per request", (engine) => engine.cpu_us?.system, microseconds),
      numbers("peak memory", (engine) => engine.peak_memory_bytes, bytes),
      numbers("memory per request in flight", (engine) => engine.memory_per_in_flight_bytes, bytes),
      numbers("threads", (engine) => engine.threads, count),
      numbers("processes", (engine) => engine.processes, count),
      numbers("voluntary switches per request", (engine) => engine.switches?.voluntary),
      numbers("involuntary", (engine) => engine.switches?.involuntary),
      numbers("connections", (engine) => engine.connections, count),
    ], engines)));
}

const AXES = {
  concurrency: ["Throughput by concurrency", "Throughput as more requests are in flight. Dots are measurements with their intervals; the line is the Universal Scalability Law fitted to them; the dotted vertical line marks the knee, beyond which more requests in flight hardly help."],
  latency: ["Throughput by latency", "Throughput as the server takes longer to respond. Dots are measurements with their intervals."],
  work: ["Throughput by work per page", "Throughput as each page costs more CPU time. Dots are measurements with their intervals."],
};

function sweeping(sweep, identities) {
  const [heading, reading] = AXES[sweep.axis] ?? AXES.concurrency;
  const names = sweep.curves.map((curve) => curve.engine);
  const knees = sweep.curves.filter((curve) => known(curve.knee));
  const fits = sweep.curves.filter((curve) => curve.fit);
  const points = sweep.curves.flatMap((curve) => curve.points.map((point) => ({ engine: curve.engine, ...point })));
  const delayed = points.some((point) => known(point.p50_ms));
  return section("sweep", heading, reading,
    legend(identities, names, { lines: true }),
    chart("sweep", `Throughput against ${sweep.unit}. ${knees.map((curve) => `The knee of ${curve.engine} is at ${number(curve.knee)}`).join("; ")}`,
      (width) => sweepChart(sweep, identities, width, { axis: "requests per second", of: (point) => point.per_second ?? {}, fits: true, shown: (rate) => `${number(rate)}/s` })),
    sweep.curves.map(ending).filter(Boolean).map((words) => element("p", { class: "note" }, `${words}.`)),
    delayed ? [
      element("h3", {}, "Latency"),
      chart("sweep-latency", `Median latency against ${sweep.unit}`,
        (width) => sweepChart(sweep, identities, width, { axis: "median latency, ms", of: (point) => ({ median: point.p50_ms }), fits: false, shown: milliseconds })),
    ] : null,
    fits.length ? folded("The fitted curves", table("fits", "Universal Scalability Law: X(N) = λN / (1 + σ(N−1) + κN(N−1))", [
      texts("engine", (curve) => curve.engine),
      numbers("knee", (curve) => curve.knee, count),
      numbers("λ, requests/s of one", (curve) => curve.fit.lambda),
      { head: "σ, contention", cell: (curve) => figureOf(curve.fit.sigma, scientific(curve.fit.sigma)) },
      { head: "κ, coherency", cell: (curve) => figureOf(curve.fit.kappa, scientific(curve.fit.kappa)) },
      numbers("R²", (curve) => curve.fit.r_squared),
      numbers("peak at", (curve) => curve.fit.peak_at, count),
      numbers("requests/s there", (curve) => curve.fit.peak_per_second),
    ], fits)) : null,
    folded("The figures", table("sweep", `Throughput against ${sweep.unit}`, [
      texts("engine", (point) => point.engine),
      numbers(sweep.unit, (point) => point.x),
      numbers("requests/s", (point) => point.per_second?.median),
      { head: "95 % interval", cell: (point) => `${number(point.per_second?.low)} to ${number(point.per_second?.high)}` },
      numbers("p50", (point) => point.p50_ms, milliseconds),
    ], points)));
}

/** A sentence about where a curve ends, and why. */
function ending(curve) {
  switch (known(curve.knee) ? "knee" : curve.end?.because) {
    case "knee": return `${curve.engine}: more than ${count(curve.knee)} in flight hardly helps`;
    case "list_too_short": return `${curve.engine}: still getting faster when the list ended; ${count(curve.end.urls_needed)} URLs would show more`;
    case "highest_tried": return `${curve.engine}: still getting faster at the highest concurrency that was tried`;
    default: return null;
  }
}

/** A number with an exponent if it is small, so that it keeps its digits. */
const scientific = (value) => (known(value) ? (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : number(value)) : UNKNOWN);

function phases(map, identities) {
  const winners = [...new Set(map.cells.flatMap((cell) => [cell.winner, ...(cell.tied ?? [])]).filter(Boolean))]
    .sort((a, b) => identities.at(a) - identities.at(b));
  const wins = winners.map((name) => [name, map.cells.filter((cell) => cell.winner === name && !tied(cell)).length]).filter(([, won]) => won > 0);
  const engines = [...new Set(map.cells.flatMap((cell) => Object.keys(cell.per_second ?? {})))];
  const key = element("div");
  return section("map", "The map: which engine wins where",
    `The server gets slower to the right, and pages take more work upwards. Each cell names the fastest engine and how many times as long the next one takes; hatched cells with ≈ have no clear difference.${between(map).length ? " Cells without text were not measured; they have the colour of their nearest measured neighbours if those agree." : ""}`,
    key,
    chart("map", `Winners by latency and work: ${wins.map(([name, won]) => `${name} in ${counted(won, "cell")}`).join(", ")}; no clear difference in ${counted(map.cells.filter(tied).length, "cell")}`,
      (width) => {
        key.replaceChildren(legend(identities, winners, { letters: !namesFit(map, width) }));
        return mapChart(map, identities, width);
      }),
    folded("The figures", table("map", "Winners by latency and work", [
      numbers("latency", (cell) => cell.latency_ms, milliseconds),
      numbers("work", (cell) => cell.work_us, microseconds),
      texts("winner", (cell) => cell.winner ?? UNKNOWN),
      texts("no clear difference to", (cell) => (cell.tied ?? []).join(", ") || UNKNOWN),
      numbers("margin", (cell) => cell.margin, times),
      ...engines.map((name) => numbers(`${name}, requests/s`, (cell) => cell.per_second?.[name])),
    ], map.cells)));
}

function conditions(data, engines) {
  const work = data.workload ?? {};
  const practice = work.practice;
  const rounds = engines.flatMap((engine) => (engine.rounds ?? []).map((round) => ({
    engine: engine.name, ...round, outlier: (engine.outliers ?? []).includes(round.block),
  }))).sort((a, b) => a.block - b.block);
  return section("conditions", "Conditions", "The machine and the settings of this measurement, and the command that reruns it.",
    data.command ? command(data.command) : null,
    pairs([
      ...machine(data),
      known(data.seed) ? ["seed", String(data.seed)] : null,
      known(work.urls) ? ["URLs", `${count(work.urls)} on ${counted(work.hosts, "host")}`] : null,
      work.work ? ["work per page", work.work] : null,
      practice ? ["practice server", `${milliseconds(practice.latency_ms)} latency, ${milliseconds(practice.jitter_ms)} jitter, ${bytes(practice.size_bytes)} per page, ${counted(practice.pages, "page")}, ${percent(practice.error_rate)} errors`] : null,
      work.archive ? ["served here", `${work.archive.path}, ${work.archive.as_recorded ? "latency as recorded" : `${milliseconds(work.archive.latency_ms)} latency, ${milliseconds(work.archive.jitter_ms)} jitter`}`] : null,
      data.answers ? ["responses", `proved equal: ${count(data.answers.proved)} of ${count(data.answers.compared)}`] : null,
      ...(data.settings ?? []),
    ].filter(Boolean)),
    rounds.length ? folded("All rounds, in order of the blocks", table("rounds", "All rounds", [
      texts("engine", (round) => round.engine),
      numbers("block", (round) => round.block, count),
      numbers("wall time", (round) => round.wall_s, seconds),
      numbers("requests", (round) => round.requests, count),
      numbers("requests/s", (round) => (round.wall_s > 0 ? round.requests / round.wall_s : null)),
      numbers("failed", (round) => round.failed, count),
      texts("", (round) => (round.outlier ? "outlier" : "")),
    ], rounds)) : null);
}
