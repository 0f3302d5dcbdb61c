/* weir
description: "Nexmark q10: bids with their date and minute, by which the benchmark splits the files that it writes."
*/
SELECT
    auction, bidder, price, dateTime, extra, strftime(dateTime, '%Y-%m-%d') AS day, strftime(dateTime, '%H:%M') AS minute
FROM bid
