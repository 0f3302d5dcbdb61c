SELECT *
FROM good g
JOIN goood ON true
