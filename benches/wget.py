"""Compares the pages of a folder that `haul crawl` finds with those that `wget -r` finds, and prints each difference.

    python3 benches/wget.py HAUL FOLDER [START]

`haul serve` serves the folder; START is the first page, `index.html` by default. Exits with 1 if the sets differ.
"""

import json
import re
import subprocess
import sys
import tempfile
from urllib.parse import quote, unquote, urlsplit


def canonical(url):
    """The path and query of a URL in one spelling."""
    parts = urlsplit(url)
    path = quote(unquote(parts.path), safe="/")
    return path + ("?" + parts.query if parts.query else "")


def by_haul(haul, start):
    """The pages that haul fetched with status 200."""
    run = subprocess.run(
        [haul, "crawl", start, "--no-config", "-q", "--assets", "--ignore-robots", "-f", "jsonl", "-o", "-"],
        stdout=subprocess.PIPE,
    )
    records = map(json.loads, run.stdout.decode().splitlines())
    return {canonical(record["url"]) for record in records if record["status"] == 200}


def by_wget(start):
    """The pages that wget saved."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["wget", "-r", "-l", "inf", "-nv", "-e", "robots=off", "--no-host-directories", "-P", folder, start],
            stderr=subprocess.PIPE,
        )
    lines = run.stderr.decode(errors="replace").splitlines()
    saved = filter(None, (re.search(r" URL:(\S+) \[", line) for line in lines))
    return {canonical(line.group(1)) for line in saved}


def main():
    haul, folder, *rest = sys.argv[1:]
    server = subprocess.Popen(
        [haul, "serve", folder, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        root = re.search(r"http://[0-9.:]+", server.stdout.readline()).group(0)
        start = f"{root}/{rest[0] if rest else 'index.html'}"
        ours, theirs = by_haul(haul, start), by_wget(start)
    finally:
        server.kill()
    print(f"{folder}: haul {len(ours)}, wget {len(theirs)}, in both {len(ours & theirs)}")
    for name, urls in (("haul alone", ours - theirs), ("wget alone", theirs - ours)):
        for url in sorted(urls):
            print(f"{name}: {url}")
    sys.exit(ours != theirs)


main()
