"""Compares every table of a lake as delta-rs reads it with the same table as weir reads it: delta_rs.py WEIR PROJECT LAKE"""

import pathlib
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as parquet
from deltalake import DeltaTable

weir, project, lake = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])


def name_of(path: pathlib.Path) -> str:
    """The name by which SQL knows the table in this folder: weir/files is weir.files; all days of a view that keeps them are history.view."""
    parts = path.relative_to(lake).parts
    if DeltaTable(str(path)).metadata().configuration.get("weir.keep") == "every_interval":
        parts = ("history", *parts)
    return ".".join('"' + part + '"' for part in parts)


def ours(path: pathlib.Path) -> pa.Table:
    sql = f"SELECT * FROM {name_of(path)}"
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "rows.parquet"
        command = [weir, "sql", project, "--lake", str(lake), "--format", "parquet", "--out", str(file), sql]
        done = subprocess.run(command, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"FAILED: {' '.join(command)}: {done.stderr.decode()}")
        return parquet.read_table(file)


def rows(table: pa.Table) -> list:
    return sorted((repr(sorted(row.items())) for row in table.to_pylist()))


failures = 0
# States of views are no tables of SQL.
tables = sorted(log.parent for log in lake.rglob("_delta_log") if not log.parent.name.startswith("state_"))
if not tables:
    sys.exit("FAILED: the lake has no tables")
for path in tables:
    theirs = DeltaTable(str(path)).to_pyarrow_table()
    mine = ours(path)
    same_names = theirs.schema.names == mine.schema.names
    same_rows = rows(theirs) == rows(mine)
    print(f"{path.relative_to(lake)}: {theirs.num_rows} rows, columns {'equal' if same_names else 'DIFFER'}, "
          f"rows {'equal' if same_rows else 'DIFFER'}")
    if not same_names:
        print(f"  delta-rs {theirs.schema.names}\n  weir     {mine.schema.names}")
    failures += not (same_names and same_rows)
print(f"{len(tables) - failures} passed, {failures} failed, 0 skipped")
sys.exit(1 if failures else 0)
