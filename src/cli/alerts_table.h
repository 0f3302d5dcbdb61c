// weir.alerts and weir.alert_history, from what `weir up` keeps of them.
#pragma once

#include "cli/project.h"

namespace weir::cli {

void provide_alerts(view::Session& session, const std::filesystem::path& lake);

}  // namespace weir::cli
