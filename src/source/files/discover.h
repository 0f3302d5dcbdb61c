// Which files a source has now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/interval.h"
#include "source/plan.h"

namespace weir::source {

struct InputFile {
    std::string path;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::vector<std::string> captures{};  // in the order of Discovery::captures
    std::optional<Day> arrival{};         // where the template has {year}, {month} and {day}
};

struct Discovery {
    std::vector<InputFile> files;  // by path, bytewise
    std::vector<CaptureColumn> captures;
};

// What becomes of a path that no file matches; `allow_pattern` still fails for a path that names one file or folder.
enum class WhenNone { fail, allow, allow_pattern };

// `path`: a file, a folder (all files below it), or a template (path_template.h); a file that exists under exactly that
// name is taken as it is, whatever signs its name has. Names that begin with '.' or '_' and names that end in .tmp or
// .crc are passed over, unless the path spells them out. Links are followed.
// Errors: not_found names what was looked for and the nearest folder that exists; input_unreadable; param_invalid for a
// mistake in a template; input_malformed names a path whose date does not exist.
Result<Discovery> discover(const std::string& path, const Where& where = {}, WhenNone when_none = WhenNone::fail);

}  // namespace weir::source
