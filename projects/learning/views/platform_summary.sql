/* weir
description: "The platform in one row: who and what there is, and all that was ever done."
*/
SELECT
    (SELECT count(*) FROM student_overview) AS total_students,
    count(*) AS total_courses,
    coalesce(sum(total_videos_watched), 0)::BIGINT AS total_videos_watched,
    coalesce(sum(total_materials_downloaded), 0)::BIGINT AS total_materials_downloaded
FROM course_overview
