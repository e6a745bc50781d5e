"""What pyarrow and DuckDB read from a dataset, as one line of JSON per row."""

import json, os, sys
import duckdb
import pyarrow.dataset, pyarrow.parquet

what, dataset, *more = sys.argv[1:]


def folder(table):
    """Pages are in the dataset's folder; each other table is in a folder next to it."""
    return dataset if table == "pages" else f"{dataset.removesuffix('.parquet')}.{table}.parquet"


def arrow(table):
    return pyarrow.dataset.dataset(folder(table), format="parquet").to_table()


def duck(sql):
    found = duckdb.sql(sql)
    return [dict(zip(found.columns, row)) for row in found.fetchall()]


def files(table):
    return f"'{folder(table)}/*.parquet'"


def show(rows):
    for row in rows:
        print(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str))


if what == "schema":
    for field in arrow(more[0]).schema:
        print(f"{field.name}: {field.type}")
elif what == "types":
    for row in duck(f"describe select * from {files(more[0])}"):
        print(f"{row['column_name']}: {row['column_type']}")
elif what == "arrow":
    show(arrow(more[0]).sort_by([("page", "ascending"), ("item", "ascending")]).to_pylist())
elif what == "duckdb":
    show(duck(f"select * from {files(more[0])} order by page, item"))
elif what == "pages":
    assert [row["page"] for row in arrow("pages").to_pylist()] == [
        row["page"] for row in duck(f"select page from {files('pages')} order by page")
    ]
    show(arrow("pages").to_pylist())
elif what == "sql":
    show(duck(more[0].format(dataset=dataset, product=folder("product"), misses=folder("misses"))))
elif what == "parts":
    # Each part is complete by itself: its row groups are read one by one, with their checksums.
    stem = os.path.basename(dataset).removesuffix(".parquet")
    parent = os.path.dirname(dataset)
    tables = {"pages": dataset}
    for name in sorted(os.listdir(parent)):
        if name.startswith(stem + ".") and name.endswith(".parquet") and os.path.join(parent, name) != dataset:
            tables[name.removeprefix(stem + ".").removesuffix(".parquet")] = os.path.join(parent, name)
    for table, path in tables.items():
        for name in sorted(os.listdir(path)):
            if name.endswith(".parquet"):
                part = pyarrow.parquet.ParquetFile(os.path.join(path, name), page_checksum_verification=True)
                rows = sum(part.read_row_group(group).num_rows for group in range(part.num_row_groups))
                assert rows == part.metadata.num_rows
                compression = {
                    part.metadata.row_group(group).column(column).compression
                    for group in range(part.num_row_groups)
                    for column in range(part.metadata.num_columns)
                }
                print(table, name, rows, *compression)
