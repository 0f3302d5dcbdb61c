SELECT * FROM circle_c
