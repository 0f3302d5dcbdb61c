SELECT * FROM weir.acounting
