SELECT * FROM weir.runs
