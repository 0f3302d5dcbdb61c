"""The batch views of projects/learning on Apache Spark: the same SELECTs, translated by sqlglot.

learning_spark.py check PROJECT LAKE EXPORTED SECONDS
                                                over the tables that weir wrote, and job by job over the raw messages;
                                                every row is compared with what weir exported as CSV, and the times
                                                with the seconds that weir took
learning_spark.py lake PROJECT LAKE OUT         the first way alone, into Parquet files, for time
learning_spark.py raw PROJECT LAKE RAW          writes the raw store of the second way
learning_spark.py job NAME PROJECT RAW OUT      one job of the second way, into Parquet files, for time

The second way is how such systems are often run: a job a subject, each in a process of its own, and each reading all raw
messages of its topics and parsing them again.
"""

import csv
import datetime
import decimal
import json
import pathlib
import sys
import time
import urllib.parse

import sqlglot
from pyspark.sql import SparkSession

TOPICS = ["auth", "assessment", "video", "course", "profile", "notification"]
# Read by other views, in their order.
HELPERS = ["access", "activity", "delivery", "enrolment", "work"]
# Over weir's own system tables, or of no job of the reference.
NOT_HERE = {"quality_counters", "data_quality"}
ANALYTICS = ["course_overview", "student_overview", "student_course_enrollment", "student_course_detailed"]
JOBS = {
    "auth": (["auth"], ["auth_"]),
    "assessment": (["assessment"], ["assessment_"]),
    "video": (["video"], ["video_"]),
    "course": (["course"], ["course_"]),
    "profile_notification": (["profile", "notification"], ["profile_", "notification_"]),
    # The students of student_overview are those of any topic.
    "student_course_analytics": (TOPICS, []),
}
FUNCTIONS = [
    "CREATE OR REPLACE TEMPORARY FUNCTION opens_material(event_type STRING) RETURNS BOOLEAN "
    "RETURN event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL')",
    "CREATE OR REPLACE TEMPORARY FUNCTION seconds_between(a TIMESTAMP_NTZ, b TIMESTAMP_NTZ) RETURNS BIGINT "
    "RETURN timestampdiff(SECOND, a, b)",
    "CREATE OR REPLACE TEMPORARY FUNCTION pct(a BIGINT, b BIGINT) RETURNS DECIMAL(5, 2) RETURN TRY_CAST("
    "CAST((20000 * a + b) DIV (2 * nullif(b, 0)) AS DECIMAL(18, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(5, 2))",
]
# The fields of a message that the views read.
MESSAGE = (
    "event_category STRING, event_type STRING, user_id STRING, role STRING, `timestamp` STRING, session_id STRING, "
    "registration_source STRING, assignment_id STRING, assignment_type STRING, quiz_id STRING, correct_answers INT, "
    "student_id STRING, score INT, course_id STRING, video_id STRING, watch_duration_seconds INT, item_id STRING, "
    "item_type STRING, material_id STRING, material_type STRING, updated_fields STRING, notification_id STRING, "
    "notification_type STRING, channel STRING"
)


