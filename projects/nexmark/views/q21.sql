/* weir
description: "Nexmark q21: bids with the id of their channel: a number of its own, or what the url says; others are left out."
*/
SELECT
    auction,
    bidder,
    price,
    channel,
    coalesce(big_channel(channel), nullif(regexp_extract(url, '[?&]channel_id=([^&]*)', 1), '')) AS channel_id
FROM bid
WHERE channel_id IS NOT NULL
