#include "declare/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_set>

#include "base/limits.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

// Leaves the parser when the rest of the file would only repeat the problem.
struct Stop {};

// Byte offset → line and column, with one pass over the text for all nodes.
class Lines {
public:
    explicit Lines(std::string_view text) : text_(text) {
        starts_.push_back(0);
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\n') starts_.push_back(i + 1);
        }
    }
    TextPlace at(std::size_t offset) const {
        offset = std::min(offset, text_.size());
        const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
        const auto line = static_cast<std::size_t>(after - starts_.begin()) - 1;
        // Offsets mostly ascend: counting goes on from the last answer, or a file of one long line would be quadratic.
        if (last_line_ != line || offset < last_offset_) {
            last_line_ = line;
            last_offset_ = starts_[line];
            last_column_ = 1;
        }
        last_column_ += place_of(text_.substr(last_offset_), offset - last_offset_).column - 1;
        last_offset_ = offset;
        return {static_cast<int>(line) + 1, last_column_};
    }
    std::size_t line_count() const { return starts_.size(); }
    // Without its line end.
    std::string_view line(std::size_t number) const {
        const auto begin = starts_[number - 1];
        const auto end = number < starts_.size() ? starts_[number] - 1 : text_.size();
        return text_.substr(begin, end - begin);
    }

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
    mutable std::size_t last_line_ = static_cast<std::size_t>(-1);
    mutable std::size_t last_offset_ = 0;
    mutable int last_column_ = 1;
};

class Builder final : public YAML::EventHandler {
public:
    Builder(std::string_view text, const Lines& lines, const YamlText& origin, Problems& problems)
        : text_(text), lines_(lines), origin_(origin), problems_(problems) {}

    Where where(const YAML::Mark& mark) const { return where_at(offset_of(mark)); }
    Where where_at(std::size_t offset) const { return to_file(lines_.at(offset)); }
    Where to_file(TextPlace place) const {
        return {origin_.file, origin_.first_line + place.line - 1,
                place.line == 1 ? origin_.first_column + place.column - 1 : place.column};
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ < 2) return;
        problems_.error(where(mark), "the file holds several YAML documents",
                        "keep one document; remove the '---' line");
        throw Stop{};
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(place(mark, YamlNode::Kind::null)); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        problems_.error(where(mark), "aliases (*name) are not supported", "write the value out where it is needed");
        add(place(mark, YamlNode::Kind::null));
    }
    void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
        problems_.error(where(mark), fmt::format("anchors (&{}) are not supported", name),
                        "write the value out where it is needed");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
        refuse_tag(mark, tag);
        auto node = place(mark, YamlNode::Kind::scalar);
        node.text = value;
        find_text(offset_of(mark), node);
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        refuse_tag(mark, tag);
        open(mark, YamlNode::Kind::sequence);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        refuse_tag(mark, tag);
        open(mark, YamlNode::Kind::map);
    }
    void OnMapEnd() override { close(); }

    YamlNode take_root() { return std::move(root_); }
    // Literal and folded blocks, as [first, last] lines of the text: a tab may stand inside them.
    bool in_block(int line) const {
        return std::any_of(blocks_.begin(), blocks_.end(),
                           [&](const auto& b) { return b.first <= line && line <= b.second; });
    }

