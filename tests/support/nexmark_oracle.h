// The Nexmark queries once more, over whole tables `person`, `auction`, `bid` and `side_input`, written another way
// than the views of projects/nexmark: windows by arithmetic over copies of the rows, sub-queries instead of window
// functions.
#pragma once

#include <array>
#include <string_view>

namespace weir::test {

struct NexmarkQuery {
    std::string_view view, sql;
};

inline constexpr std::array nexmark_queries{
    NexmarkQuery{"q0", "SELECT auction, bidder, price, channel, url, dateTime, extra FROM bid"},
    NexmarkQuery{"q1", "SELECT auction, bidder, (price * 908)::DECIMAL(23, 3) / 1000, dateTime, extra FROM bid"},
    NexmarkQuery{"q2", "SELECT auction, price FROM bid WHERE auction // 123 * 123 = auction"},
    NexmarkQuery{"q3", R"(
        SELECT p.name, p.city, p.state, a.id
        FROM person p, auction a
        WHERE p.id = a.seller AND a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA'))"},
    NexmarkQuery{"q4", R"(
        SELECT category, sum(best) / count(best)
        FROM (SELECT a.category, (SELECT max(price) FROM bid b WHERE b.auction = a.id
                                  AND b.dateTime >= a.dateTime AND b.dateTime <= a.expires) AS best FROM auction a)
        WHERE best IS NOT NULL GROUP BY category)"},
    // Each bid is copied into its five windows.
    NexmarkQuery{"q5", R"(
        WITH counted AS (
            SELECT epoch_ms(dateTime) // 2000 * 2000 - k * 2000 AS w, auction, count(*) AS n
            FROM bid, range(5) r(k) GROUP BY ALL)
        SELECT make_timestamp(w * 1000), make_timestamp((w + 10000) * 1000), auction, n
        FROM counted c WHERE n = (SELECT max(n) FROM counted d WHERE d.w = c.w))"},
    NexmarkQuery{"q6", R"(
        WITH sold AS (
            SELECT seller, id, expires, (SELECT max(price) FROM bid b WHERE b.auction = a.id
                                         AND b.dateTime >= a.dateTime AND b.dateTime <= a.expires) AS best
            FROM auction a WHERE a.expires < (SELECT max(dateTime) FROM bid))
        SELECT seller, avg(best) FROM (
            SELECT seller, best FROM sold s WHERE best IS NOT NULL AND (
                SELECT count(*) FROM sold t WHERE t.seller = s.seller AND t.best IS NOT NULL
                AND (t.expires, t.id) > (s.expires, s.id)) < 10)
        GROUP BY seller)"},
    NexmarkQuery{"q7", R"(
        SELECT make_timestamp(epoch_ms(dateTime) // 10000 * 10000000), auction, bidder, price, dateTime, extra
        FROM bid b WHERE price = (SELECT max(price) FROM bid c
                                  WHERE epoch_ms(c.dateTime) // 10000 = epoch_ms(b.dateTime) // 10000))"},
    NexmarkQuery{"q8", R"(
        SELECT id, name, make_timestamp(epoch_ms(dateTime) // 10000 * 10000000) FROM person p
        WHERE EXISTS (SELECT 1 FROM auction a WHERE a.seller = p.id
                      AND epoch_ms(a.dateTime) // 10000 = epoch_ms(p.dateTime) // 10000))"},
    NexmarkQuery{"q9", R"(
        SELECT a.id, a.itemName, a.description, a.initialBid, a.reserve, a.dateTime, a.expires, a.seller, a.category,
               a.extra, b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, b.extra
        FROM auction a JOIN bid b ON b.auction = a.id AND b.dateTime >= a.dateTime AND b.dateTime <= a.expires
        WHERE NOT EXISTS (SELECT 1 FROM bid c WHERE c.auction = a.id AND c.dateTime >= a.dateTime
                          AND c.dateTime <= a.expires
                          AND (-c.price, c.dateTime, c.bidder, c.extra) < (-b.price, b.dateTime, b.bidder, b.extra)))"},
    NexmarkQuery{"q10", R"(
        SELECT auction, bidder, price, dateTime, extra, left(dateTime::VARCHAR, 10), substr(dateTime::VARCHAR, 12, 5)
        FROM bid)"},
    // A session begins with a bid that has none in the ten seconds before it.
    NexmarkQuery{"q11", R"(
        WITH begun AS (
            SELECT DISTINCT bidder, dateTime FROM bid b WHERE NOT EXISTS (
                SELECT 1 FROM bid c WHERE c.bidder = b.bidder AND c.dateTime < b.dateTime
                AND epoch_ms(b.dateTime) - epoch_ms(c.dateTime) <= 10000)),
        placed AS (
            SELECT b.bidder, b.dateTime, (SELECT max(s.dateTime) FROM begun s WHERE s.bidder = b.bidder
                                          AND s.dateTime <= b.dateTime) AS session FROM bid b)
        SELECT bidder, count(*), session, max(dateTime) + INTERVAL 10 SECONDS FROM placed GROUP BY bidder, session)"},
    NexmarkQuery{"q13", R"(
        SELECT auction, bidder, price, dateTime, value FROM bid, side_input
        WHERE key = auction - auction // 10000 * 10000)"},
    NexmarkQuery{"q14", R"(
        SELECT auction, bidder, (price * 908)::DECIMAL(23, 3) / 1000,
               CASE WHEN h >= 8 AND h <= 18 THEN 'dayTime' WHEN h IN (7, 19) THEN 'otherTime' ELSE 'nightTime' END,
               dateTime, extra, len(list_filter(string_split(extra, ''), lambda letter: letter = 'c'))
        FROM (SELECT *, epoch_ms(dateTime) // 3600000 % 24 AS h FROM bid)
        WHERE price * 908 > 1000000000 AND price * 908 < 50000000000)"},
    NexmarkQuery{"q15", R"(
        SELECT left(dateTime::VARCHAR, 10), count(*), sum((price < 10000)::INT),
               sum((price BETWEEN 10000 AND 999999)::INT), sum((price > 999999)::INT),
               count(DISTINCT bidder), count(DISTINCT CASE WHEN price < 10000 THEN bidder END),
               count(DISTINCT CASE WHEN price BETWEEN 10000 AND 999999 THEN bidder END),
               count(DISTINCT CASE WHEN price > 999999 THEN bidder END),
               count(DISTINCT auction), count(DISTINCT CASE WHEN price < 10000 THEN auction END),
               count(DISTINCT CASE WHEN price BETWEEN 10000 AND 999999 THEN auction END),
               count(DISTINCT CASE WHEN price > 999999 THEN auction END)
        FROM bid GROUP BY 1)"},
    NexmarkQuery{"q16", R"(
        SELECT channel, left(dateTime::VARCHAR, 10), substr(max(dateTime)::VARCHAR, 12, 5), count(*),
               sum((price < 10000)::INT), sum((price BETWEEN 10000 AND 999999)::INT), sum((price > 999999)::INT),
               count(DISTINCT bidder), count(DISTINCT CASE WHEN price < 10000 THEN bidder END),
               count(DISTINCT CASE WHEN price BETWEEN 10000 AND 999999 THEN bidder END),
               count(DISTINCT CASE WHEN price > 999999 THEN bidder END),
               count(DISTINCT auction), count(DISTINCT CASE WHEN price < 10000 THEN auction END),
               count(DISTINCT CASE WHEN price BETWEEN 10000 AND 999999 THEN auction END),
               count(DISTINCT CASE WHEN price > 999999 THEN auction END)
        FROM bid GROUP BY 1, 2)"},
    NexmarkQuery{"q17", R"(
        SELECT auction, left(dateTime::VARCHAR, 10), count(*), sum((price < 10000)::INT),
               sum((price BETWEEN 10000 AND 999999)::INT), sum((price > 999999)::INT), min(price), max(price),
               sum(price) / count(*), sum(price)
        FROM bid GROUP BY 1, 2)"},
    NexmarkQuery{"q18", R"(
        SELECT auction, bidder, price, channel, url, dateTime, extra FROM bid b WHERE NOT EXISTS (
            SELECT 1 FROM bid c WHERE c.bidder = b.bidder AND c.auction = b.auction
            AND (-epoch_ms(c.dateTime), -c.price, c.extra) < (-epoch_ms(b.dateTime), -b.price, b.extra)))"},
    NexmarkQuery{"q19", R"(
        SELECT * FROM (
            SELECT auction, bidder, price, channel, url, dateTime, extra,
                   1 + (SELECT count(*) FROM bid c WHERE c.auction = b.auction
                        AND (-c.price, c.dateTime, c.bidder, c.extra) < (-b.price, b.dateTime, b.bidder, b.extra)) AS r
            FROM bid b) WHERE r < 11)"},
    NexmarkQuery{"q20", R"(
        SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, b.extra, a.itemName, a.description,
               a.initialBid, a.reserve, a.dateTime, a.expires, a.seller, a.category, a.extra
        FROM bid b, auction a WHERE b.auction = a.id AND a.category = 10)"},
    NexmarkQuery{"q21", R"(
        SELECT * FROM (
            SELECT auction, bidder, price, channel,
                   CASE WHEN channel ILIKE 'apple' THEN '0' WHEN channel ILIKE 'google' THEN '1'
                        WHEN channel ILIKE 'facebook' THEN '2' WHEN channel ILIKE 'baidu' THEN '3'
                        WHEN contains(url, 'channel_id=') THEN split_part(split_part(url, 'channel_id=', 2), '&', 1)
                   END AS id FROM bid) WHERE id <> '')"},
    NexmarkQuery{"q22", R"(
        SELECT auction, bidder, price, channel, string_split(url, '/')[4], string_split(url, '/')[5],
               string_split(url, '/')[6] FROM bid)"},
    NexmarkQuery{"q23", R"(
        SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.dateTime, p.name, p.emailAddress, p.creditCard,
               p.city, p.state, a.id, a.itemName, a.category
        FROM bid b, person p, auction a WHERE p.id = b.bidder AND a.seller = b.bidder)"},
};

}  // namespace weir::test
