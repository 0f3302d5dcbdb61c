// What is told of an alert: a message for programs, and a sentence for people.
#pragma once

#include <string>
#include <string_view>

#include "observe/alerts/alert_state.h"

namespace weir::serve {

// "[critical] firing: batch_overdue: no run for 30 hours", "… still firing …", "… resolved …"
std::string alert_sentence(std::string_view alert, std::string_view severity, const observe::AlertNotice& notice);

// A JSON object, as docs/guide/alerts.md describes it. The same notice at the same moment has the same id.
std::string alert_message(std::string_view project, std::string_view alert, std::string_view severity,
                          const observe::AlertNotice& notice, Time now);

}  // namespace weir::serve
