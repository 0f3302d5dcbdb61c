// GET /views/VIEW/KEY: one row from the serving store, no scan; from the embedded one on the loop itself, in
// microseconds. In another layer than the published one: from the view's rows there.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "declare/serve.h"
#include "serve/api/view_answer.h"
#include "serve/auth/principal.h"
#include "serve/http/exchange.h"
#include "serve/problem.h"
#include "serve/store/serving_store.h"

namespace weir::serve {

// How the rows of a view are looked up, and whose they are.
struct KeySpec {
    std::vector<Field> key;
    std::vector<Field> owners;  // a column for each of `limits`
    std::vector<declare::RowLimit> limits;
};

class KeyAnswers {
public:
    using Specs = std::map<std::string, KeySpec, std::less<>>;
    KeyAnswers(ServingStore& store, ViewAnswers& views, Specs specs, bool is_private);

    const Specs& specs() const { return specs_; }
    // `segments`: "views", the view, and the parts of the key.
    http::Response answer(const http::Head& head, const std::vector<std::string>& segments, const Principal& principal);
    // Whether the answer waits for a network or for a query: then answer() is not for an event loop.
    bool waits(const http::Head& head) const;
    // Moves this thread's reader to the newest generation.
    void tick();

private:
    struct Fixed {
        std::string fields, meta;
    };
    struct OfThread {
        std::uint64_t owner = 0;
        std::int64_t generation = 0;  // of `fixed`
        std::unique_ptr<StoreReader> reader;
        std::map<std::string, Fixed, std::less<>> fixed;
    };
    ServingStore& store_;
    ViewAnswers& views_;
    Specs specs_;
    bool is_private_;
    std::uint64_t number_;

    Result<OfThread*> of_thread();
    bool may_see(const KeySpec& spec, const FoundRow& row, const std::string& view, const Principal& principal) const;
    const Fixed& fixed_of(OfThread& mine, const std::string& view, const Provenance& from) const;
};

}  // namespace weir::serve
