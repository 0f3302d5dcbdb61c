// What the readers of one project share while it is loaded.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "declare/load.h"
#include "declare/options.h"
#include "declare/problems.h"
#include "declare/project.h"
#include "declare/yaml.h"

namespace weir::declare {

// A SQL expression inside a YAML file, with the node that maps its places back.
struct SqlSnippet {
    enum class Kind { where, row_rule, value, dataset_query, pattern, alert };
    Kind kind = Kind::where;
    std::string owner;  // a source for `where`, an alert for `alert`, else a contract
    std::string title;  // "row rule 'cook_known'"
    std::string sql;
    // Of the property that holds a dataset query; for a value the DuckDB type that it must fit, may be empty.
    std::string column;
    std::string file;
    YamlNode node;
};

struct Context {
    const LoadOptions& options;
    Project& project;
    Problems& problems;
    std::vector<SqlSnippet> snippets{};
    // Where things stand that other files are checked against: "source NAME partition_by", "zone".
    std::map<std::string, Where> places{};

    // How a file of the project is shown: beside the directory that the user named.
    std::string shown(const std::filesystem::path& relative) const;
    // Reads and parses a YAML file; problems are reported. Nothing where it cannot be used.
    std::optional<YamlNode> read_yaml(const std::filesystem::path& relative);
    std::optional<std::string> read_text(const std::filesystem::path& relative);
    // The files in a directory whose names end so, sorted; an absent directory is empty. Files with other endings are
    // warned of, as `hint` says.
    std::vector<std::filesystem::path> list(const std::string& directory, const std::string& ending,
                                            const std::string& hint);
    OptionReader::Fill fill();
};

// weir.yaml: everything but the parameters' use. Reports all problems; the project is usable as far as it goes.
void read_project_file(Context& context);
// sources/*.yaml, contracts/*.odcs.yaml, serve.yaml, alerts.yaml
void read_sources(Context& context);
void read_contracts(Context& context);
void read_serve_file(Context& context);
void read_alerts_file(Context& context);
// A map `kafka` of this file; its keys are those of the sections `kafka`, `kafka.tls` and `kafka.sasl`.
void read_kafka_cluster(Context& context, OptionReader& reader, std::string_view key_file, KafkaCluster& cluster);
// Once the views are known.
void check_serve(Context& context);

// One contract document; public for tests and fuzzing.
Contract read_contract(const YamlNode& root, const std::string& file, const std::string& name, Problems& problems,
                       std::vector<SqlSnippet>& snippets);

}  // namespace weir::declare
