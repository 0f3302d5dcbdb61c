#include "declare/own_functions.h"

#include <algorithm>
#include <array>

namespace weir::declare {

std::string_view instead_of_own_function(std::string_view function) {
    struct Own {
        std::string_view name, instead;
    };
    constexpr std::string_view sum = "write sum(x): weir adds doubles up exactly by itself";
    constexpr std::string_view moments = "write var_samp(x), stddev(x), covar_pop(y, x) or corr(y, x)";
    constexpr std::string_view distinct = "write approx_count_distinct(x)";
    constexpr std::string_view quantile = "write approx_quantile(x, 0.5)";
    // A test holds this list against what the views' databases have.
    static constexpr std::array own{Own{"exact_sum", sum},
                                    Own{"exact_merge", sum},
                                    Own{"exact_value", sum},
                                    Own{"exact_minus", sum},
                                    Own{"exact_product", moments},
                                    Own{"exact_moment", moments},
                                    Own{"distinct_sketch", distinct},
                                    Own{"distinct_sketch_merge", distinct},
                                    Own{"distinct_sketch_count", distinct},
                                    Own{"quantile_sketch", quantile},
                                    Own{"quantile_sketch_merge", quantile},
                                    Own{"quantile_sketch_value", quantile},
                                    Own{"quantile_sketch_values", quantile},
                                    Own{"stored_hugeint", "write CAST(x AS HUGEINT)"}};
    const auto found = std::find_if(own.begin(), own.end(), [&](const Own& each) { return each.name == function; });
    return found == own.end() ? std::string_view() : found->instead;
}

}  // namespace weir::declare
