"""What extruct reads from pages.

Input is a line of JSON for each page: {"url": …, "text": …}. Output is a line for each page:
{"json_ld": …, "microdata": …, "open_graph": …}, with {"error": …} for a syntax that could not be read.
"""
import json
import sys

from extruct.jsonld import JsonLdExtractor
from extruct.opengraph import OpenGraphExtractor
from extruct.w3cmicrodata import MicrodataExtractor

READERS = {
    "json_ld": JsonLdExtractor(),
    "microdata": MicrodataExtractor(strict=True),
    "open_graph": OpenGraphExtractor(),
}


def read(reader, page):
    try:
        return reader.extract(page["text"], base_url=page["url"])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    page = json.loads(line)
    print(json.dumps({name: read(reader, page) for name, reader in READERS.items()}))
