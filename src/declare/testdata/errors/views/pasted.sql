SELECT ${param:word} AS a
