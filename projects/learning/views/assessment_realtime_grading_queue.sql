/* weir
description: "Submissions and grades of each assignment by 5 minutes, and how many waited at the window's end."
*/
WITH counted AS (
    SELECT
        time_bucket(INTERVAL '5 minutes', ts) AS window_start,
        assignment_id,
        count(*) FILTER (WHERE event_type = 'SUBMIT_ASSIGNMENT') AS submissions,
        count(DISTINCT user_id) FILTER (WHERE event_type = 'SUBMIT_ASSIGNMENT') AS students_submitted,
        count(*) FILTER (WHERE event_type = 'GRADE_ASSIGNMENT') AS graded,
        count(DISTINCT student_id) FILTER (WHERE event_type = 'GRADE_ASSIGNMENT') AS students_graded
    FROM assessment
    WHERE event_type IN ('SUBMIT_ASSIGNMENT', 'GRADE_ASSIGNMENT')
    GROUP BY 1, 2
)
SELECT
    window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    assignment_id,
    submissions,
    students_submitted,
    graded,
    students_graded,
    sum(submissions - graded) OVER (PARTITION BY assignment_id ORDER BY window_start)::BIGINT AS pending_grading
FROM counted
ORDER BY window_start NULLS FIRST, assignment_id NULLS FIRST
