// What DuckDB's settings are while records are read and land. They are those of the whole database.
#pragma once

#include <optional>
#include <utility>

#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

class LandingSettings {
public:
    // Sets them for a database in which only landings are made: they stay.
    static Status keep(sql::Database& database);

    // Sets them until the end of this object, but where they stay anyway.
    static Result<LandingSettings> take(const Workplace& at);
    LandingSettings(LandingSettings&& other) noexcept : connection_(std::exchange(other.connection_, std::nullopt)) {}
    LandingSettings& operator=(LandingSettings&&) = delete;
    ~LandingSettings();

private:
    explicit LandingSettings(std::optional<sql::Connection> connection) : connection_(std::move(connection)) {}
    std::optional<sql::Connection> connection_;  // to set them back with
};

}  // namespace weir::orchestrate
