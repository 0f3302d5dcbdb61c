#include "serve/auth/key_ring.h"

#include <fmt/format.h>

#include <algorithm>

#include "declare/load_access.h"
#include "declare/secret.h"

namespace weir::serve {
namespace {

bool same_rules(const declare::ServeAccess& a, const declare::ServeAccess& b) {
    return std::equal(a.rows.begin(), a.rows.end(), b.rows.begin(), b.rows.end(),
                      [](const declare::RowLimit& one, const declare::RowLimit& other) {
                          return one.views == other.views && one.claim == other.claim && one.column == other.column;
                      });
}

}  // namespace

Result<std::unique_ptr<KeyRing>> KeyRing::make(const declare::Project* project,
                                               std::function<void(const std::string&)> note) {
    std::unique_ptr<KeyRing> ring(new KeyRing());
    ring->project_ = project;
    ring->note_ = std::move(note);
    if (project != nullptr) ring->access_ = project->serve.access;
    ring->open_ = !ring->access_.any();
    if (!ring->open_) ring->files_ = SettledFiles(ring->files(ring->access_));
    WEIR_ASSIGN(auto made, Authenticator::make(ring->access_, project != nullptr ? project->root : ""));
    ring->current_ = std::move(made);
    ring->number_ = ring->current_->number();
    return ring;
}

const Authenticator& KeyRing::current() const {
    // Of one thread: nothing is locked while nothing changes.
    thread_local std::shared_ptr<const Authenticator> mine;
    if (!mine || mine->number() != number()) {
        const std::lock_guard lock(mutex_);
        mine = current_;
    }
    return *mine;
}

std::vector<std::filesystem::path> KeyRing::files(const declare::ServeAccess& access) const {
    std::vector<std::filesystem::path> all{project_->root / "serve.yaml"};
    for (const auto& key : access.tokens) {
        if (!key.public_key.empty()) all.emplace_back(key.public_key);
        if (auto file = declare::secret_file(key.secret, project_->root)) all.push_back(std::move(*file));
    }
    if (!access.jwks.empty()) all.emplace_back(access.jwks);
    return all;
}

void KeyRing::look() {
    if (open_ || !files_.changed(files(access_))) return;
    const auto read = read_again();
    whole_ = static_cast<bool>(read);
    if (!read) note_("the keys that are in force stay, since the new ones cannot be used: " + to_string(read.error()));
}

Status KeyRing::read_again() {
    files_.take(files(access_));
    WEIR_ASSIGN(auto access, declare::load_access(*project_));
    if (!access.any())
        return Error{.code = ErrorCode::refused,
                     .message = "serve.yaml declares no key any more, and everybody could read everything",
                     .hint = "to serve without keys, start weir anew"};
    if (!same_rules(access, project_->serve.access))
        return Error{.code = ErrorCode::refused,
                     .message = "serve.yaml has other rules for rows than those that are in force",
                     .hint = "rules for rows change when weir is started anew"};
    // It may name other files.
    access_ = std::move(access);
    files_.take(files(access_));
    WEIR_ASSIGN(auto made, Authenticator::make(access_, project_->root));
    {
        const std::lock_guard lock(mutex_);
        current_ = std::move(made);
        number_.store(current_->number(), std::memory_order_release);
    }
    note_(fmt::format("keys were read again: {} of tokens, {} API key{} in force", current_->token_keys(),
                      access_.keys.size(), access_.keys.size() == 1 ? "" : "s"));
    return ok();
}

}  // namespace weir::serve
