-- ISO 8601 durations, exactly: P n W, or P [n D] [T [n H] [n M] [n S]], upper case, at least one component, and at least
-- one after a T. The last component may have a fraction of up to nine digits, with a point or a comma. Years and months
-- have no fixed length and are invalid, as are signs and everything else. Missing is not invalid, and neither is zero.

-- missing, invalid or known
CREATE MACRO duration_status(value) AS
    CASE
        WHEN value IS NULL OR trim(value) IN ('', 'P', 'PT') THEN 'missing'
        WHEN regexp_full_match(
                 trim(value),
                 'P(0*\d{1,12}([.,]\d{1,9})?W|(0*\d{1,12}([.,]\d{1,9})?D)?(T(0*\d{1,12}([.,]\d{1,9})?H)?(0*\d{1,12}([.,]\d{1,9})?M)?(0*\d{1,12}([.,]\d{1,9})?S)?)?)')
             AND NOT regexp_matches(trim(value), '[.,]\d+[DHM]T?\d')
             AND NOT ends_with(trim(value), 'T')
        THEN 'known'
        ELSE 'invalid'
    END;

-- The number before a designator, 0 where there is none. Only for durations that are known.
CREATE MACRO duration_part(value, designator) AS
    coalesce(TRY_CAST(replace(regexp_extract(value, '(\d+([.,]\d+)?)' || designator, 1), ',', '.') AS DECIMAL(28, 9)), 0);

-- Seconds; NULL where the duration is missing or invalid.
CREATE MACRO duration_seconds(value) AS
    CASE
        WHEN duration_status(value) = 'known'
        THEN CAST(
            duration_part(value, 'W') * 604800 + duration_part(value, 'D') * 86400 + duration_part(value, 'H') * 3600
                + duration_part(value, 'M') * 60 + duration_part(value, 'S')
            AS DECIMAL(28, 9))
    END;

-- What is known about the time of a recipe, from the status of its two durations: known, partial (one is missing),
-- unknown (both are), invalid.
CREATE MACRO time_status_of(cook_status, prep_status) AS
    CASE
        WHEN 'invalid' IN (cook_status, prep_status) THEN 'invalid'
        WHEN cook_status = prep_status THEN CASE cook_status WHEN 'known' THEN 'known' ELSE 'unknown' END
        ELSE 'partial'
    END;

-- Seconds altogether, as `times` reads them; NULL where they cannot be told.
CREATE MACRO total_seconds_of(cook_seconds, prep_seconds, time_status, times) AS
    CASE
        WHEN times = 'strict' THEN cook_seconds + prep_seconds
        WHEN times = 'zero' OR time_status IN ('known', 'partial')
        THEN coalesce(cook_seconds, 0) + coalesce(prep_seconds, 0)
    END;

-- Whether a word stands in a text, in any case, with no letter, mark, digit or underscore of any script beside it.
CREATE MACRO has_word(value, word) AS
    word = '' OR regexp_matches(
        value, '(^|[^\p{L}\p{M}\p{N}_])(?i:' || regexp_escape(word) || ')($|[^\p{L}\p{M}\p{N}_])');

CREATE MACRO difficulty_of(seconds, easy_below_minutes, hard_above_minutes) AS
    CASE
        WHEN seconds < easy_below_minutes * 60 THEN 'easy'
        WHEN seconds > hard_above_minutes * 60 THEN 'hard'
        WHEN seconds IS NOT NULL THEN 'medium'
    END;
