#include "view/own_functions.h"

#include "view/exact/functions.h"
#include "view/sketch/functions.h"

namespace weir::view {

Status add_own_functions(sql::Connection& connection) {
    WEIR_TRY(add_exact_functions(connection));
    return add_sketch_functions(connection);
}

}  // namespace weir::view
