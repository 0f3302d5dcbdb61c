SELECT m + seed() AS n FROM numbers
