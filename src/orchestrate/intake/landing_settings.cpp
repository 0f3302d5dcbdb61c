#include "orchestrate/intake/landing_settings.h"

namespace weir::orchestrate {
namespace {

// Rows may leave the reading statement in any order: each carries its position. DuckDB makes a join of a longer IN
// list, and a join holds rows back: a record could be rejected when its block is gone.
constexpr const char* landing_settings = "SET preserve_insertion_order = false; SET disabled_optimizers = 'in_clause'";
constexpr const char* usual_settings = "RESET preserve_insertion_order; RESET disabled_optimizers";

}  // namespace

Status LandingSettings::keep(sql::Database& database) {
    WEIR_ASSIGN(auto connection, database.connect());
    return connection.run(landing_settings);
}

Result<LandingSettings> LandingSettings::take(const Workplace& at) {
    if (at.only_lands) return LandingSettings(std::nullopt);
    WEIR_ASSIGN(auto connection, at.database.connect());
    WEIR_TRY(connection.run(landing_settings));
    return LandingSettings(std::move(connection));
}

LandingSettings::~LandingSettings() {
    if (connection_) static_cast<void>(connection_->run(usual_settings));
}

}  // namespace weir::orchestrate
