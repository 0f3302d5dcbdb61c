// Whose turn it is to land into a table: an advisory lock that the kernel releases when its process ends.
//
// It spares work and keeps the index of keys to one writer; that each record lands once does not rest on it.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"

namespace weir::orchestrate {

class LandingTurn {
public:
    // Waits for its turn for some seconds. Where somebody else still has it then: fails with lake_locked and their
    // process id if the landing is `needed` alone, else goes on without.
    static Result<LandingTurn> take(const std::filesystem::path& lake, const std::string& table, bool needed);

private:
    explicit LandingTurn(FileHandle file) : file_(std::move(file)) {}
    FileHandle file_;
};

}  // namespace weir::orchestrate
