// A table for people: columns aligned by what they take on the screen, cut only on a terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace weir::cli {

struct TableColumn {
    std::string name;
    bool right = false;  // numbers
};

// A cell; nothing is NULL, shown dim.
using TableCell = std::optional<std::string>;

// Rows are written as they come. The widths are those of the first rows (limit below), so that memory stays bounded; a
// later cell that is wider pushes its line, and loses nothing.
class Table {
public:
    Table(Terminal& terminal, std::vector<TableColumn> columns);
    Status add(std::vector<TableCell> row);
    // What is left, and a note where columns or cells had to be cut.
    Status end();
    std::int64_t rows() const { return rows_; }

private:
    Terminal& terminal_;
    std::vector<TableColumn> columns_;
    std::vector<std::vector<TableCell>> waiting_;
    std::vector<std::size_t> widths_;
    std::size_t shown_ = 0;  // columns that fit
    bool started_ = false;
    bool cut_ = false;
    std::int64_t rows_ = 0;

    Status start();
    void fit_to_terminal();
    std::string line(const std::vector<TableCell>& row);
};

}  // namespace weir::cli
