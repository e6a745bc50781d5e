"""Scores the articles that haul and other libraries find. See README.md in this folder."""

import argparse, json, os, re, shutil, subprocess, sys, tarfile, time, venv
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "article"
PACKAGES = ["trafilatura==2.3.1", "readability-lxml==0.9", "lxml", "lxml_html_clean"]
NEWSPAPER = "newspaper4k==0.9.6"
CANDIDATES = {
    "dom_smoothie": ("0.19.0", '''dom_smoothie::Readability::new(html, Some(url), Some(dom_smoothie::Config {
        text_mode: dom_smoothie::TextMode::Formatted, ..Default::default() }))
        .ok().and_then(|mut page| page.parse().ok()).map(|found| found.text_content.to_string())'''),
    "rs-trafilatura": ("0.2.2", '''rs_trafilatura::extract_with_options(html, &rs_trafilatura::Options {
        url: Some(url.to_owned()), ..Default::default() }).ok().map(|found| found.content_text)'''),
    "trafilatura": ("0.6.0", '''trafilatura::extract(html, &trafilatura::Options::default()
        .with_fallback(true).with_exclude_comments(true)).ok().map(|found| found.content_text)'''),
    "legible": ("0.5.1", "legible::parse(html, Some(url), None).ok().map(|found| found.text_content)"),
}

BLOCKS = set("""address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure
footer form h1 h2 h3 h4 h5 h6 header hr legend li main menu nav ol option p pre section summary table tbody td tfoot th thead
title tr ul""".split())
SILENT = set("script style noscript template svg math iframe object head".split())


def text_of(source):
    """The text of HTML, with each block on its own line."""
    from lxml import html
    source = re.sub(r"<\?xml[^>]*\?>", "", source)
    if not source.strip():
        return ""
    whole = "<html" in source[:500].lower()
    out = []

    def walk(node):
        if isinstance(node.tag, str) and node.tag not in SILENT:
            end = "\n" if node.tag in BLOCKS else ""
            out.append(end + (node.text or ""))
            for child in node:
                walk(child)
            out.append(end)
        out.append(node.tail or "")

    walk(html.fromstring(source if whole else f"<div>{source}</div>"))
    return "".join(out)


def everything(source, url):
    return text_of(source)


def py_trafilatura(source, url):
    import trafilatura
    return trafilatura.extract(source, url=url, include_comments=False)


def py_readability(source, url):
    from readability import Document
    return text_of(Document(source).summary())


PEERS = {"no detection": everything, "trafilatura (Python)": py_trafilatura, "readability-lxml (Python)": py_readability}

# Scripts without spaces between words: Thai, Burmese, Japanese, Chinese, Korean.
ALONE = "\u0e00-\u0e7f\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
TOKEN = re.compile(rf"[{ALONE}]|[^\W{ALONE}]+")


def shingles(text, size):
    tokens = TOKEN.findall((text or "").lower())
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[at:at + size]) for at in range(max(1, len(tokens) - size + 1)))


def score(pages, answers, size):
    """Precision, recall and F1 over all pages, each with the same weight."""
    right = more = less = 0.0
    for page in pages:
        gold, found = shingles(page["gold"], size), shingles(answers[page["id"]]["text"], size)
        both = sum((gold & found).values())
        extra, missed = sum(found.values()) - both, sum(gold.values()) - both
        if whole := both + extra + missed:
            right, more, less = right + both / whole, more + extra / whole, less + missed / whole
    precision, recall = right / ((right + more) or 1), right / ((right + less) or 1)
    return 2 * precision * recall / ((precision + recall) or 1), precision, recall


def run(*command, **more):
    return subprocess.run([str(part) for part in command], check=True, text=True, stdout=subprocess.PIPE, **more).stdout


def crate(name, dependencies, main):
    """Creates a separate package under target, so that the registries' own clients fetch the dependencies."""
    folder = WORK / name
    (folder / "src").mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f'{crate} = "={version}"' for crate, version in dependencies.items())
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\nserde_json = "1"\n{lines}\n')
    (folder / "src" / "main.rs").write_text(main)
    return folder


