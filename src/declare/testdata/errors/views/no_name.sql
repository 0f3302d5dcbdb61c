SELECT count(*) FROM good
