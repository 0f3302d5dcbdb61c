SELECT * FROM query('select 1')
