"""Crawling again: `--since` over pages that did not change, and `haul diff` of two jobs, beside runs without either.

    cargo build --release && python3 benches/again.py [PAGES] [PAGES OF DIFF]

Prints requests a second, seconds and the peak of resident memory of each command, medians of three rounds.
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

HAUL = os.path.join(os.path.dirname(__file__), "..", "target", "release", "haul")
ROUNDS = 3


class Server:
    """`haul serve` with a generated site, by default on a free port."""

    def __init__(self, pages, *more, port="0"):
        command = [HAUL, "serve", "--pages", str(pages), "--size", "1K", "--port", port, *more]
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


def run(*command):
    """The seconds that a command takes, and its peak of memory in MiB."""
    begun = time.monotonic()
    process = subprocess.Popen([HAUL, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
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


if __name__ == "__main__":
    counts = [int(count) for count in sys.argv[1:]]
    again(counts[0] if counts else 100_000)
    diff(counts[1] if len(counts) > 1 else 1_000_000)
