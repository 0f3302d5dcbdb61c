SELECT $wrd AS a, $1 AS b, ? AS c
