"""Tables of every type, partition value and kind of log, both ways: delta_rs_types.py LAKE_TABLE WORK"""

import datetime
import decimal
import pathlib
import subprocess
import sys

import polars
import pyarrow as pa
import pyarrow.parquet as parquet
from deltalake import DeltaTable, QueryBuilder, write_deltalake

helper, work = sys.argv[1], pathlib.Path(sys.argv[2])
passed = failed = 0


def check(name: str, left: list, right: list) -> None:
    global passed, failed
    equal = left == right and len(left) > 0
    passed, failed = passed + equal, failed + (not equal)
    print(f"{name}: {len(left)} rows {'equal' if equal else 'DIFFER'}")
    if not equal:
        print(f"  {left}\n  {right}")


def rows(table: pa.Table) -> list:
    return sorted(repr([(k, plain(row[k])) for k in sorted(row)]) for row in table.to_pylist())


def plain(value):
    """One spelling for what arrow, polars and DuckDB hand over differently."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def ours(path) -> pa.Table:
    out = work / "dump.parquet"
    subprocess.run([helper, "dump", str(path), str(out)], check=True)
    return parquet.ParquetFile(out).read()


subprocess.run([helper, "write", str(work / "ours")], check=True)
for table in sorted((work / "ours").iterdir()):
    mine = rows(ours(table))
    theirs = pa.table(QueryBuilder().register("t", DeltaTable(str(table))).execute("select * from t").read_all())
    check(f"delta-rs reads {table.name}", rows(theirs), mine)
    if table.name != "types":  # polars has no map type
        check(f"polars reads {table.name}", rows(polars.read_delta(str(table)).to_arrow()), mine)

data = pa.table({
    "id": pa.array([1, 2, 3], pa.int32()),
    "s": ["a b", None, "ü/%20+"],
    "d": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("0.25")], pa.decimal128(10, 2)),  # delta-rs garbles negative ones as partition values
    "dt": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1900, 1, 1)]),
    "ts": pa.array([datetime.datetime(2024, 1, 1, 10, 0, 0, 1, datetime.timezone.utc), None,
                    datetime.datetime(1969, 12, 31, tzinfo=datetime.timezone.utc)], pa.timestamp("us", "UTC")),
    "naive": pa.array([datetime.datetime(2024, 1, 1), None, datetime.datetime(1960, 1, 1)], pa.timestamp("us")),
    "l": [[1], None, []],
    "f": [1.5, None, float("inf")],
})
for name, partitions in [("plain", None), ("by_text", ["s"]), ("by_more", ["s", "d", "dt", "ts"])]:
    path = str(work / "theirs" / name)
    write_deltalake(path, data, partition_by=partitions)
    write_deltalake(path, data, mode="append")
    table = DeltaTable(path)
    if name == "plain":
        table.delete("id = 2")
        table.create_checkpoint()
    theirs = pa.table(QueryBuilder().register("t", DeltaTable(path)).execute("select * from t").read_all())
    check(f"weir reads {name}", rows(ours(path)), rows(theirs))
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