private:
    struct Open {
        YamlNode node;
        bool has_key = false;
        YamlEntry entry;
        std::unordered_set<std::string> keys;
    };

    static std::size_t offset_of(const YAML::Mark& mark) {
        return mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
    }

    YamlNode place(const YAML::Mark& mark, YamlNode::Kind kind) const {
        const auto spot = where(mark);
        YamlNode node;
        node.kind = kind;
        node.line = node.text_line = spot.line;
        node.column = node.text_column = spot.column;
        return node;
    }

    void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.empty() || tag == "?" || tag == "!") return;
        problems_.error(where(mark), "YAML tags (!name) are not supported",
                        "remove the tag; quote the value if it is meant as text");
    }

    // Where the scalar's characters stand, and whether a quote is closed (yaml-cpp accepts one that is not).
    void find_text(std::size_t at, YamlNode& node) {
        if (at >= text_.size()) return;
        const char first = text_[at];
        if (first == '|' || first == '>') {
            node.style = first == '|' ? YamlNode::Style::literal : YamlNode::Style::folded;
            node.one_line = false;
            find_block(at, node);
            return;
        }
        if (first == '"' || first == '\'') {
            node.style = YamlNode::Style::quoted;
            const auto end = closing_quote(at);
            if (end == std::string_view::npos) {
                problems_.error(where_at(at), "the quote that starts here is never closed",
                                fmt::format("add the closing {}", first));
                throw Stop{};
            }
            ++node.text_column;
            node.one_line = text_.substr(at + 1, end - at - 1) == node.text;
            return;
        }
        node.one_line = text_.substr(at, node.text.size()) == node.text;
    }

    std::size_t closing_quote(std::size_t at) const {
        const char quote = text_[at];
        for (std::size_t i = at + 1; i < text_.size(); ++i) {
            if (quote == '"' && text_[i] == '\\') {
                ++i;
            } else if (text_[i] == quote) {
                if (quote == '\'' && i + 1 < text_.size() && text_[i + 1] == '\'') {
                    ++i;
                } else {
                    return i;
                }
            }
        }
        return std::string_view::npos;
    }

    void find_block(std::size_t at, YamlNode& node) {
        const auto header = static_cast<std::size_t>(lines_.at(at).line);
        const auto header_text = lines_.line(header);
        const auto parent_indent =
            static_cast<std::size_t>(std::min(header_text.find_first_not_of(' '), header_text.size()));
        node.text_line = origin_.first_line + static_cast<int>(header);
        std::size_t indent = 0, last = header;
        for (std::size_t number = header + 1; number <= lines_.line_count(); ++number) {
            const auto line = lines_.line(number);
            const auto blanks = line.find_first_not_of(' ');
            if (blanks == std::string_view::npos || line == "\r") continue;
            if (indent == 0) {
                // Nothing indented: an empty block, unless the whole document is one.
                if (blanks <= parent_indent && !(parent_indent == 0 && stack_.empty())) break;
                indent = blanks;
            }
            if (blanks < indent) break;
            last = number;
        }
        // "|2": the text keeps the blanks beyond the named indentation.
        const auto blanks_kept = node.text.find_first_not_of("\n ");
        if (blanks_kept != std::string::npos) {
            const auto line_start = node.text.rfind('\n', blanks_kept);
            const auto kept = blanks_kept - (line_start == std::string::npos ? 0 : line_start + 1);
            indent -= std::min(indent, kept);
        }
        node.text_column = static_cast<int>(indent) + 1;
        blocks_.emplace_back(static_cast<int>(header) + 1, static_cast<int>(last));
    }

    void open(const YAML::Mark& mark, YamlNode::Kind kind) {
        if (stack_.size() >= static_cast<std::size_t>(limits::yaml_depth_max)) {
            problems_.error(where(mark), fmt::format("nested deeper than {} levels", limits::yaml_depth_max));
            throw Stop{};
        }
        if (!stack_.empty() && stack_.back().node.is_map() && !stack_.back().has_key) {
            problems_.error(where(mark), "a key must be a plain text, not a list or a map");
            throw Stop{};
        }
        stack_.push_back({.node = place(mark, kind)});
    }

    void close() {
        auto node = std::move(stack_.back().node);
        stack_.pop_back();
        add(std::move(node));
    }

    void add(YamlNode node) {
        if (++nodes_ > limits::yaml_nodes_max) {
            problems_.error({origin_.file, node.line, node.column},
                            fmt::format("more than {} values in one file", limits::yaml_nodes_max));
            throw Stop{};
        }
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& top = stack_.back();
        if (top.node.is_sequence()) {
            top.node.items.push_back(std::move(node));
            return;
        }
        if (top.has_key) {
            top.entry.value = std::move(node);
            top.node.entries.push_back(std::move(top.entry));
            top.has_key = false;
            return;
        }
        const Where at{origin_.file, node.line, node.column};
        if (node.is_scalar() && node.style == YamlNode::Style::plain && node.text == "<<") {
            problems_.error(at, "merge keys (<<) are not supported", "write the keys out");
        } else if (node.is_null()) {
            problems_.error(at, "a key is missing or null",
                            "a key must be a text; quote it if it is meant to be 'null'");
        } else if (!top.keys.insert(node.text).second) {
            const auto first = std::find_if(top.node.entries.begin(), top.node.entries.end(),
                                            [&](const YamlEntry& e) { return e.key == node.text; });
            problems_.error(at, fmt::format("the key '{}' stands here twice", node.text),
                            fmt::format("the first one is on line {}; remove one of them", first->line));
        }
        top.entry = {.key = std::move(node.text), .line = node.line, .column = node.column, .value = {}};
        top.has_key = true;
    }

    std::string_view text_;
    const Lines& lines_;
    const YamlText& origin_;
    Problems& problems_;
    YamlNode root_;
    std::vector<Open> stack_;
    std::vector<std::pair<int, int>> blocks_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
};

