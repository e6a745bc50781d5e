#!/usr/bin/env python3
"""Five fields of 1,000 real pages: haul beside parsel (lxml) and selectolax (lexbor), pages a second on one core; and how
much faster haul reads an archive of them on all cores than on one.

    cargo build --release && python3 benches/scrape.py

The pages are those of Debian's PostgreSQL documentation, unpacked below target/; the peers come from the Python package index
into an environment of their own there. haul is measured as a whole process: it starts, reads the folder, finds out each
page's encoding, parses, selects and writes a record a page. The peers have their pages in memory, decoded, and write nothing.
"""

import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "target" / "bench-scrape"
HAUL = ROOT / "target" / "release" / "haul"
PACKAGE = "postgresql-doc-15"
PAGES = 1000
ROUNDS = 5
FIELDS = ["title=title", "heading=h1,h2", "links[]=a@href", "second=p:nth-of-type(2)", "entries[]=ul > li > a"]

PEERS = r"""
import pathlib, sys, time
pages = [path.read_text('utf-8', 'replace') for path in sorted(pathlib.Path(sys.argv[2]).iterdir())]

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
    """The pages in one folder, and a Python with the peers."""
    pages = PLACE / "pages"
    if not pages.is_dir():
        PLACE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", PACKAGE], cwd=PLACE, check=True)
        package = next(PLACE.glob(f"{PACKAGE}_*.deb"))
        subprocess.run(["dpkg", "-x", package.name, "tree"], cwd=PLACE, check=True)
        found = sorted(path for path in (PLACE / "tree").rglob("*.html") if path.is_file())
        pages.mkdir()
        for path in found[:PAGES]:
            (pages / path.name).write_bytes(path.read_bytes())
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", PLACE / "venv"], check=True)
        subprocess.run([PLACE / "venv" / "bin" / "pip", "install", "-q", "parsel", "selectolax"], check=True)
    return pages, python


def haul(source, cores):
    """Pages a second."""
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

    def peer(name):
        words = ["taskset", "-c", "0", python, "-c", PEERS, name, pages]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    runs = {
        "haul, folder, 1 core": lambda: haul(pages, "0"),
        "parsel": lambda: peer("parsel"),
        "selectolax": lambda: peer("selectolax"),
        "haul, WARC, 1 core": lambda: haul(archive, "0"),
        "haul, WARC, 2 cores": lambda: haul(archive, "0,1"),
    }
    rates = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            rates[name].append(run())
    middle = {name: statistics.median(found) for name, found in rates.items()}
    count = len(list(pages.iterdir()))
    size = sum(path.stat().st_size for path in pages.iterdir())
    print(f"{count} pages of {size / count / 1024:.0f} KiB, {ROUNDS} rounds, medians")
    for name, rate in middle.items():
        print(f"{name:22} {rate:8.0f} pages/s")
    own = middle["haul, folder, 1 core"]
    print(f"beside parsel {own / middle['parsel']:.2f}x, beside selectolax {own / middle['selectolax']:.2f}x")
    print(f"two cores on an archive: {middle['haul, WARC, 2 cores'] / middle['haul, WARC, 1 core']:.2f}x")


main()
