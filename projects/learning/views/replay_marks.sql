/* weir
description: "The watermark of each batch of 30 seconds by the broker's clock: a minute behind the newest event of all batches before it."
keep: none
*/
SELECT batch, max(newest) OVER (ORDER BY batch ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - INTERVAL '1 minute' AS watermark
FROM (SELECT replay_batch(broker_ts) AS batch, max(ts) AS newest FROM all_events GROUP BY 1)
