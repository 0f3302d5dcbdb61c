// The learning project once more, by other means: a replay file read with another JSON library, checked rule by rule,
// and the corrected definitions of the views as plain SQL over whole tables.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weir::test {

using Csv = std::vector<std::vector<std::string>>;  // with the header; NULL is an empty text

struct LearningAnswers {
    std::map<std::string, Csv> views;                // by name
    std::map<std::string, std::vector<bool>> reals;  // which columns of a view hold floating numbers
};

// Throws std::runtime_error where the file or DuckDB cannot be used.
LearningAnswers learning_answers(const std::filesystem::path& replay);

// What differs between a CSV file that weir wrote and the answer; empty: nothing. Floating numbers may differ by a
// millionth.
std::string difference(const Csv& wanted, const std::vector<bool>& reals, const std::filesystem::path& file);

}  // namespace weir::test
