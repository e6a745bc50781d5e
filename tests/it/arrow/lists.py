"""Writes lists with typed columns, as other programs do."""

import datetime, os, sys
import pyarrow as pa, pyarrow.feather, pyarrow.ipc, pyarrow.parquet

folder = sys.argv[1]
table = pa.table(
    {
        "url": [f"http://site{row}.example/" for row in range(5)] + ["no url", None],
        "id": pa.array([*range(6), None], pa.int32()),
        "price": [0.5, 1.25, None, 3.0, 4.0, 5.0, 6.0],
        "ok": [True, False, None, True, True, True, True],
        "day": pa.array([datetime.date(2026, 11, 30)] * 7),
        "at": pa.array([datetime.datetime(2026, 11, 30, 12, 0, 1, 500000)] * 7, pa.timestamp("us", "UTC")),
        "tags": [["a", "b"], [], None, ["c"], [], [], []],
        "shop": [{"name": "x", "size": 3}] * 7,
        "kind": pa.array(["new", "old", "new", "old", "new", "new", "new"]).dictionary_encode(),
    }
)
at = lambda name: os.path.join(folder, name)
pyarrow.parquet.write_table(table, at("snappy.parquet"))
pyarrow.parquet.write_table(table, at("zstd.parquet"), compression="zstd", row_group_size=2)
pyarrow.feather.write_feather(table, at("list.arrow"), compression="uncompressed")
with pyarrow.ipc.new_stream(at("stream"), table.schema) as stream:
    stream.write_table(table, max_chunksize=3)
os.mkdir(at("folder"))
pyarrow.parquet.write_table(table.slice(0, 4), at("folder/part-0.parquet"))
pyarrow.parquet.write_table(table.slice(4), at("folder/part-1.parquet"))
open(at("folder/_SUCCESS"), "w").close()
pyarrow.parquet.write_table(pa.table({"link": ["http://a.example/"]}), at("named.parquet"))
pyarrow.parquet.write_table(pa.table({"url": ["http://a.example/"], "raw": [b"\xff"]}), at("bytes.parquet"))
