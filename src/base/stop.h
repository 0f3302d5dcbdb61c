// Whether somebody asked us to stop: SIGINT and SIGTERM set it, long loops read it.
#pragma once

namespace weir {

void stop_on_signals();
bool stop_requested();
void request_stop();

}  // namespace weir
