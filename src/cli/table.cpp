#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "observe/width.h"

namespace weir::cli {
namespace {

constexpr std::size_t rows_measured = 1000;
constexpr std::string_view gap = "  ";
constexpr std::string_view null_text = "NULL";
// Narrower than this, a cell says nothing.
constexpr std::size_t width_min = 6;

}  // namespace

Table::Table(Terminal& terminal, std::vector<TableColumn> columns)
    : terminal_(terminal), columns_(std::move(columns)) {}

Status Table::add(std::vector<TableCell> row) {
    ++rows_;
    for (auto& cell : row)
        if (cell) cell = observe::printable(*cell);
    if (started_) return terminal_.write(line(row));
    waiting_.push_back(std::move(row));
    return waiting_.size() >= rows_measured ? start() : ok();
}

Status Table::start() {
    started_ = true;
    for (const auto& column : columns_) widths_.push_back(observe::display_width(observe::printable(column.name)));
    for (const auto& row : waiting_)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths_[i] = std::max(widths_[i], observe::display_width(row[i] ? std::string_view(*row[i]) : null_text));
    shown_ = columns_.size();
    if (terminal_.width() != 0) fit_to_terminal();

    std::string text;
    std::string rule;
    for (std::size_t i = 0; i < shown_; ++i) {
        const auto name = observe::cut_to_width(observe::printable(columns_[i].name), widths_[i]);
        const std::string padding(widths_[i] - observe::display_width(name), ' ');
        const auto title = terminal_.styled(Style::bold, name);
        const bool last = i + 1 == shown_;
        text += columns_[i].right ? padding + title : title + (last ? "" : padding);
        for (std::size_t k = 0; k < widths_[i]; ++k) rule += "─";
        if (!last) {
            text += gap;
            rule += gap;
        }
    }
    text += "\n" + terminal_.styled(Style::dim, rule) + "\n";
    for (const auto& row : waiting_) text += line(row);
    waiting_.clear();
    return terminal_.write(text);
}

// First the widest columns are narrowed, then columns on the right are left out.
void Table::fit_to_terminal() {
    const auto total = [&] {
        std::size_t sum = shown_ == 0 ? 0 : (shown_ - 1) * gap.size();
        for (std::size_t i = 0; i < shown_; ++i) sum += widths_[i];
        return sum;
    };
    while (total() > terminal_.width()) {
        cut_ = true;
        const auto widest = std::max_element(widths_.begin(), widths_.begin() + static_cast<std::ptrdiff_t>(shown_));
        if (*widest > width_min) {
            --*widest;
        } else if (shown_ > 1) {
            --shown_;
        } else {
            return;
        }
    }
}

std::string Table::line(const std::vector<TableCell>& row) {
    std::string text;
    for (std::size_t i = 0; i < shown_; ++i) {
        const std::string full = row[i] ? *row[i] : std::string(null_text);
        const auto cell = terminal_.width() != 0 ? observe::cut_to_width(full, widths_[i]) : full;
        cut_ = cut_ || cell.size() != full.size();
        const auto width = observe::display_width(cell);
        const std::string padding(widths_[i] > width ? widths_[i] - width : 0, ' ');
        const auto shown = row[i] ? cell : terminal_.styled(Style::dim, cell);
        const bool last = i + 1 == shown_;
        text += columns_[i].right ? padding + shown : shown + (last ? "" : padding);
        if (!last) text += gap;
    }
    return text + "\n";
}

Status Table::end() {
    if (!started_) WEIR_TRY(start());
    if (!cut_ || terminal_.quiet()) return ok();
    const auto hidden = columns_.size() - shown_;
    return terminal_.write(terminal_.styled(
        Style::dim,
        fmt::format("(cut to the terminal's {} columns{}; --json shows everything)\n", terminal_.width(),
                    hidden == 0 ? "" : fmt::format(", {} table column{} left out", hidden, hidden == 1 ? "" : "s"))));
}

}  // namespace weir::cli
