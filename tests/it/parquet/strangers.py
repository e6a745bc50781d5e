"""What pyarrow and DuckDB read in a dataset, told as JSON, a line each."""

import json, os, sys
import duckdb
import pyarrow.dataset, pyarrow.parquet

what, dataset, *more = sys.argv[1:]


def folder(table):
    """Pages are in the dataset's folder, each other table in one beside it."""
    return dataset if table == "pages" else f"{dataset.removesuffix('.parquet')}.{table}.parquet"


def arrow(table):
    return pyarrow.dataset.dataset(folder(table), format="parquet").to_table()


def duck(sql):
    found = duckdb.sql(sql)
    return [dict(zip(found.columns, row)) for row in found.fetchall()]


def files(table):
    return f"'{folder(table)}/*.parquet'"


def tell(rows):
    for row in rows:
        print(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str))


if what == "schema":
    for field in arrow(more[0]).schema:
        print(f"{field.name}: {field.type}")
elif what == "types":
    for row in duck(f"describe select * from {files(more[0])}"):
        print(f"{row['column_name']}: {row['column_type']}")
elif what == "arrow":
    tell(arrow(more[0]).sort_by([("page", "ascending"), ("item", "ascending")]).to_pylist())
elif what == "duckdb":
    tell(duck(f"select * from {files(more[0])} order by page, item"))
elif what == "pages":
    assert [row["page"] for row in arrow("pages").to_pylist()] == [
        row["page"] for row in duck(f"select page from {files('pages')} order by page")
    ]
    tell(arrow("pages").to_pylist())
elif what == "sql":
    tell(duck(more[0].format(dataset=dataset, product=folder("product"), misses=folder("misses"))))
elif what == "parts":
    # Each part is whole by itself: its groups are read one by one, with their checks.
    stem = os.path.basename(dataset).removesuffix(".parquet")
    beside = os.path.dirname(dataset)
    tables = {"pages": dataset}
    for name in sorted(os.listdir(beside)):
        if name.startswith(stem + ".") and name.endswith(".parquet") and os.path.join(beside, name) != dataset:
            tables[name.removeprefix(stem + ".").removesuffix(".parquet")] = os.path.join(beside, name)
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
