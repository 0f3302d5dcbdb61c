SELECT id, list_aggregate([price::DOUBLE], 'exact_sum') AS listed FROM good
