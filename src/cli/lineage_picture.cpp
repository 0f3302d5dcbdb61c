#include "cli/lineage_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace weir::cli {
namespace {

std::string quoted(const std::string& name) {
    std::string text = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + "\"";
}

std::string escaped(const std::string& name) {
    std::string text;
    for (const char c : name) {
        switch (c) {
            case '<': text += "&lt;"; break;
            case '>': text += "&gt;"; break;
            case '&': text += "&amp;"; break;
            default: text += c;
        }
    }
    return text;
}

struct Box {
    int x, y;
};

constexpr int box_width = 210, box_height = 34, step_x = 290, step_y = 52, margin = 20;

}  // namespace

std::string to_dot(const Lineage& lineage) {
    std::string text = fmt::format("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(lineage.view));
    for (const auto& [name, kind] : lineage.parts)
        text += fmt::format("  {} [{}];\n", quoted(name),
                            kind == Lineage::Kind::state ? "style=rounded" : "style=filled, fillcolor=\"#eeeeee\"");
    text += fmt::format("  {} [penwidth=2];\n", quoted(lineage.view));
    for (const auto& [from, to] : lineage.edges) text += fmt::format("  {} -> {};\n", quoted(from), quoted(to));
    return text + "}\n";
}

std::string to_svg(const Lineage& lineage) {
    std::vector<std::string> tables, states;
    for (const auto& [name, kind] : lineage.parts) (kind == Lineage::Kind::table ? tables : states).push_back(name);
    const auto rows = static_cast<int>(std::max({tables.size(), states.size(), std::size_t{1}}));
    const int height = 2 * margin + rows * step_y;
    std::map<std::string, Box> boxes;
    const auto place = [&](const std::vector<std::string>& names, int column) {
        const int top = (height - static_cast<int>(names.size()) * step_y) / 2 + (step_y - box_height) / 2;
        for (std::size_t i = 0; i < names.size(); ++i)
            boxes[names[i]] = {margin + column * step_x, top + static_cast<int>(i) * step_y};
    };
    const int last = states.empty() ? 1 : 2;
    place(tables, 0);
    place(states, 1);
    place({lineage.view}, last);
    std::string text = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        2 * margin + last * step_x + box_width, height);
    for (const auto& [from, to] : lineage.edges) {
        const auto& a = boxes.at(from);
        const auto& b = boxes.at(to);
        const int x1 = a.x + box_width, y1 = a.y + box_height / 2, y2 = b.y + box_height / 2;
        text += fmt::format(
            "<path d=\"M{} {} C{} {} {} {} {} {}\" fill=\"none\" stroke=\"#8a94a6\" stroke-width=\"1.5\"/>\n", x1, y1,
            x1 + 40, y1, b.x - 40, y2, b.x, y2);
    }
    for (const auto& [name, box] : boxes) {
        const auto part = lineage.parts.find(name);
        const bool state = part != lineage.parts.end() && part->second == Lineage::Kind::state;
        const bool view = name == lineage.view;
        text += fmt::format(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\" stroke=\"#3b4455\" "
            "stroke-width=\"{}\"/>\n<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#1c2330\">{}</text>\n",
            box.x, box.y, box_width, box_height, state ? 12 : 3,
            view    ? "#dcebff"
            : state ? "#ffffff"
                    : "#eef1f5",
            view ? 2 : 1, box.x + box_width / 2, box.y + box_height / 2 + 5,
            escaped(name.size() > 28 ? name.substr(0, 27) + "…" : name));
    }
    return text + "</svg>\n";
}

}  // namespace weir::cli
