#include "cli/log_output.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "source/columns/cast.h"

namespace weir::cli {
namespace {

using source::Kind;

enum Part { topic, key, value, time };

std::vector<std::string> names_of(const LogOutputOptions& options) {
    if (!options.topic.empty()) return {options.key.empty() ? std::string("\xFF") : options.key};
    return {"topic", "key", "value", "broker_ts"};
}

Error bad_row(std::string_view line, std::string why, std::string hint) {
    constexpr std::size_t shown = 80;
    return {.code = ErrorCode::input_malformed,
            .message = fmt::format("a row {}: {}", why, line.substr(0, shown)),
            .hint = std::move(hint)};
}

}  // namespace

LogOutput::LogOutput(TopicWriter& writer, LogOutputOptions options)
    : writer_(writer), options_(std::move(options)), keys_(names_of(options_)), parser_(keys_) {}

Status LogOutput::write(std::string_view lines) {
    while (!lines.empty()) {
        const auto end = std::min(lines.find('\n'), lines.size());
        if (end > 0) WEIR_TRY(add(lines.substr(0, end)));
        lines.remove_prefix(std::min(end + 1, lines.size()));
    }
    return ok();
}

Status LogOutput::add(std::string_view line) {
    const bool records = options_.topic.empty();
    seen_.fill(false);
    there_.fill(false);
    if (records || !options_.key.empty()) {
        constexpr std::size_t padding = 64;
        line_.resize(line.size() + padding);
        std::copy(line.begin(), line.end(), line_.begin());
        if (parser_.parse(line_.data(), 0, line.size(), members_) != source::JsonRecordParser::Outcome::parsed)
            return bad_row(line, "is not a JSON object", parser_.problem());
    } else {
        members_.clear();
    }
    for (const auto& member : members_) {
        if (member.column == source::JsonKeys::unknown) continue;
        const auto part = static_cast<std::size_t>(records ? member.column : Part::key);
        seen_[part] = true;
        there_[part] = member.value.kind() != Kind::null;
        const std::string_view written(line_.data() + member.value.begin, member.value.length());
        texts_[part].clear();
        if (member.value.kind() != Kind::json_escaped)
            texts_[part] = written;
        else if (!source::json_unescape(written, texts_[part]))
            return bad_row(line, "holds half a pair of UTF-16", "");
    }
    auto now = to_unix_millis(SystemClock().now());
    if (records) {
        if (!there_[topic] || !seen_[value])
            return bad_row(line, "has no topic or no value",
                           "--topic NAME puts rows that are messages themselves into one topic");
        if (std::int64_t micros = 0;
            there_[time] && source::cast_timestamp(texts_[time], source::Zone::allowed, micros))
            now = micros / 1000;
    }
    const auto& into = records ? texts_[topic] : options_.topic;
    if (!known_topics_.contains(into)) {
        WEIR_ASSIGN(const auto partitions, writer_.find_or_make(into));
        static_cast<void>(partitions);
        known_topics_.insert(into);
    }
    const auto text = [&](Part part) {
        return there_[part] ? std::optional<std::string_view>(texts_[part]) : std::nullopt;
    };
    return writer_.add(into, now, text(key), records ? text(value) : std::optional(line));
}

}  // namespace weir::cli
