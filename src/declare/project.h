// What a project directory says, typed. Every part keeps the place where it was written.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "declare/alerts.h"
#include "declare/serve.h"
#include "model/schema.h"

namespace weir::declare {

// ---- weir.yaml

struct Param {
    enum class Kind { text, path, date, integer, number, choice };
    std::string name;
    Kind kind = Kind::text;
    std::optional<std::string> fallback;  // none: must be given by whoever uses it
    std::vector<std::string> choices;
    std::string description;
    Where where;
};

struct Engine {
    int threads = 0;             // 0: one per core
    std::string memory = "1GB";  // DuckDB's spelling
};

struct LogPlace {
    enum class Sync { always, interval, never };
    std::filesystem::path path;  // absolute
    Sync sync = Sync::always;
    std::chrono::milliseconds sync_interval{1000};
};

// Encryption of a connection to Kafka. Secrets are references.
struct KafkaTls {
    std::string ca;           // absolute path of a PEM file; empty: what the system trusts
    std::string certificate;  // absolute path of our own PEM chain; empty: none
    std::string key, key_password;
    bool verify_name = true;
};

// Who we are to Kafka.
struct KafkaSasl {
    enum class Mechanism { plain, scram_sha_256, scram_sha_512 };
    Mechanism mechanism = Mechanism::plain;
    std::string username, password;  // the password is a reference
};

// A cluster of Apache Kafka, and how it is spoken to.
struct KafkaCluster {
    std::string brokers;  // "host:port,host:port"; empty: none is named
    std::optional<KafkaTls> tls;
    std::optional<KafkaSasl> sasl;
    Where where;
};

// What bounds an epoch of continuous intake, whichever is reached first, and what keeps its files few.
struct IntakeBounds {
    std::chrono::milliseconds epoch{1000};
    std::int64_t rows = 1'000'000;
    std::size_t bytes = std::size_t{32} << 20;
    int compact_files = 64;  // small files of a table that are merged when there are so many; 0: never
};

// How often `weir up` runs and publishes.
struct BatchPace {
    std::chrono::milliseconds every{60'000};
};

// ---- sources/*.yaml

enum class Format { csv, ndjson, json_array, parquet };
enum class Compression { detect, none, gzip, zstd };
enum class Encoding { detect, utf8, utf16le, utf16be, windows1252 };

struct CsvOptions {
    char delimiter = ',';
    char quote = '"';   // '\0': no quoting
    char escape = '"';  // the quote itself: doubled; otherwise a character before it
    bool header = true;
    std::vector<std::string> columns;           // names for a headerless file, in its order
    std::vector<std::string> nulls = {""};      // unquoted texts that mean NULL
    std::map<std::string, std::string> rename;  // header text -> contract column
    int skip_lines = 0;                         // before the header
};

struct Arrival {
    enum class Kind { file_time, path, text };
    Kind kind = Kind::file_time;
    std::string text;  // Kind::text: a day, after parameters are filled in
    Where where;
};

// Of the records of a file, those whose column has this value; the others are passed over before they are read.
struct Only {
    std::string column, value;
    Where where;
};

// Where a topic is read from when what comes next is not there: retention took it, or it is damaged.
enum class Reset { fail, earliest, latest };

// When an event happened, as opposed to when it came in.
struct EventTime {
    std::string column;  // of the contract: a timestamp
    Where where;
    std::chrono::milliseconds delay = std::chrono::seconds(60);  // how far the watermark stays behind the newest event
    std::optional<std::chrono::milliseconds> idle;            // a partition without rows for so long is not waited for
    std::chrono::milliseconds ahead = std::chrono::hours(1);  // what happens later than that from now moves nothing
    std::string watermark;  // weir's own column: the watermark that stood before the row; empty: none
    Where watermark_where;
};

struct Source {
    std::string name;
    Where where;
    std::string topic;  // that the rows come from; empty: from files
    Where topic_where;
    struct Kafka {
        KafkaCluster cluster;
        std::string group;
    };
    std::optional<Kafka> kafka;  // where the topic is; none: in the project's log
    Reset reset = Reset::fail;
    std::string files;  // a file, a directory, a glob or a path template; parameters filled in; absolute
    Where files_where;
    Format format = Format::csv;
    Compression compression = Compression::detect;
    Encoding encoding = Encoding::detect;
    CsvOptions csv;
    Arrival arrival;
    std::string contract;
    Where contract_where;
    std::string table;                      // default: the source's name
    std::vector<std::string> partition_by;  // columns; year, month, day and _arrival_date come from the arrival date
    std::string where_sql;                  // a declared predicate; what it drops is counted as filtered
    Where where_sql_where;
    std::optional<Only> only;
    std::string sequence;  // a BIGINT column that numbers the source's records as they arrive; empty: none
    Where sequence_where;
    std::string
        weight;  // an integer column: how often a row comes; -1 takes an equal row back. Empty: each counts once
    Where weight_where;
    std::optional<EventTime> event_time;
    std::size_t record_bytes_max = 0;  // 0: limits::record_bytes_max
    bool reference = false;            // a small table that views join; when it changes, they are computed anew
    bool append_only = true;           // a grown file continues; false: any change is an error
};

// ---- contracts/*.odcs.yaml (Open Data Contract Standard v3)

enum class UnknownColumns { keep, drop, refuse };
enum class OnTypeError { quarantine, null };  // null: the value becomes NULL and is counted
enum class Severity { info, warning, error };

struct ContractColumn {
    std::string name;
    Where where;
    Type type;  // from logicalType and physicalType
    std::string logical_type;
    bool required = false;
    bool unique = false;
    int primary_key_position = 0;  // from 1; 0: not part of the key
    std::optional<std::int64_t> min_length, max_length;
    std::optional<std::string> pattern;
    std::string format;  // string: email, uuid, …; date and timestamp: a JDK pattern, empty: ISO 8601
    std::optional<std::string> minimum, maximum, exclusive_minimum, exclusive_maximum,
        multiple_of;                   // literals as written
    std::vector<std::string> allowed;  // enumeration; empty: any
    std::vector<std::string> missing;  // texts that mean NULL
    OnTypeError on_type_error = OnTypeError::quarantine;
    bool warn_only = false;  // customProperty severity: warning; a violation is counted, the row kept
    std::string classification;
    bool pii = false;         // classification is one of the sensitive ones
    std::string masking;      // "", drop, null, hash, hmac-sha256
    std::string masking_key;  // a secret reference
    bool unpack = false;      // its text is a JSON object, whose keys are columns too
    std::string inside;       // of the column that is unpacked, whose key this is; empty: of the record itself
    // SQL over the columns as they were read: `derived` is never read, `fallback` stands where nothing was read.
    std::string derived, fallback;
    Where sql_where;  // of that text
    std::string description;
};

// A rule on one row: a SQL expression that must not be FALSE (NULL passes).
struct RowRule {
    std::string id;
    std::string rule;  // its name in the quarantine; the id unless several rules share one
    std::string sql;
    std::string column;  // empty: the whole row
    std::string description;
    Where where;  // of the SQL text
};

// A rule on all rows of one intake, judged before the commit.
struct DatasetRule {
    enum class Metric { row_count, null_values, missing_values, invalid_values, duplicate_values, sql };
    enum class Operator { be, not_be, greater, greater_or_equal, less, less_or_equal, between, not_between };
    std::string id;
    Metric metric = Metric::row_count;
    std::vector<std::string> columns;
    std::vector<std::string> values;  // validValues or missingValues
    std::string pattern;
    std::string query;  // Metric::sql, with {object} and {property}
    Operator op = Operator::be;
    double bound = 0, bound_high = 0;  // between is inclusive
    bool percent = false;
    bool whole_table = false;  // judged over the table with the intake's rows; false: over these rows alone
    Severity severity = Severity::error;
    std::string description;
    Where where;
};

struct Deduplicate {
    enum class By { nothing, row, columns, expression };
    By by = By::nothing;
    std::vector<std::string> columns;
    std::string sql;                  // By::expression: rows with the same value are the same; NULL is like no other
    std::optional<int> horizon_days;  // none: for ever
    Where where;
};

struct Contract {
    std::string name;  // file name without .odcs.yaml; sources refer to it
    std::string id, version, status;
    Where where;
    std::vector<ContractColumn> columns;
    std::vector<RowRule> row_rules;
    std::vector<DatasetRule> dataset_rules;
    std::vector<std::string> not_enforced;  // "file:line: why", told by `weir check`
    UnknownColumns unknown_columns = UnknownColumns::drop;
    Deduplicate deduplicate;                // default: by the primary key, where one is declared
    double quarantine_limit_percent = 5.0;  // exactly at the limit passes
    bool first_rule_only = false;           // a broken row is told its first broken rule, and later ones are not tried
    std::string unreadable_rule;            // the rule of records that cannot be read; empty: what is wrong with them
    std::optional<int> retention_days;
};

// ---- views/*.sql

struct View {
    enum class Keep { latest, every_interval, none };
    std::string name;
    Where where;             // of the file
    std::string sql;         // the SELECT, without the header; parameters filled in as literals
    int sql_first_line = 1;  // the file's line on which `sql` starts
    std::string description;
    // every_interval: the result of each interval is kept, with its run_date. none: computed for the views that read
    // it, never stored.
    Keep keep = Keep::latest;
    std::string contract;  // empty: none; the columns are held to it
    Where contract_where;
    std::vector<std::string> reads;  // tables and views, from the parse tree
    Schema schema;                   // its columns, as they were bound
};

// ---- generators/*.sql

// Rows that are made up: one SELECT over `numbers`, a table with the column n, and seed().
struct Generator {
    std::string name;
    Where where;
    std::string sql;  // parameters filled in as literals
    int sql_first_line = 1;
    std::string description;
    bool omit_nulls = false;  // a column that is NULL is left out of its row
};
inline constexpr std::string_view numbers_table = "numbers";  // n BIGINT, from 0

struct Export {
    std::string view;
    std::string format;  // csv, json, ndjson, parquet
    std::string path;    // absolute
    Where where;
};

// A file that `weir run --replay` writes: the view's rows as NAME.csv in a directory that the caller names.
struct ReplayFile {
    std::string view;
    std::string name;
    Where where;
};

struct Project {
    std::filesystem::path root;  // absolute
    std::string name;
    std::string environment;     // "dev" unless ENVIRONMENT or --env says otherwise
    std::filesystem::path lake;  // absolute
    LogPlace log;
    KafkaCluster kafka;
    IntakeBounds intake;
    BatchPace batch;
    std::string zone = "UTC";
    Engine engine;
    std::vector<Param> params;
    std::map<std::string, std::string> param_values;  // effective, secrets never among them
    std::string macros;  // SQL of macros.sql: CREATE MACRO statements, run on every connection
    std::vector<Source> sources;
    std::vector<Contract> contracts;
    std::vector<View> views;  // in dependency order
    std::vector<Generator> generators;
    std::vector<Export> exports;
    std::vector<ReplayFile> replay;
    Serve serve;
    Alerts alerts;
    bool csv_clock_with_space = false;  // moments without a zone in CSV: 2024-03-01 10:00:00; false: with a T

