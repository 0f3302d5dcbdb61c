SELECT 'never closed AS a