// Lines whose indentation holds a tab (blank lines do not count).
std::vector<int> lines_with_tabs(const Lines& lines) {
    std::vector<int> found;
    for (std::size_t number = 1; number <= lines.line_count(); ++number) {
        const auto line = lines.line(number);
        const auto text = line.find_first_not_of(" \t\r");
        if (text == std::string_view::npos) continue;
        if (line.substr(0, text).find('\t') != std::string_view::npos) found.push_back(static_cast<int>(number));
    }
    return found;
}

void report_tab(const Builder& builder, const Lines& lines, int line, Problems& problems) {
    const auto column = lines.line(static_cast<std::size_t>(line)).find('\t') + 1;
    problems.error(builder.to_file({line, static_cast<int>(column)}), "a tab stands in the indentation",
                   "YAML is indented with blanks; replace the tab");
}

// yaml-cpp's words, made plain where they are not.
std::pair<std::string, std::string> plain_words(const std::string& message) {
    if (message == "illegal map value")
        return {"this ':' does not fit here", "check the indentation, and quote a text that holds ': '"};
    if (message == "unknown token") return {"this character cannot start a value", "quote the text"};
    if (message == "end of map not found" || message == "illegal block entry")
        return {"the indentation does not fit the lines above", "align the keys of one map in one column"};
    if (message == "end of sequence not found")
        return {"the indentation does not fit the list above", "align the '-' of one list in one column"};
    if (message == "end of map flow not found") return {"a '{' is never closed", "add the closing '}'"};
    if (message == "end of sequence flow not found") return {"a '[' is never closed", "add the closing ']'"};
    if (message == "bad file") return {"the file is nested too deeply or cannot be read", ""};
    return {fmt::format("not valid YAML: {}", message), ""};
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
    const auto* found = entry(key);
    return found == nullptr ? nullptr : &found->value;
}

const YamlEntry* YamlNode::entry(std::string_view key) const {
    for (const auto& candidate : entries) {
        if (candidate.key == key) return &candidate;
    }
    return nullptr;
}

bool parse_yaml(std::string_view text, const YamlText& origin, YamlNode& root, Problems& problems) {
    root = {};
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const Lines lines(text);
    Builder builder(text, lines, origin, problems);
    const auto before = problems.count();
    if (text.size() > limits::declaration_bytes_max) {
        problems.error({origin.file}, fmt::format("the file has {} bytes; a declaration has at most {}", text.size(),
                                                  limits::declaration_bytes_max));
        return false;
    }
    if (!check_text(
            text, [&](std::size_t offset) { return builder.where_at(offset); }, problems))
        return false;
    const auto tabs = lines_with_tabs(lines);
    std::istringstream stream{std::string(text)};
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Stop&) {
        return false;
    } catch (const YAML::Exception& failure) {
        const auto line = failure.mark.line + 1;
        const auto tab =
            std::find_if(tabs.begin(), tabs.end(), [&](int t) { return t <= line && !builder.in_block(t); });
        if (tab != tabs.end()) {
            report_tab(builder, lines, *tab, problems);
        } else {
            auto [message, hint] = plain_words(failure.msg);
            problems.error(builder.where(failure.mark), std::move(message), std::move(hint));
        }
        return false;
    }
    for (const int tab : tabs) {
        if (!builder.in_block(tab)) report_tab(builder, lines, tab, problems);
    }
    root = builder.take_root();
    return problems.count() == before;
}

Where place_inside(const YamlNode& scalar, const std::string& file, int line, int column) {
    if (line < 1 || column < 1) return {file, scalar.line, scalar.column};
    if (scalar.style == YamlNode::Style::literal)
        return {file, scalar.text_line + line - 1, scalar.text_column + column - 1};
    if (scalar.one_line && line == 1) return {file, scalar.text_line, scalar.text_column + column - 1};
    return {file, scalar.line, scalar.column};
}

std::string describe(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::null: return "nothing";
        case YamlNode::Kind::sequence: return "a list";
        case YamlNode::Kind::map: return "a map";
        case YamlNode::Kind::scalar: {
            constexpr std::size_t shown = 60;
            if (node.text.size() <= shown) return fmt::format("'{}'", node.text);
            auto cut = shown;
            while (cut > 0 && (static_cast<unsigned char>(node.text[cut]) & 0xC0) == 0x80) --cut;
            return fmt::format("'{}…'", node.text.substr(0, cut));
        }
    }
    return "nothing";
}

}  // namespace weir::declare