    const Source* source(std::string_view name) const;
    const Contract* contract(std::string_view name) const;
    const View* view(std::string_view name) const;
    const Generator* generator(std::string_view name) const;
};

// Of a topic's record, by the names that a contract may have for them: `topic` … `value` where the contract unpacks the
// column `value` (a record is what a dump of the topic has on a line), else with an underscore before them beside the
// columns of the message itself.
enum class LogPart { topic, partition, offset, broker_ts, key, headers, value };
inline constexpr std::string_view log_part_names[] = {"topic", "partition", "offset", "broker_ts",
                                                      "key",   "headers",   "value"};
// The contract unpacks `value`.
bool takes_whole_records(const Contract& contract);

// Columns that the intake adds to every source's table.
inline constexpr std::string_view arrival_column = "_arrival_date";  // DATE
inline constexpr std::string_view file_column = "_source_file";      // VARCHAR, path as discovered
inline constexpr std::string_view line_column = "_source_line";      // BIGINT, from 1; Parquet: row number from 1
inline constexpr std::string_view ingested_column = "_ingested_at";  // TIMESTAMP WITH TIME ZONE
inline constexpr std::string_view extra_column = "_extra";           // VARCHAR, JSON of unknown columns (policy keep)
// Known to rules and derived columns while a record is checked; not stored.
inline constexpr std::string_view type_errors_column =
    "_type_errors";  // VARCHAR, columns made NULL by onTypeError: ,a,b,

}  // namespace weir::declare
