SELECT id, now() AS at, current_date AS day, random() AS r, gen_random_uuid() AS u FROM good USING SAMPLE 3
