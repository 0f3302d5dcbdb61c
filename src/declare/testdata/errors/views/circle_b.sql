SELECT * FROM circle_a