def session(name):
    return (
        SparkSession.builder.appName(name)
        .master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "3g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )


def view_sql(project, name):
    text = (project / "views" / f"{name}.sql").read_text(encoding="utf-8")
    text = text[text.index("*/") + 2 :]
    [sql] = sqlglot.transpile(text, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    # What the translation leaves as DuckDB writes it.
    return sql.replace("""'["VARCHAR"]'""", "'array<string>'").replace("LIST_DISTINCT(", "array_distinct(")


def view_names(project):
    names = sorted(path.stem for path in (project / "views").glob("*.sql"))
    return [name for name in names if name not in NOT_HERE and name not in HELPERS]


def live_files(table):
    """The data files of the newest version of a Delta table without a checkpoint, by its log."""
    files = {}
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text(encoding="utf-8").splitlines():
            action = json.loads(line)
            if "add" in action:
                files[action["add"]["path"]] = True
            elif "remove" in action:
                files.pop(action["remove"]["path"], None)
    return [str(table / urllib.parse.unquote(path)) for path in files]


def declare_helpers(spark, project, topics):
    """The views that others read, as far as their topics are there."""
    for function in FUNCTIONS:
        spark.sql(function)
    for name in HELPERS:
        sql = view_sql(project, name)
        reads = {table.name for table in sqlglot.parse_one(sql, read="spark").find_all(sqlglot.exp.Table)}
        if reads & set(TOPICS) <= set(topics):
            spark.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {sql}")


def declare_lake(spark, project, lake):
    for topic in TOPICS:
        spark.read.parquet(*live_files(lake / topic)).createOrReplaceTempView(topic)
    declare_helpers(spark, project, TOPICS)


def write_raw(spark, lake, raw):
    for topic in TOPICS:
        messages = spark.read.parquet(*live_files(lake / topic))
        messages.select("key", "value", "broker_ts", "seq").write.mode("overwrite").parquet(str(raw / topic))


def declare_raw(spark, project, raw, topics):
    for topic in topics:
        spark.read.parquet(str(raw / topic)).createOrReplaceTempView(f"raw_{topic}")
        spark.sql(
            f"CREATE OR REPLACE TEMPORARY VIEW {topic} AS "
            "SELECT seq, m.* EXCEPT (role, `timestamp`), CAST(m.`timestamp` AS TIMESTAMP_NTZ) AS ts, "
            "coalesce(m.role, CASE left(m.user_id, 2) WHEN 'SV' THEN 'student' WHEN 'GV' THEN 'teacher' END) AS role "
            f"FROM (SELECT seq, from_json(value, '{MESSAGE}') AS m FROM raw_{topic})"
        )
    declare_helpers(spark, project, topics)


def views_of(project, job):
    prefixes = JOBS[job][1]
    if not prefixes:
        return ANALYTICS
    return [name for name in view_names(project) if name not in ANALYTICS and any(map(name.startswith, prefixes))]


def cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, decimal.Decimal):
        return f"{value:.2f}"
    return value if isinstance(value, float) else str(value)


def same(ours, theirs):
    """A number with a fraction may be another one in its last digits: the engines add up in other orders."""
    if not isinstance(theirs, float):
        return ours == theirs
    return ours != "" and abs(float(ours) - theirs) <= 1e-9 * max(1.0, abs(theirs))


def difference(exported, columns, rows):
    with open(exported, encoding="utf-8", newline="") as file:
        ours = list(csv.reader(file))
    if ours[0] != columns:
        return f"columns {ours[0]} and {columns}"
    if len(ours) - 1 != len(rows):
        return f"{len(ours) - 1} rows and {len(rows)}"
    for number, (mine, row) in enumerate(zip(ours[1:], rows), start=1):
        theirs = [cell(value) for value in row]
        if not all(map(same, mine, theirs)):
            return f"row {number}: {mine} and {theirs}"
    return None


def compare(spark, project, exported, names, way):
    """Computes the views one after the other; the seconds that it took, and how many are not weir's."""
    began, wrong, rows = time.monotonic(), 0, 0
    for name in names:
        frame = spark.sql(view_sql(project, name))
        found = frame.collect()
        rows += len(found)
        told = difference(exported / f"{name}.csv", frame.columns, found)
        if told:
            wrong += 1
            print(f"{name}, {way}: weir and Spark differ: {told}")
    seconds = time.monotonic() - began
    print(f"{len(names)} views, {rows} rows, {way}: {'equal' if wrong == 0 else f'{wrong} differ'}, {seconds:.1f} s")
    return seconds, wrong


def check(project, lake, exported, weir_seconds):
    spark = session("check")
    spark.sparkContext.setLogLevel("ERROR")
    declare_lake(spark, project, lake)
    over_lake, wrong = compare(spark, project, exported, view_names(project), "over the lake")
    raw = exported / "raw"
    write_raw(spark, lake, raw)
    over_raw = 0.0
    for job, (topics, _) in JOBS.items():
        for topic in TOPICS + HELPERS:
            spark.catalog.dropTempView(topic)
        declare_raw(spark, project, raw, topics)
        seconds, differ = compare(spark, project, exported, views_of(project, job), f"job {job}, over raw messages")
        over_raw += seconds
        wrong += differ
    for way, seconds in (("over the lake", over_lake), ("its jobs over raw messages", over_raw)):
        print(f"Spark, {way}: {seconds:.1f} s, weir: {weir_seconds:.1f} s, ratio {seconds / weir_seconds:.1f}")
    spark.stop()
    return 1 if wrong else 0


def write(spark, project, names, out):
    for name in names:
        spark.sql(view_sql(project, name)).write.mode("overwrite").parquet(str(out / name))


def jvm_peak(spark):
    """The most memory that Spark's own process held, in KiB."""
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def main(words):
    command = words[0]
    if command == "check":
        return check(*map(pathlib.Path, words[1:4]), float(words[4]))
    spark = session(command)
    spark.sparkContext.setLogLevel("ERROR")
    if command == "lake":
        project, lake, out = map(pathlib.Path, words[1:4])
        declare_lake(spark, project, lake)
        # Without the view beyond the jobs, so that both ways compute the same.
        write(spark, project, [name for job in JOBS for name in views_of(project, job)], out)
    elif command == "raw":
        _, lake, raw = map(pathlib.Path, words[1:4])
        write_raw(spark, lake, raw)
    else:
        project, raw, out = map(pathlib.Path, words[2:5])
        declare_raw(spark, project, raw, JOBS[words[1]][0])
        write(spark, project, views_of(project, words[1]), out)
    print(f"peak {jvm_peak(spark)} KiB")
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
