#include "cli/commands/status_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/stop.h"
#include "cli/table.h"
#include "observe/progress.h"
#include "observe/system_facts.h"
#include "observe/watermarks.h"
#include "orchestrate/intake/topic_intake.h"
#include "view/batch/state_store.h"
#include "view/publication.h"

namespace weir::cli {
namespace {

using json = nlohmann::ordered_json;
using std::chrono::steady_clock;

constexpr auto look_every = std::chrono::seconds(1);

struct SourceLook {
    std::string source;
    std::optional<std::int64_t> lag;  // messages of its topic that did not come in yet; nothing: of files, or not known
    observe::SourceRows rows;
    std::optional<std::int64_t> rate;  // records read in a second, since the last look
    std::optional<Time> watermark;
    std::string problem;  // why the lag is not known
};

struct Look {
    Time at;
    std::vector<SourceLook> sources;
    std::int64_t publication = 0;
    std::int64_t states = 0, state_rows = 0, state_bytes = 0;
    std::int64_t equal = 0;
    std::vector<std::string> differ;  // views whose last verdict was not equal
    std::optional<Time> verified_at;
};

class Watch {
public:
    explicit Watch(RunPlace& place) : at_(place.workplace(nobody_)) {}

    Result<Look> look() {
        Look look{.at = at_.clock.now()};
        WEIR_ASSIGN(auto connection, at_.database.connect());
        WEIR_ASSIGN(const auto totals, observe::accounting_totals(at_.lake, connection));
        WEIR_ASSIGN(const auto marks, observe::watermarks(at_.lake, connection, at_.project, look.at));
        const auto now = steady_clock::now();
        const auto seconds = std::chrono::duration<double>(now - looked_).count();
        for (const auto& source : at_.project.sources) {
            SourceLook one{.source = source.name};
            for (const auto& rows : totals)
                if (rows.source == source.name) one.rows = rows;
            for (const auto& mark : marks)
                if (mark.source == source.name) one.watermark = mark.watermark;
            if (!source.topic.empty()) {
                if (auto backlog = orchestrate::topic_backlog(at_, source))
                    one.lag = backlog->messages;
                else
                    one.problem = backlog.error().message;
            }
            const auto before = read_before_.find(source.name);
            if (before != read_before_.end() && seconds > 0)
                one.rate = static_cast<std::int64_t>(static_cast<double>(one.rows.read - before->second) / seconds);
            read_before_[source.name] = one.rows.read;
            look.sources.push_back(std::move(one));
        }
        looked_ = now;
        WEIR_ASSIGN(const auto publication, view::newest_publication(at_.lake, at_.database));
        look.publication = publication.number;
        WEIR_TRY(look_at_states(look));
        WEIR_ASSIGN(const auto verdicts, observe::last_verdicts(at_.lake, connection));
        for (const auto& verdict : verdicts) {
            if (verdict.equal)
                ++look.equal;
            else
                look.differ.push_back(verdict.view);
            look.verified_at =
                std::max(look.verified_at, std::optional(Time(std::chrono::microseconds(verdict.verified_us))));
        }
        return look;
    }

private:
    Status look_at_states(Look& look) {
        WEIR_ASSIGN(auto* catalog, at_.catalogs.current(at_.lake, at_.project));
        std::set<std::string> seen;
        for (const auto& view : at_.project.views) {
            const auto split = catalog->split(view);
            if (!split) continue;  // `weir check` says why
            for (const auto& state : (*split)->states) {
                if (!seen.insert(state.name).second) continue;
                const auto size = view::state_size(at_.lake, state);
                if (!size || !*size) continue;
                ++look.states;
                look.state_rows += (*size)->rows;
                look.state_bytes += (*size)->bytes;
            }
        }
        return ok();
    }

    observe::NoObserver nobody_;
    orchestrate::Workplace at_;
    steady_clock::time_point looked_ = steady_clock::now();
    std::map<std::string, std::int64_t> read_before_;
};

json time_or_null(const std::optional<Time>& time) { return time ? json(to_iso(*time)) : json(); }

std::string to_line(const Look& look) {
    auto sources = json::array();
    for (const auto& one : look.sources) {
        json source{{"source", one.source},
                    {"lag", one.lag ? json(*one.lag) : json()},
                    {"rows_per_second", one.rate ? json(*one.rate) : json()},
                    {"read", one.rows.read},
                    {"accepted", one.rows.accepted},
                    {"duplicate", one.rows.duplicate},
                    {"quarantined", one.rows.quarantined},
                    {"filtered", one.rows.filtered},
                    {"late", one.rows.late},
                    {"epoch", one.rows.epoch},
                    {"watermark", time_or_null(one.watermark)}};
        if (!one.problem.empty()) source["problem"] = one.problem;
        sources.push_back(std::move(source));
    }
    return json{{"at", to_iso(look.at)},
                {"sources", std::move(sources)},
                {"publication", look.publication},
                {"states", {{"count", look.states}, {"rows", look.state_rows}, {"bytes", look.state_bytes}}},
                {"verified", {{"at", time_or_null(look.verified_at)}, {"equal", look.equal}, {"differ", look.differ}}}}
               .dump(-1, ' ', false, json::error_handler_t::replace) +
           "\n";
}

std::string ago(Time now, const std::optional<Time>& then) {
    if (!then) return "";
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *then).count();
    return seconds < 0 ? "ahead" : observe::seconds_text(static_cast<double>(seconds));
}

Status print(const Look& look, Terminal& terminal) {
    if (terminal.out_is_terminal()) WEIR_TRY(terminal.write("\x1b[H\x1b[2J"));
    Table table(terminal, {{"source"},
                           {"lag", true},
                           {"rows/s", true},
                           {"accepted", true},
                           {"duplicate", true},
                           {"quarantined", true},
                           {"late", true},
                           {"epoch", true},
                           {"watermark", true}});
    for (const auto& one : look.sources)
        WEIR_TRY(table.add({one.source, one.lag ? TableCell(observe::count_text(*one.lag)) : TableCell(one.problem),
                            one.rate ? TableCell(observe::count_text(*one.rate)) : TableCell(""),
                            observe::count_text(one.rows.accepted), observe::count_text(one.rows.duplicate),
                            observe::count_text(one.rows.quarantined), observe::count_text(one.rows.late),
                            std::to_string(one.rows.epoch),
                            one.watermark ? TableCell(ago(look.at, one.watermark) + " ago") : TableCell("")}));
    WEIR_TRY(table.end());
    auto text = fmt::format("\n{}  publication {}, {} states of {}", to_iso(look.at), look.publication, look.states,
                            observe::bytes_text(static_cast<std::uint64_t>(look.state_bytes)));
    if (!look.verified_at) {
        text += ", never verified";
    } else {
        text += fmt::format(", verified {} ago: {} equal", ago(look.at, look.verified_at), look.equal);
        for (const auto& view : look.differ) text += terminal.styled(Style::red, fmt::format(", {} DIFFERS", view));
    }
    return terminal.write(text + "\n");
}

}  // namespace

Result<int> watch_status(RunPlace& place, Terminal& terminal) {
    Watch watch(place);
    while (!stop_requested()) {
        const auto next = steady_clock::now() + look_every;
        WEIR_ASSIGN(const auto look, watch.look());
        WEIR_TRY(terminal.json() ? terminal.write(to_line(look)) : print(look, terminal));
        while (!stop_requested() && steady_clock::now() < next)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return 0;
}

}  // namespace weir::cli
