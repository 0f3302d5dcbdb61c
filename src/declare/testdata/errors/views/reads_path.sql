SELECT * FROM 'x.csv'
