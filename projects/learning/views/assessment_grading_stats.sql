/* weir
description: Grades that each student was given in each course; regrades count.
*/
SELECT
    student_id,
    course_id,
    count(assignment_id) AS total_assignments_graded,
    avg(score) AS avg_assignment_score,
    min(score) AS min_assignment_score,
    max(score) AS max_assignment_score,
    sum(score)::BIGINT AS total_assignment_score
FROM assessment
WHERE event_type = 'GRADE_ASSIGNMENT'
GROUP BY student_id, course_id
ORDER BY avg_assignment_score DESC NULLS LAST, student_id NULLS FIRST, course_id NULLS FIRST
