#include "observe/alerts/alert_state.h"

#include <algorithm>
#include <array>
#include <map>

namespace weir::observe {
namespace {

constexpr std::array<std::string_view, 4> names{"inactive", "pending", "firing", "resolved"};

void not_after(std::optional<Time>& moment, Time now) {
    if (moment) moment = std::min(*moment, now);
}

class Stepper {
public:
    Stepper(const AlertTerms& terms, bool silenced, Time now) : terms_(terms), silenced_(silenced), now_(now) {}

    void take(const AlertInstance* known, const AlertRow* row) {
        AlertInstance instance = known == nullptr ? AlertInstance{} : *known;
        instance.since = std::min(instance.since, now_);
        for (auto* moment : {&instance.fired_at, &instance.resolved_at, &instance.gone_at, &instance.told_at})
            not_after(*moment, now_);
        if (row != nullptr) {
            there(instance, *row);
        } else {
            gone(instance);
        }
        if (instance.state == AlertState::firing && !instance.gone_at) tell_firing(instance);
        if (known == nullptr || !same(*known, instance)) step_.moved = true;
        if (instance.state != AlertState::inactive) step_.instances.push_back(std::move(instance));
    }
    AlertStep end() && { return std::move(step_); }

private:
    void there(AlertInstance& instance, const AlertRow& row) {
        instance.row = row;
        instance.gone_at.reset();
        const bool begins = instance.state == AlertState::inactive || instance.state == AlertState::resolved;
        if (begins) {
            const auto before = instance.state;
            instance = {.row = row, .state = AlertState::pending, .since = now_};
            if (terms_.hold.count() > 0) return change(instance, before);
            return fire(instance, before);
        }
        if (instance.state == AlertState::pending && now_ - instance.since >= terms_.hold)
            fire(instance, AlertState::pending);
    }

    void fire(AlertInstance& instance, AlertState before) {
        instance.state = AlertState::firing;
        instance.fired_at = now_;
        change(instance, before);
    }

    void gone(AlertInstance& instance) {
        switch (instance.state) {
            case AlertState::pending:
                instance.state = AlertState::inactive;
                return change(instance, AlertState::pending);
            case AlertState::firing: {
                if (!instance.gone_at) instance.gone_at = now_;
                if (now_ - *instance.gone_at < terms_.resolve_after) return;
                instance.state = AlertState::resolved;
                instance.resolved_at = now_;
                instance.gone_at.reset();
                change(instance, AlertState::firing);
                if (instance.told_at) step_.notices.push_back({instance});
                return;
            }
            case AlertState::resolved:
                if (now_ - *instance.resolved_at >= resolved_shown) instance.state = AlertState::inactive;
                return;
            case AlertState::inactive: return;
        }
    }

    void tell_firing(AlertInstance& instance) {
        if (silenced_) return;
        const bool again = instance.told_at.has_value();
        if (again && (terms_.repeat.count() == 0 || now_ - *instance.told_at < terms_.repeat)) return;
        instance.told_at = now_;
        step_.notices.push_back({instance, again});
    }

    void change(const AlertInstance& instance, AlertState before) { step_.changes.push_back({instance, before}); }

    static bool same(const AlertInstance& a, const AlertInstance& b) {
        return a.state == b.state && a.row == b.row && a.since == b.since && a.fired_at == b.fired_at &&
               a.resolved_at == b.resolved_at && a.gone_at == b.gone_at && a.told_at == b.told_at;
    }

    const AlertTerms& terms_;
    const bool silenced_;
    const Time now_;
    AlertStep step_;
};

}  // namespace

std::string_view to_string(AlertState state) { return names.at(static_cast<std::size_t>(state)); }

std::optional<AlertState> parse_alert_state(std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<AlertState>(found - names.begin());
}

AlertStep step(const AlertTerms& terms, const std::vector<AlertInstance>& known, const std::vector<AlertRow>& rows,
               bool silenced, Time now) {
    struct Pair {
        const AlertInstance* known = nullptr;
        const AlertRow* row = nullptr;
    };
    std::map<std::string_view, Pair> pairs;
    for (const auto& instance : known) pairs[instance.row.key].known = &instance;
    for (const auto& row : rows) pairs[row.key].row = &row;
    Stepper stepper(terms, silenced, now);
    for (const auto& [key, pair] : pairs) stepper.take(pair.known, pair.row);
    return std::move(stepper).end();
}

}  // namespace weir::observe