def newspaper(python):
    folder = WORK / "newspaper"
    if not folder.exists():
        run(python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", WORK / "sdist", NEWSPAPER)
        with tarfile.open(next((WORK / "sdist").glob("newspaper4k*"))) as archive:
            archive.extractall(WORK / "sdist", filter="data")
        shutil.move(next((WORK / "sdist").glob("newspaper4k*/tests/data")), folder)
    for gold in sorted((folder / "txt").glob("*.txt")):
        html = folder / "html" / f"{gold.stem}.html"
        if html.exists():
            yield {"id": gold.stem, "path": str(html), "url": "http://example.com/a.html", "gold": gold.read_text("utf8")}


def readability():
    folder = crate("pages", {"readabilityrs": "0.1.4"}, "fn main() {}\n")
    known = json.loads(run("cargo", "metadata", "--format-version", "1", "--manifest-path", folder / "Cargo.toml"))
    package = next(package for package in known["packages"] if package["name"] == "readabilityrs")
    for page in sorted((Path(package["manifest_path"]).parent / "tests" / "test-pages").iterdir()):
        gold = text_of((page / "expected.html").read_text("utf8"))
        yield {"id": page.name, "path": str(page / "source.html"), "url": "http://fakehost/test/page.html", "gold": gold}


def layouts():
    """Handmade pages in the layouts of news sites, with the articles that they were made from."""
    for gold in sorted((ROOT / "fixtures" / "article" / "layouts").glob("*.txt")):
        page = str(gold.with_suffix(".html"))
        yield {"id": gold.stem, "path": page, "url": "https://paper.example/a.html", "gold": gold.read_text("utf8")}


def candidates(pages):
    """The articles that the other crates find, with one program for all of them."""
    arms = "\n".join(f'        "{name}" => {{ {code} }}' for name, (_, code) in CANDIDATES.items())
    folder = crate("candidates", {name: version for name, (version, _) in CANDIDATES.items()}, f'''
fn article(name: &str, html: &str, url: &str) -> Option<String> {{
    match name {{
{arms}
        _ => None,
    }}
}}
fn main() {{
    let arguments: Vec<String> = std::env::args().collect();
    let pages: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&arguments[2]).unwrap()).unwrap();
    let mut answers = serde_json::Map::new();
    for page in &pages {{
        let html = String::from_utf8_lossy(&std::fs::read(page["path"].as_str().unwrap()).unwrap()).into_owned();
        let started = std::time::Instant::now();
        let text = std::panic::catch_unwind(|| article(&arguments[1], &html, page["url"].as_str().unwrap())).ok().flatten();
        let answer = serde_json::json!({{ "text": text, "seconds": started.elapsed().as_secs_f64() }});
        answers.insert(page["id"].as_str().unwrap().to_owned(), answer);
    }}
    println!("{{}}", serde_json::Value::Object(answers));
}}
''')
    run("cargo", "build", "--release", "-q", "--manifest-path", folder / "Cargo.toml", "--target-dir", WORK / "build")
    for name, (version, _) in CANDIDATES.items():
        yield f"{name} {version}", json.loads(run(WORK / "build" / "release" / "candidates", name, pages, stderr=subprocess.DEVNULL))


def peers(pages):
    for name, find in PEERS.items():
        answers = {}
        for page in pages:
            source = Path(page["path"]).read_bytes().decode("utf8", "replace")
            started = time.perf_counter()
            text = find(source, page["url"])
            answers[page["id"]] = {"text": text, "seconds": time.perf_counter() - started}
        yield name, answers


def report(name, pages):
    listed = WORK / f"{name}.json"
    listed.write_text(json.dumps(pages))
    haul = run("cargo", "bench", "-q", "--bench", "article", "--", listed, cwd=ROOT)
    print(f"\n{name}, {len(pages)} pages\n\n| | F1 | precision | recall | words F1 | pages/s |\n|---|--:|--:|--:|--:|--:|", flush=True)
    for who, answers in [("**haul**", json.loads(haul)), *candidates(listed), *peers(pages)]:
        f1, precision, recall = score(pages, answers, 4)
        speed = len(answers) / sum(answer["seconds"] for answer in answers.values())
        print(f"| {who} | {f1:.3f} | {precision:.3f} | {recall:.3f} | {score(pages, answers, 1)[0]:.3f} | {speed:.0f} |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--set", action="append", default=[], metavar="LIST.json", help="score these pages instead")
    chosen = options.parse_args()
    python = WORK / "venv" / "bin" / "python"
    if Path(sys.prefix) != WORK / "venv":
        WORK.mkdir(parents=True, exist_ok=True)
        if not python.exists():
            venv.create(WORK / "venv", with_pip=True)
            run(python, "-m", "pip", "install", "-q", "--upgrade", "pip")
            run(python, "-m", "pip", "install", "-q", *PACKAGES)
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    if chosen.set:
        for path in chosen.set:
            report(Path(path).stem, json.loads(Path(path).read_text()))
    else:
        report("newspaper", list(newspaper(python)))
        report("readability", list(readability()))
        report("layouts", list(layouts()))


if __name__ == "__main__":
    main()
