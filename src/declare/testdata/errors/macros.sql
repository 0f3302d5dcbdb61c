-- Only macros stand here.
CREATE MACRO twice(x) AS x * 2;
CREATE TABLE t(i INTEGER);
CREATE MACRO broken(x) AS nosuchfunction(x);
CREATE MACRO later(x) AS x + random();
CREATE MACRO with_param(x) AS x + $limit;
CREATE MACRO twice(x) AS x + x;
CREATE MACRO sum(x) AS x;
CREATE MACRO exact_value(x) AS x;
CREATE MACRO through(x) AS exact_sum(x);
CREATE MACRO list_sums(x) AS list_aggregate([x], 'exact_sum');
CREATE MACRO forms(x) AS x + 1, (x, y) AS x + y + random();
CREATE MACRO rows_of(n) AS TABLE (SELECT range AS a, (n) AS b FROM range(n)), (n, m) AS TABLE (SELECT uuid() AS u);
CREATE MACRO by_default(x, y := epoch(now())) AS x + y;
CREATE MACRO unfinished(x) AS (x +;
