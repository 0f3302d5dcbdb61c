/* weir
description: "What became of the records of each topic: received, accepted, duplicate, and rejected by reason."
*/
WITH counted AS (
    SELECT source, sum("read" - filtered) AS received, sum(accepted) AS accepted, sum(duplicate) AS duplicate
    FROM weir.accounting
    WHERE kind = 'intake'
    GROUP BY source
),
counters AS (
    SELECT source, 'received' AS counter, received AS value FROM counted
    UNION ALL
    SELECT source, 'accepted', accepted FROM counted
    UNION ALL
    SELECT source, 'duplicate', duplicate FROM counted
    UNION ALL
    SELECT source, 'rejected_' || rule, count(*) FROM weir.quarantine GROUP BY source, rule
)
SELECT source || '_topic' AS topic, counter, value::BIGINT AS value
FROM counters
WHERE value > 0
ORDER BY topic, counter
