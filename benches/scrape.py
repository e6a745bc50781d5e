#!/usr/bin/env python3
"""Five fields from 1,000 real pages: haul compared with parsel (lxml) and selectolax (lexbor), pages per second on one
core; and how much faster haul reads an archive of them on all cores than on one.

    cargo build --release && python3 benches/scrape.py

The pages come from four Debian documentation packages, each made with a different generator, and are unpacked below
target/. The peers are installed from the Python package index into their own environment there. haul is measured as a
whole process: it starts, reads the folder, detects each page's encoding, parses, selects and writes a record per page.
The peers have their pages in memory, already decoded, and write nothing.
"""

import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "target" / "bench-scrape"
HAUL = ROOT / "target" / "release" / "haul"
# DocBook, Sphinx, rustdoc, AsciiDoc.
PACKAGES = ["postgresql-doc-15", "python3.11-doc", "rust-doc", "git-doc"]
PAGES = 250  # from each package
ROUNDS = 5
FIELDS = ["title=title", "heading=h1,h2", "links[]=a@href", "second=p:nth-of-type(2)", "entries[]=ul > li > a"]

PEERS = r"""
import pathlib, sys, time
pages = [path.read_text('utf-8', 'replace') for path in sorted(pathlib.Path(sys.argv[2]).rglob('*.html'))]

def parsel(text):
    from parsel import Selector
    page = Selector(text=text)
    whole = lambda nodes: [node.xpath('string()').get() for node in nodes]
    return (page.css('title::text').get(), whole(page.css('h1,h2')[:1]), page.css('a::attr(href)').getall(),
            whole(page.css('p:nth-of-type(2)')[:1]), whole(page.css('ul > li > a')))

def selectolax(text):
    from selectolax.lexbor import LexborHTMLParser
    page = LexborHTMLParser(text)
    first = lambda css: (lambda node: node and node.text())(page.css_first(css))
    return (first('title'), first('h1,h2'), [node.attributes.get('href') for node in page.css('a')],
            first('p:nth-of-type(2)'), [node.text() for node in page.css('ul > li > a')])

select = {'parsel': parsel, 'selectolax': selectolax}[sys.argv[1]]
select(pages[0])
start = time.perf_counter()
for page in pages:
    select(page)
print(len(pages) / (time.perf_counter() - start))
"""


def prepare():
    """Returns the pages, one folder per package, and a Python interpreter with the peers."""
    for package in PACKAGES:
        pages = PLACE / "pages" / package
        if pages.is_dir():
            continue
        tree = PLACE / "tree" / package
        tree.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", package], cwd=PLACE, check=True)
        archive = next(PLACE.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg", "-x", archive, tree], check=True)
        found = sorted(path for path in tree.rglob("*.html") if path.is_file() and not path.is_symlink())
        pages.mkdir(parents=True)
        for number in range(min(PAGES, len(found))):
            page = found[number * len(found) // min(PAGES, len(found))]
            (pages / f"{number:03}-{page.name}").write_bytes(page.read_bytes())
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", PLACE / "venv"], check=True)
        subprocess.run([PLACE / "venv" / "bin" / "pip", "install", "-q", "parsel", "selectolax"], check=True)
    return PLACE / "pages", python


def haul(source, cores):
    """How many pages per second haul scrapes."""
    words = [HAUL, "fetch", "-q", "--from", source, "-o", PLACE / "out.jsonl"]
    for field in FIELDS:
        words += ["-s", field]
    start = time.perf_counter()
    subprocess.run(["taskset", "-c", cores, *words], check=True)
    took = time.perf_counter() - start
    records = sum(1 for _ in open(PLACE / "out.jsonl"))
    return records / took


def main():
    pages, python = prepare()
    archive = PLACE / "pages.warc"
    subprocess.run([HAUL, "fetch", "-q", "--from", pages, "-o", archive], check=True)

    def peer(name, folder):
        words = ["taskset", "-c", "0", python, "-c", PEERS, name, folder]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    print(f"pages a second on one core, medians of {ROUNDS} rounds")
    print(f"{'':20} {'pages':>6} {'KiB':>5} {'haul':>7} {'parsel':>7} {'selectolax':>10} {'beside parsel':>13}")
    for folder in [pages, *sorted(pages.iterdir())]:
        files = list(folder.rglob("*.html"))
        size = sum(file.stat().st_size for file in files) / len(files) / 1024
        rounds = [(haul(folder, "0"), peer("parsel", folder), peer("selectolax", folder)) for _ in range(ROUNDS)]
        own, parsel, selectolax = (statistics.median(rates) for rates in zip(*rounds))
        name = "all" if folder == pages else folder.name
        print(f"{name:20} {len(files):6} {size:5.0f} {own:7.0f} {parsel:7.0f} {selectolax:10.0f} {own / parsel:12.2f}x")
    rounds = [(haul(archive, "0"), haul(archive, "0,1")) for _ in range(ROUNDS)]
    one, two = (statistics.median(rates) for rates in zip(*rounds))
    print(f"an archive of all: {one:.0f} on one core, {two:.0f} on two: {two / one:.2f}x")


main()
