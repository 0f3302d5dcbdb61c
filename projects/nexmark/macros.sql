-- The windows of the queries. A window is a key: the moment at which it begins.
CREATE MACRO window_of(moment, width) AS time_bucket(width, moment);

-- A price in the currency of the benchmark's second market.
CREATE MACRO converted(price) AS 0.908 * price;

-- The three price bands of q15, q16 and q17.
CREATE MACRO low(price) AS price < 10000;
CREATE MACRO middle(price) AS price >= 10000 AND price < 1000000;
CREATE MACRO high(price) AS price >= 1000000;

-- The ids that q21 gives the big channels; NULL for another one.
CREATE MACRO big_channel(channel) AS
    CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3' END;

-- For generators/events.sql.

-- Cents: a uniform draw on a logarithmic scale, from 1 to a million.
CREATE MACRO price_of(draw) AS round(100 * pow(10, 6 * (draw % 1000000 / 1000000)))::BIGINT;

-- The number of the newest auction when event m is made; -1 before the first.
CREATE MACRO newest_auction(m) AS
    m // 50 * 3 + CASE WHEN m % 50 = 0 THEN -1 WHEN m % 50 < 4 THEN m % 50 - 1 ELSE 2 END;

-- One of the last 1,000 persons or of 10 not yet seen, as a number from 0; event m is made now.
CREATE MACRO some_person(m, draw) AS
    greatest(m // 50 - 999, 0) + draw % (least(m // 50 + 1, 1000) + 10);

CREATE MACRO letters() AS
    'kqzrvmtxbwpnhcjdgfsylaoeiuyaebmoxtdhcnzkuiwqjgpslrvfoacteunihbdmsrlypkgwvxjqzfoaterunsilcdhmpbgykvwjxqzithnoaescrd'
    || 'lumfgpybwkvxzjqeotasnirhcldupmfgbywkvjxqzaoenitsrhldcumpgfybwvkxjqztehaonisrdlcumwfgypbvkjxqzasentoirhldumcgpfwybv'
    || 'kxjzqieonatsrhldcupmfgbwyvkxjqznoeatirshdlcumfpgwybvkxqjzoaetinsrhdlucmwfgypbvkjxqzteoanirshldcumpfgwybvkjxqzhaeot'
    || 'nirsdlucmfwgypbvkxjqzsoaetnirhldcumpfgbywvkjxqzeitaonsrhlducmfwgpybvkxjqzotaeinshrdlcumpfwgybvkjxqzanetoirshldcum'
    || 'fpgwybvkxjqzeoatinrshldcumwfgypbvkxjqztaeonirshdlcumfpgwybvkjxqzoetanishrldcumpfwgybvkxjqzinaeotrshldcumwfgypbvkj'
    || 'xqzeaotnirshlducmfpgwybvkxjqzotaenisrhldcumwfpgybvkjxqztoeanirshdlcumfgpwybvkxjqzaeotinrshldcumpwfgybvkjxqzonaeti'
    || 'rshldcumfwgpybvkxjqzteaonisrhdlcumfpgwybvkjxqzaoetnirshldcumpfwgybvkxjqzeotainrshldcumwfgypbvkjxqztnaeoirshldcumf';

-- A text of about so many letters, give or take a fifth.
CREATE MACRO ballast(draw, size) AS
    substr(letters(), 1 + draw % 173, size - size // 5 + draw // 256 % (2 * (size // 5) + 1));

CREATE MACRO first_name(draw) AS
    CASE draw WHEN 0 THEN 'Peter' WHEN 1 THEN 'Paul' WHEN 2 THEN 'Luke' WHEN 3 THEN 'John' WHEN 4 THEN 'Saul'
        WHEN 5 THEN 'Vicky' WHEN 6 THEN 'Kate' WHEN 7 THEN 'Julie' WHEN 8 THEN 'Sarah' WHEN 9 THEN 'Deiter'
        ELSE 'Walter' END;
CREATE MACRO last_name(draw) AS
    CASE draw WHEN 0 THEN 'Shultz' WHEN 1 THEN 'Abrams' WHEN 2 THEN 'Spencer' WHEN 3 THEN 'White' WHEN 4 THEN 'Bartels'
        WHEN 5 THEN 'Walton' WHEN 6 THEN 'Smith' WHEN 7 THEN 'Jones' ELSE 'Noris' END;
CREATE MACRO city_name(draw) AS
    CASE draw WHEN 0 THEN 'Phoenix' WHEN 1 THEN 'Los Angeles' WHEN 2 THEN 'San Francisco' WHEN 3 THEN 'Boise'
        WHEN 4 THEN 'Portland' WHEN 5 THEN 'Bend' WHEN 6 THEN 'Redmond' WHEN 7 THEN 'Seattle' WHEN 8 THEN 'Kent'
        ELSE 'Cheyenne' END;
CREATE MACRO state_name(draw) AS
    CASE draw WHEN 0 THEN 'AZ' WHEN 1 THEN 'CA' WHEN 2 THEN 'ID' WHEN 3 THEN 'OR' WHEN 4 THEN 'WA' ELSE 'WY' END;

-- A page of the shop, by a draw: three folders of three or four letters.
CREATE MACRO page(draw) AS
    concat(
        'https://www.nexmark.com/', substr(letters(), 1 + draw % 601, 3 + draw // 1024 % 2), '/',
        substr(letters(), 1 + draw // 4096 % 601, 3 + draw // 8388608 % 2), '/',
        substr(letters(), 1 + draw // 16777216 % 601, 3 + draw // 34359738368 % 2), '/item.htm?query=1');
