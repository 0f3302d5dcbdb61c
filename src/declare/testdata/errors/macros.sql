-- Only macros stand here.
CREATE MACRO twice(x) AS x * 2;
CREATE TABLE t(i INTEGER);
CREATE MACRO broken(x) AS nosuchfunction(x);
CREATE MACRO later(x) AS x + random();
CREATE MACRO with_param(x) AS x + $limit;
CREATE MACRO twice(x) AS x + x;
CREATE MACRO unfinished(x) AS (x +;
