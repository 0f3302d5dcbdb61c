/* weir
description: "Viewing sessions of each video in the hour before the newest of them."
*/
SELECT video_id, sum(views)::BIGINT AS views, max(window_end) AS window_end
FROM video_engagement
WHERE window_start >= (SELECT max(window_end) FROM video_engagement) - INTERVAL '1 hour'
GROUP BY video_id
ORDER BY views DESC NULLS LAST, video_id NULLS FIRST
