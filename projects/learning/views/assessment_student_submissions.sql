/* weir
description: Assignments that each student submitted in each course.
*/
SELECT
    user_id,
    course_id,
    count(DISTINCT assignment_id) AS total_assignments_submitted,
    count(assignment_id) AS total_submissions,
    min(ts) AS first_submission,
    max(ts) AS last_submission
FROM assessment
WHERE event_type = 'SUBMIT_ASSIGNMENT'
GROUP BY user_id, course_id
ORDER BY total_assignments_submitted DESC NULLS LAST, user_id NULLS FIRST, course_id NULLS FIRST
