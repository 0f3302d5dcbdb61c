"""Queries of projects/nexmark on Apache Flink, as SQL over a stream with event time, from Parquet files of bids.

nexmark_flink.py SETTING QUERY REPEATS THREADS SAMPLE BIDS WORK

SETTING is heap: state on the heap, no checkpoints; or rocksdb: state in RocksDB, and every 5 s an incremental checkpoint,
exactly once. SAMPLE and BIDS are folders with a file for each of THREADS readers. One JVM answers the query over SAMPLE and
writes its last state to WORK/rows.parquet, then as often as REPEATS over BIDS into a sink that drops rows. WORK/samples gets a
line for each time: seconds with planning and the start of the cluster, KiB of the JVM at most, seconds by Flink's own clock.
"""

import collections
import datetime
import decimal
import os
import pathlib
import re
import signal
import sys
import time

import pyarrow
import pyarrow.parquet
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableDescriptor, TableEnvironment

BID = """
CREATE TABLE bid (
    auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING,
    WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND
) WITH ('connector' = 'filesystem', 'path' = '{folder}', 'format' = 'parquet', 'parquet.utc-timezone' = 'true')
"""
LOW = "price < 10000"
MIDDLE = "price >= 10000 AND price < 1000000"
HIGH = "price >= 1000000"
DAY = "DATE_FORMAT(dateTime, 'yyyy-MM-dd')"


def bands(what, name):
    """One aggregate for each of the three price bands."""
    return ", ".join(f"{what} FILTER (WHERE {band}) AS rank{n}_{name}" for n, band in enumerate((LOW, MIDDLE, HIGH), 1))


COUNTS = f"""
    COUNT(*) AS total_bids, {bands("COUNT(*)", "bids")},
    COUNT(DISTINCT bidder) AS total_bidders, {bands("COUNT(DISTINCT bidder)", "bidders")},
    COUNT(DISTINCT auction) AS total_auctions, {bands("COUNT(DISTINCT auction)", "auctions")}
"""
QUERIES = {
    "q1": "SELECT auction, bidder, CAST(0.908 * price AS DECIMAL(23, 3)) AS price, dateTime, extra FROM bid",
    "q2": "SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0",
    "q5": """
        WITH counted AS (
            SELECT window_start, window_end, auction, COUNT(*) AS bids
            FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
            GROUP BY window_start, window_end, auction
        ),
        most AS (
            SELECT window_start, window_end, MAX(bids) AS bids FROM counted GROUP BY window_start, window_end
        )
        SELECT counted.window_start, counted.window_end, counted.auction, counted.bids
        FROM counted
        JOIN most ON counted.window_start = most.window_start AND counted.window_end = most.window_end
            AND counted.bids = most.bids
    """,
    "q7": """
        WITH bids AS (SELECT * FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))),
        highest AS (
            SELECT window_start, window_end, MAX(price) AS price
            FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
            GROUP BY window_start, window_end
        )
        SELECT bids.window_start, bids.auction, bids.bidder, bids.price, bids.dateTime, bids.extra
        FROM bids
        JOIN highest ON bids.window_start = highest.window_start AND bids.window_end = highest.window_end
            AND bids.price = highest.price
    """,
    "q11": """
        SELECT bidder, COUNT(*) AS bids, window_start AS session_start, window_end AS session_end
        FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(dateTime), INTERVAL '10' SECOND))
        GROUP BY bidder, window_start, window_end
    """,
    "q15": f"SELECT {DAY} AS `day`, {COUNTS} FROM bid GROUP BY {DAY}",
    "q16": f"""
        SELECT channel, {DAY} AS `day`, MAX(DATE_FORMAT(dateTime, 'HH:mm')) AS `minute`, {COUNTS}
        FROM bid GROUP BY channel, {DAY}
    """,
    "q17": f"""
        SELECT auction, {DAY} AS `day`, COUNT(*) AS total_bids, {bands("COUNT(*)", "bids")},
            MIN(price) AS min_price, MAX(price) AS max_price, AVG(CAST(price AS DOUBLE)) AS avg_price,
            SUM(price) AS sum_price
        FROM bid GROUP BY auction, {DAY}
    """,
}
SETTINGS = {
    "heap": {"state.backend.type": "hashmap"},
    "rocksdb": {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.interval": "5s",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        # Split among the tasks; RocksDB's caches and write buffers stay within it.
        "taskmanager.memory.managed.size": "1g",
    },
}
# As Flink's own guide to performance has it for aggregations: rows in bundles, and partial sums before the exchange.
# Distinct keys split into buckets, its other advice, cost more here than they saved, in q15 and even more in q16.
FAST = {
    "pipeline.object-reuse": "true",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "2s",
    "table.exec.mini-batch.size": "50000",
}
# How the columns' texts are read, and what they become.
TYPES = {
    "BIGINT": (int, pyarrow.int64()),
    "VARCHAR": (str, pyarrow.string()),
    "DOUBLE": (float, pyarrow.float64()),
    "DECIMAL": (decimal.Decimal, pyarrow.decimal128(23, 3)),
    "TIMESTAMP": (datetime.datetime.fromisoformat, pyarrow.timestamp("us")),
}


