#include "orchestrate/intake/intake.h"

#include <fmt/format.h>

#include "contract/reject_table.h"

namespace weir::orchestrate {

using sql::quote_text;

Result<Taken> take_in(const Workplace& at, const SourcePlan& plan, const std::string& run_id) {
    const auto& source = *plan.source;
    if (plan.take.empty()) {
        WEIR_ASSIGN(const auto table, landing_table(at, source, *plan.contract));
        static_cast<void>(table);
        return Taken{};
    }
    LandingJob job{.source = source,
                   .contract = *plan.contract,
                   .app = intake_app(source.name),
                   .kind = "intake",
                   .files = {},
                   .read = {},
                   .follow = {}};
    for (const auto& file : plan.take) job.files.push_back({file.file.path, file.arrival});
    job.replaces = plan.changed;
    job.read = [&](sql::Connection& connection, const WriteAccepted& write_accepted) {
        return read_files(at, connection, plan, rejects_table, write_accepted);
    };
    job.follow = [&](sql::Connection& connection, const LandingJob::Reports& reports, FollowUps& follow_ups) -> Status {
        const auto epoch = follow_ups.epoch();
        const auto now = to_iso(at.clock.now());
        const auto rejects = quarantined(reports);
        WEIR_TRY(list_reports(connection, reports));
        // More than that are sorted in pieces already, and to sort them all would need them all in memory.
        const bool sorted = rejects <= contract::RejectTable::piece_rows;
        if (rejects > 0)
            WEIR_TRY(follow_ups.stage(
                "quarantine",
                fmt::format(
                    "SELECT left(md5(concat_ws('|', {0}, t.path, r.line, r.byte_offset, {1})), 16) AS id, 'pending' AS "
                    "state, "
                    "{0} AS source, t.arrival AS arrival_date, t.path AS file, r.line, r.byte_offset, r.\"column\", "
                    "r.rule, "
                    "r.reason, r.raw, r.cut, p.header, {2} AS run_id, {1}::BIGINT AS epoch, TIMESTAMPTZ '{3}' AS "
                    "changed_at, "
                    "CAST(NULL AS VARCHAR) AS note FROM {4} r JOIN {5} t USING (file_no) JOIN {6} p USING (file_no){7}",
                    quote_text(source.name), epoch, quote_text(run_id), now, rejects_table, taken_table, reports_table,
                    sorted ? " ORDER BY file_no, line" : "")));
        std::string offsets;
        for (std::size_t i = 0; i < plan.take.size(); ++i) {
            if (plan.take[i].start_offset > 0) offsets += fmt::format("WHEN {} THEN {} ", i, plan.take[i].start_offset);
        }
        const auto start_offset =
            offsets.empty() ? std::string("0") : fmt::format("CASE p.file_no {}ELSE 0 END", offsets);
        return follow_ups.stage(
            "files", fmt::format("SELECT {} AS source, t.path, p.size, p.mtime_ns, p.sha256, t.arrival AS "
                                 "arrival_date, CAST({} AS BIGINT) AS "
                                 "start_offset, p.records, p.lines, p.quarantined, {}::BIGINT AS epoch, {} AS "
                                 "run_id, TIMESTAMPTZ '{}' AS "
                                 "taken_at FROM {} p JOIN {} t USING (file_no) ORDER BY t.path",
                                 quote_text(source.name), start_offset, epoch, quote_text(run_id), now, reports_table,
                                 taken_table));
    };
    return land_checked(at, job, run_id);
}

}  // namespace weir::orchestrate
