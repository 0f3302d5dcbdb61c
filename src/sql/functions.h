// The SQL functions that weir adds to every database it opens. They never fail: DuckDB may call them for rows that a
// CASE leaves out.
//
//   json_canonical(text) VARCHAR   one text for all ways of writing the same JSON value (json_canonical.h); NULL where
//                                  the text is no JSON
//   kafka_partition(key, partitions) INTEGER
//                                  the partition of a topic with so many that Kafka's clients give a record with this
//                                  key (base/murmur2.h); NULL where there is none
//   iso_utc(moment) VARCHAR        a TIMESTAMP as 2024-03-01T10:00:00.500Z, always with milliseconds; NULL outside of
//                                  the years 0 to 9999
//   numbered(prefix, number, digits) VARCHAR
//                                  numbered('SV', 7, 3) is SV007; a longer number has its digits, up to 20; NULL for
//                                  one below 0
//   uuid_from(a, b) VARCHAR        a version 4 UUID whose bits are those of two hashes
#pragma once

#include <duckdb.h>

namespace weir::sql {

// False: DuckDB did not take them.
bool register_functions(duckdb_connection connection);

}  // namespace weir::sql
