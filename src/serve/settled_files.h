// Whether files have changed, told once they have been the same for two looks: what is being written may look whole.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weir::serve {

class SettledFiles {
public:
    SettledFiles() = default;
    explicit SettledFiles(const std::vector<std::filesystem::path>& files);
    // They are others than those that were taken, and the same as at the look before.
    bool changed(const std::vector<std::filesystem::path>& files);
    // They are about to be read: as they were at the last look, and as they are now where they were not looked at then.
    // What changes while they are read is a change.
    void take(const std::vector<std::filesystem::path>& files);

private:
    using Marks = std::map<std::filesystem::path, std::string>;
    Marks seen_, taken_;
};

}  // namespace weir::serve