def environment(setting, threads, work):
    """Where jobs run in a cluster inside this process's own JVM."""
    configuration = {
        "parallelism.default": threads,
        "table.local-time-zone": "UTC",
        "execution.checkpointing.dir": (work / "checkpoints").as_uri(),
        "io.tmp.dirs": str(work),
        **FAST,
        **SETTINGS[setting],
    }
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in configuration.items():
        tables.get_config().set(key, value)
    return tables


def answer(tables, query, folder):
    """The query over the bids of a folder, as a table that no job has computed yet."""
    tables.execute_sql("DROP TABLE IF EXISTS bid")
    tables.execute_sql(BID.format(folder=folder.as_uri()))
    return tables.sql_query(QUERIES[query])


def compute(table, connector):
    """A job that writes the table to this connector, when it is done."""
    result = table.execute_insert(TableDescriptor.for_connector(connector).build())
    result.wait()
    return result.get_job_client().get_job_execution_result().result()


def last_state(printed, names, kinds):
    """The rows that are there when all changes that the JVM printed are done."""
    rows = collections.Counter()
    for line in printed.read_text(encoding="utf-8").splitlines():
        change = re.fullmatch(r"(?:\d+> )?([+-])[IUD]\[(.*)\]", line)
        if change:
            rows[change[2]] += 1 if change[1] == "+" else -1
    columns = zip(*(row.split(", ") for row in rows.elements()), strict=True)
    arrays = []
    for column, kind in zip(columns, kinds, strict=True):
        parse, arrow = TYPES[kind]
        arrays.append(pyarrow.array([parse(text) for text in column], arrow))
    return pyarrow.table(arrays, names=names)


def measured(table):
    """Seconds from submission to end, with planning and the start of the cluster; and of the job alone by Flink's clock."""
    before = time.monotonic()
    job = compute(table, "blackhole")
    return time.monotonic() - before, job.get_net_runtime() / 1000


def main(setting, query, repeats, threads, sample, bids, work):
    work = pathlib.Path(work)
    printed = work / "printed"
    # The JVM prints to where this process does.
    with open(printed, "wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
    tables = environment(setting, threads, work)
    table = answer(tables, query, pathlib.Path(sample))
    names = table.get_schema().get_field_names()
    kinds = [str(kind) for kind in table.get_schema().get_field_data_types()]
    compute(table, "print")
    times = [measured(answer(tables, query, pathlib.Path(bids))) for _ in range(int(repeats))]
    jvm = get_gateway().jvm.java.lang.ProcessHandle.current().pid()
    os.kill(jvm, signal.SIGTERM)
    _, _, usage = os.wait4(jvm, 0)
    pyarrow.parquet.write_table(last_state(printed, names, kinds), work / "rows.parquet")
    with open(work / "samples", "w", encoding="ascii") as samples:
        for whole, job in times:
            print(f"{whole:.3f} {usage.ru_maxrss} {job:.3f}", file=samples)


if __name__ == "__main__":
    main(*sys.argv[1:])
