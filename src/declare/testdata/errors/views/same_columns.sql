SELECT id, price AS ID FROM good
