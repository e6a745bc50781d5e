"""What pyarrow reads from a file or a stream of Arrow, as one line of JSON per row."""

import json, sys
import pyarrow.dataset, pyarrow.feather, pyarrow.ipc

what, *path = sys.argv[1:]

if what == "stream":
    with pyarrow.ipc.open_stream(sys.stdin.buffer) as reader:
        table = reader.read_all()
elif what == "file":
    table = pyarrow.ipc.open_file(path[0]).read_all()
    assert table.equals(pyarrow.feather.read_table(path[0]))
    assert table.equals(pyarrow.dataset.dataset(path[0], format="ipc").to_table())
elif what == "schema":
    for field in pyarrow.ipc.open_file(path[0]).schema:
        print(f"{field.name}: {field.type}")
    sys.exit()
table.validate(full=True)
for row in table.to_pylist():
    print(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str))
