/* weir
description: The stream of the benchmark, in its order; of 50 events 1 is a person, 3 are auctions, 46 are bids.
omit_nulls: true
*/
-- Event n is a pure function of n and the seed. Ids are numbers in the order of creation, from 1000.
WITH numbered AS (
    -- Within a group of $group events the order is another one; each number still comes once.
    SELECT n // $group * $group + n * 953 % $group AS m
    FROM numbers
),
drawn AS (
    SELECT
        m,
        m % 50 AS place,
        m // 50 AS newest_person,
        newest_auction(m) AS newest_auction,
        (hash(m, seed(), 0) >> 1)::BIGINT AS h0,
        (hash(m, seed(), 1) >> 1)::BIGINT AS h1,
        (hash(m, seed(), 2) >> 1)::BIGINT AS h2,
        CAST($start AS TIMESTAMP) + to_milliseconds(m * 1000 // $rate) AS dateTime
    FROM numbered
),
chosen AS (
    SELECT
        *,
        CASE WHEN place = 0 THEN 'person' WHEN place < 4 THEN 'auction' ELSE 'bid' END AS event,
        -- One bid in two goes to a hot auction, the others to one of the last 100 or of 10 not yet seen.
        CASE
            WHEN place < 4 THEN NULL
            WHEN h0 % 2 = 0 THEN newest_auction // 100 * 100
            ELSE greatest(newest_auction - 99, 0) + h0 // 2 % (least(newest_auction + 1, 100) + 10)
        END AS auction_number,
        -- Three auctions in four belong to a hot seller, three bids in four come from the hot bidder.
        CASE
            WHEN place = 0 THEN NULL
            WHEN h1 % 4 > 0 THEN newest_person // 100 * 100 + (place >= 4)::BIGINT
            ELSE some_person(m, h1 // 4)
        END AS person_number,
        -- Half of the bids come through a big channel.
        CASE WHEN place >= 4 THEN h2 % 2 * (1 + h2 // 2 % 10000) END AS channel_number,
        price_of(h0 // 1048576) AS price
    FROM drawn
)
SELECT
    event,
    CASE place WHEN 0 THEN 1000 + newest_person WHEN 1 THEN 1000 + newest_auction WHEN 2 THEN 1000 + newest_auction
        WHEN 3 THEN 1000 + newest_auction END AS id,
    CASE WHEN place = 0 THEN concat(first_name(h0 % 11), ' ', last_name(h0 // 16 % 9)) END AS name,
    CASE WHEN place = 0 THEN concat(
        substr(letters(), 1 + h1 % 601, 7), '@', substr(letters(), 1 + h2 % 601, 5), '.com') END AS emailAddress,
    CASE WHEN place = 0 THEN concat(
        1000 + h1 % 9000, ' ', 1000 + h1 // 16384 % 9000, ' ', 1000 + h2 % 9000, ' ', 1000 + h2 // 16384 % 9000)
        END AS creditCard,
    CASE WHEN place = 0 THEN city_name(h1 // 1048576 % 10) END AS city,
    CASE WHEN place = 0 THEN state_name(h2 // 1048576 % 6) END AS state,
    CASE WHEN place BETWEEN 1 AND 3 THEN ballast(h2, 20) END AS itemName,
    CASE WHEN place BETWEEN 1 AND 3 THEN ballast(h2 // 16, 100) END AS description,
    CASE WHEN place BETWEEN 1 AND 3 THEN price END AS initialBid,
    CASE WHEN place BETWEEN 1 AND 3 THEN price + price_of(h2 // 1048576) END AS reserve,
    auction_number + 1000 AS auction,
    CASE WHEN place >= 4 THEN person_number + 1000 END AS bidder,
    CASE WHEN place >= 4 THEN price END AS price,
    CASE
        WHEN channel_number IS NULL THEN NULL
        WHEN channel_number > 0 THEN numbered('channel-', channel_number - 1, 1)
        ELSE CASE h2 // 2 % 4 WHEN 0 THEN 'Google' WHEN 1 THEN 'Facebook' WHEN 2 THEN 'Baidu' ELSE 'Apple' END
    END AS channel,
    -- A channel has one page, and nine in ten of the small ones say their number in it.
    CASE
        WHEN channel_number IS NULL THEN NULL
        WHEN channel_number = 0 THEN page((hash(-1 - h2 // 2 % 4, seed(), 3) >> 1)::BIGINT)
        WHEN hash(channel_number, seed(), 4) % 10 > 0
        THEN concat(page((hash(channel_number, seed(), 3) >> 1)::BIGINT), '&channel_id=', channel_number * 94906249 % 1073741789)
        ELSE page((hash(channel_number, seed(), 3) >> 1)::BIGINT)
    END AS url,
    dateTime::TIMESTAMP_MS AS dateTime,
    CASE WHEN place BETWEEN 1 AND 3 THEN
        (dateTime + to_milliseconds(1 + h1 // 1048576 % greatest(2 * (100 * 50 * 1000 // (3 * $rate)), 1)))::TIMESTAMP_MS
        END AS expires,
    CASE WHEN place BETWEEN 1 AND 3 THEN person_number + 1000 END AS seller,
    CASE WHEN place BETWEEN 1 AND 3 THEN 10 + h0 % 5 END AS category,
    CASE WHEN place = 0 THEN ballast(h0 // 64, 127) WHEN place < 4 THEN ballast(h0 // 64, 332) ELSE ballast(h1 // 64, 68)
        END AS extra
FROM chosen
