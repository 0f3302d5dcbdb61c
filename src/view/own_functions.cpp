#include "view/own_functions.h"

#include "view/exact/functions.h"
#include "view/sketch/functions.h"
#include "view/stored_types.h"

namespace weir::view {

Status add_own_functions(sql::Connection& connection) {
    WEIR_TRY(add_exact_functions(connection));
    WEIR_TRY(add_sketch_functions(connection));
    return add_stored_types(connection);
}

}  // namespace weir::view
