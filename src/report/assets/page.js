// The page: its head, the theme, and the choice between the kinds of data.

/** Facts about the machine and the run, which both kinds of page list. */
function machine(data) {
  const about = data.machine ?? {};
  return [
    data.haul ? ["haul", data.haul] : null,
    data.started ? ["started", data.started.replace("T", " ").replace("Z", " UTC")] : null,
    known(data.took_s) ? ["took", seconds(data.took_s)] : null,
    about.cpu || known(about.cores) ? ["CPU", [about.cpu, known(about.cores) ? counted(about.cores, "core") : null].filter(Boolean).join(", ")] : null,
    known(about.memory_bytes) ? ["memory", bytes(about.memory_bytes)] : null,
    about.system ? ["system", about.system] : null,
    known(about.load) ? ["load before the run", number(about.load)] : null,
  ].filter(Boolean);
}

/** The small line below the headline. */
function facts(data) {
  const about = data.machine ?? {};
  const work = data.workload;
  return [
    data.started ? data.started.slice(0, 16).replace("T", " ") + " UTC" : null,
    known(data.took_s) ? `took ${seconds(data.took_s)}` : null,
    work ? `${counted(work.urls, "URL")} on ${counted(work.hosts, "host")}` : null,
    work?.archive ? `served here from ${work.archive.path}, ${work.archive.as_recorded ? "latency as recorded" : `${milliseconds(work.archive.latency_ms)} latency`}` : null,
    work?.practice ? `practice server, ${milliseconds(work.practice.latency_ms)} latency` : null,
    work?.work && work.work !== "none" ? `work: ${work.work}` : null,
    known(data.wire_bytes) ? `${bytes(data.wire_bytes)} received` : null,
    known(about.cores) ? counted(about.cores, "core") : null,
    data.haul ? `haul ${data.haul}` : null,
  ].filter(Boolean).map((fact) => element("li", {}, fact));
}

/** The choice of a theme: the system's, or light or dark. It is forgotten when the page is closed: no storage is used. */
function themes() {
  const root = document.documentElement;
  return choice("Theme", [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]], "auto", (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
  });
}

/** The head of the page. */
function head(data, sentence, sections) {
  const links = sections.map((made) => element("li", {}, element("a", { href: `#${made.id}` }, made.querySelector("h2").textContent)));
  return element("header", {},
    element("div", { class: "bar" }, element("p", { class: "kind" }, { run: "haul · run", diff: "haul · diff" }[data.kind] ?? "haul · engine comparison"), themes()),
    element("h1", {}, sentence),
    element("ul", { class: "facts" }, facts(data)),
    (data.warnings ?? []).length ? element("div", { class: "warnings", role: "note" },
      element("strong", {}, data.warnings.length === 1 ? "Warning" : "Warnings"),
      element("ul", {}, data.warnings.map((warning) => element("li", {}, warning)))) : null,
    links.length > 3 ? element("nav", { "aria-label": "Sections" }, element("ul", {}, links)) : null);
}

/** Draws the page, or a message that says why it cannot be drawn. */
function draw() {
  const place = document.getElementById("page");
  let data = null;
  try {
    data = JSON.parse(document.getElementById("data").textContent);
  } catch {
    place.replaceChildren(element("p", {}, "The data of this page is incomplete: it is not valid JSON."));
    return;
  }
  const kinds = {
    comparison: [comparison, (known) => known.verdict?.sentence ?? "Comparison of engines"],
    run: [run, runSentence],
    diff: [diff, diffSentence],
  };
  const [sectionsOf, sentenceOf] = kinds[data?.kind] ?? [];
  if (!sectionsOf || data.format !== 1) {
    place.replaceChildren(element("p", {}, "This page cannot show its data: it is of an unknown kind, or from another version of haul."));
    return;
  }
  const sections = sectionsOf(data).filter(Boolean);
  place.replaceChildren(head(data, sentenceOf(data), sections), element("main", {}, sections));
}

/** Opens everything that is folded while the page is printed. */
function onPaper() {
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("#page details:not([open])")) {
      folded.open = true;
      opened.push(folded);
    }
  });
  addEventListener("afterprint", () => opened.splice(0).forEach((folded) => { folded.open = false; }));
}

draw();
onPaper();
