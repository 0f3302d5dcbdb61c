SELECT strfime(id) AS s FROM good
