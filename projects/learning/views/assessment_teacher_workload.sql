/* weir
description: Works that each teacher looked at and graded in each course.
*/
WITH viewed AS (
    SELECT user_id, course_id, count(*) AS works
    FROM assessment
    WHERE event_type = 'VIEW_STUDENT_WORK'
    GROUP BY user_id, course_id
),
graded AS (
    SELECT user_id, course_id, count(*) AS works, avg(score) AS score
    FROM assessment
    WHERE event_type = 'GRADE_ASSIGNMENT'
    GROUP BY user_id, course_id
)
SELECT
    user_id,
    course_id,
    coalesce(viewed.works, 0) AS total_works_viewed,
    coalesce(graded.works, 0) AS total_assignments_graded,
    graded.score AS avg_score_given
FROM viewed
FULL JOIN graded USING (user_id, course_id)
ORDER BY user_id NULLS FIRST, course_id NULLS FIRST
