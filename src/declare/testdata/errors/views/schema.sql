SELECT * FROM lake.good
