SELECT id AS n FROM good_view
