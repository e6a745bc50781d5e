"""Crawling again: `--since` over pages that did not change, and `haul diff` of two jobs, beside runs without either.

    cargo build --release && python3 benches/again.py [PAGES] [PAGES OF DIFF]
    cargo build --release && python3 benches/again.py FOLDER

The first prints requests a second, seconds and the peak of resident memory of each command, medians of three rounds. The
second crawls the site in a folder, such as a documentation package, three times: as it is, again, and with 5 % of its
pages changed; it prints the bytes of each, and whether `haul diff` names exactly the pages that changed.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HAUL = os.environ.get("HAUL") or os.path.join(os.path.dirname(__file__), "..", "target", "release", "haul")
ROUNDS = 3


class Server:
    """`haul serve` with a generated site or a folder, by default on a free port."""

    def __init__(self, site, *more, port="0"):
        site = [site] if isinstance(site, str) else ["--pages", str(site), "--size", "1K"]
        command = [HAUL, "serve", *site, "--port", port, *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                self.url = found[0]
                return
        sys.exit("haul serve has ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(*command, exits=(0,)):
    """The seconds that a command takes, and its peak of memory in MiB."""
    begun = time.monotonic()
    process = subprocess.Popen([HAUL, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in exits:
        sys.exit(f"haul {' '.join(command)} failed:\n{said}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def median(runs):
    return [statistics.median(values) for values in zip(*runs)]


def again(pages):
    """A second crawl of pages that did not change, beside the first, and beside requests that have no bodies at all."""
    rates = {}
    with tempfile.TemporaryDirectory() as folder, Server(pages) as server:
        at = lambda name: os.path.join(folder, name)
        runs = {"first": [], "since": [], "head": []}
        for _ in range(ROUNDS):
            for name in ["old", "new", "head"]:
                shutil.rmtree(at(name), ignore_errors=True)
            crawl = ["crawl", server.url, "-q", "--job"]
            runs["first"].append(run(*crawl, at("old"), "-o", at("old.jsonl")))
            runs["since"].append(run(*crawl, at("new"), "-o", at("new.jsonl"), "--since", at("old")))
            with open(at("new.jsonl")) as records, open(at("urls"), "w") as urls:
                unchanged = 0
                for record in map(json.loads, records):
                    unchanged += record.get("unchanged", False)
                    print(record["url"], file=urls)
            if unchanged < pages:
                sys.exit(f"only {unchanged} of {pages} pages were unchanged")
            runs["head"].append(run("fetch", at("urls"), "-q", "-X", "HEAD", "--job", at("head"), "-o", at("head.jsonl")))
        for name, title in [
            ("first", "the first crawl, with bodies"),
            ("head", "the same URLs as a list with HEAD: no bodies, nothing to parse"),
            ("since", "the crawl with --since: every page asked, none sent"),
        ]:
            seconds, memory = median(runs[name])
            rates[name] = pages / seconds
            print(f"{title}: {rates[name]:,.0f} requests/s, {memory:.0f} MiB")
    for name in ["first", "head"]:
        print(f"--since beside {name}: {rates['since'] / rates[name]:.2f}x")


def diff(pages):
    """Two jobs of the same site, 5 % of whose pages changed."""
    with tempfile.TemporaryDirectory() as folder:
        port = "0"
        for edition in ["1", "2"]:
            with Server(pages, "--churn", "5%", "--edition", edition, port=port) as server:
                port = server.url.split(":")[2].strip("/")
                job = os.path.join(folder, edition)
                run("crawl", server.url, "-q", "--job", job, "-o", f"{job}.jsonl")
        jobs = [os.path.join(folder, edition) for edition in ["1", "2"]]
        seconds, memory = median(run("diff", *jobs, "--format", "jsonl") for _ in range(ROUNDS))
        print(f"haul diff of two jobs of {pages:,} pages: {seconds:.1f} s, {memory:.0f} MiB")


def folder(path):
    """Three crawls of a folder: what the second and the third have to send, and what changed in the third."""
    with tempfile.TemporaryDirectory() as place:
        at = lambda name: os.path.join(place, name)
        port, pages = "0", {}
        for name, edition, old in [("first", "1", None), ("second", "1", "first"), ("third", "2", "second")]:
            with Server(path, "--churn", "5%", "--edition", edition, port=port) as server:
                port = server.url.split(":")[2].strip("/")
                since = ["--since", at(old)] if old else []
                output = at(f"{name}.jsonl")
                run("crawl", server.url, "--assets", "-q", "--job", at(name), "-o", output, *since, exits=(0, 3))
                with open(output) as records:
                    pages[name] = {record["url"]: record for record in map(json.loads, records)}
                if edition == "2":
                    with urllib.request.urlopen(f"{server.url}changes-since/1") as changes:
                        changed = {line.split()[1] for line in changes.read().decode().splitlines()}
            received = sum(record["wire_bytes"] or 0 for record in pages[name].values())
            statuses = [record["status"] for record in pages[name].values()]
            print(f"{name}: {len(statuses)} records, {received:,} bytes of bodies, {statuses.count(304)} unchanged")
        if pages["second"].keys() != pages["first"].keys():
            sys.exit("the second crawl has other pages than the first")
        diff = subprocess.run([HAUL, "diff", at("second"), at("third"), "-q", "-f", "jsonl"], capture_output=True)
        lines = map(json.loads, diff.stdout.decode().splitlines())
        named = {line["url"].removeprefix(server.url.strip("/")) for line in lines if line["kind"] == "content"}
        reached = {path for path in changed if server.url.strip("/") + path in pages["third"]}
        print(f"{len(reached)} crawled pages changed; haul diff names {len(named)}, the same: {named == reached}")


if __name__ == "__main__":
    if sys.argv[1:] and os.path.isdir(sys.argv[1]):
        sys.exit(folder(sys.argv[1]))
    counts = [int(count) for count in sys.argv[1:]]
    again(counts[0] if counts else 100_000)
    diff(counts[1] if len(counts) > 1 else 1_000_000)
