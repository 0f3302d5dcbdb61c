// The page in a browser: what it shows, live; how it is used; and what it does when something is missing.
import assert from "node:assert/strict";
import {readFileSync, writeFileSync} from "node:fs";
import {join} from "node:path";
import {after, before, describe, test} from "node:test";
import {launch, makeProject, open, orders, post, run, up} from "./weir.mjs";

const pages = ["#/", "#/views", "#/views/days", "#/views/customers", "#/quarantine", "#/alerts", "#/runs", "#/verdicts", "#/api"];
const hostile = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

// Whatever a test looked at: nothing went wrong beside it, and nothing was fetched from elsewhere.
async function looking(url, options, body) {
  const {page, wrong, close} = await open(browser, url, options);
  page.setDefaultTimeout(20_000);
  try {
    await body(page);
    assert.deepEqual(wrong, []);
  } finally {
    await close();
  }
}

const cells = (page, column) => page.locator(`section:has(h2:text-is("Rows")) tbody tr td:nth-child(${column})`).allTextContents();
const number = (text) => Number(text.replace(/[^0-9.-]/g, ""));

describe("with a project that runs", () => {
  let project, server;
  before(async () => {
    project = makeProject();
    run(project.root, "topic", "create", "orders");
    server = await up(project.root);
    await post(server.url, [...orders(0, 300), ...orders(0, 5)]);
    await post(server.url, [{id: null, customer: hostile, day: "2024-03-01", amount: 1}, {id: 9001, customer: "x", day: "not a day", amount: 1}]);
    await post(server.url, orders(300, 20));
    for (let i = 0; i < 200; i++) {
      const status = await (await fetch(`${server.url}/status`)).json();
      if (status.sources[0].rows.read >= 327 && status.publication >= 1) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    run(project.root, "verify", "--live");
  });
  after(async () => {
    await server?.stop();
    project?.remove();
  });

  test("the pipeline adds up, and follows what comes in", () =>
    looking(server.url, {}, async (page) => {
      const row = page.locator('table:has(caption:text("Rows by source")) tbody tr');
      await row.first().waitFor();
      assert.match(await row.innerText(), /orders.*running.*327.*320.*5.*2.*0.*adds up/s);
      await page.getByText("equal", {exact: true}).waitFor();
      assert.equal(await page.title(), "shop · weir");
      await post(server.url, orders(320, 30));
      await page.waitForFunction(() => document.querySelector("table tbody tr").innerText.includes("357"));
      assert.equal(await page.locator(".chart canvas").count(), 2);
      assert.equal(await page.locator('[role="status"]').innerText(), "Live");
    }));

  test("a view is found, sorted, filtered, and keeps its state in the address", () =>
    looking(server.url, {hash: "#/views"}, async (page) => {
      await page.getByRole("link", {name: /customers/}).waitFor();
      await page.getByLabel("Search views").fill("each day");
      assert.equal(await page.locator(".catalogue li").count(), 1);
      await page.getByLabel("Search views").fill("what customer");
      await page.getByRole("link", {name: /customers/}).click();
      await page.locator("thead").getByRole("button", {name: "total"}).click();
      await page.waitForFunction(() => document.querySelector('th[aria-sort="ascending"]'));
      await page.locator("thead").getByRole("button", {name: "total"}).click();
      await page.waitForFunction(() => document.querySelector('th[aria-sort="descending"]'));
      await page.waitForTimeout(1500);
      const totals = (await cells(page, 3)).map(number);
      assert.deepEqual(totals, [...totals].sort((a, b) => b - a));
      await page.getByLabel("Column", {exact: true}).selectOption("customer");
      await page.getByLabel("Comparison").selectOption("prefix");
      await page.getByLabel("Value", {exact: true}).fill("c1");
      await page.getByRole("button", {name: "Filter", exact: true}).click();
      await page.waitForFunction(() => document.querySelectorAll("section:last-of-type tbody tr").length === 7);
      assert.match(page.url(), /order=-total.*customer\.prefix=c1/);
      await page.reload();
      await page.waitForFunction(() => document.querySelectorAll("section:last-of-type tbody tr").length === 7);
      await page.getByRole("button", {name: "Remove the filter on customer"}).click();
      await page.waitForFunction(() => document.querySelectorAll("section:last-of-type tbody tr").length === 17);
    }));

  test("pages are of one snapshot while rows come in, and the first one is live", () =>
    looking(server.url, {hash: "#/views/lines?order=-id"}, async (page) => {
      await page.locator("tbody tr").first().waitFor();
      const first = (await cells(page, 1)).map(number);
      await page.getByRole("button", {name: "Next"}).click();
      await page.getByText("one snapshot, held while you page").waitFor();
      await page.getByText("rows 51 to 100").waitFor();
      const second = (await cells(page, 1)).map(number);
      await post(server.url, orders(1000, 10));
      await page.waitForTimeout(1500);
      assert.deepEqual((await cells(page, 1)).map(number), second);
      await page.keyboard.press("]");
      await page.getByText("rows 101 to 150").waitFor();
      const third = (await cells(page, 1)).map(number);
      assert.equal(new Set([...first, ...second, ...third]).size, 150);
      await page.getByRole("button", {name: "Back to the newest"}).click();
      await page.waitForFunction(() => document.querySelector("section:last-of-type tbody td")?.innerText === "1,009");
      await post(server.url, orders(2000, 1));
      await page.waitForFunction(() => document.querySelector("section:last-of-type tbody td")?.innerText === "2,000");
      await page.getByRole("button", {name: "Published"}).click();
      await page.getByText("as published", {exact: true}).waitFor();
    }));

  test("a view with days is drawn over time, another one as bars", () =>
    looking(server.url, {hash: "#/views/days"}, async (page) => {
      await page.locator('.chart[aria-label="orders by day"] canvas').waitFor();
      await page.getByLabel("Draw").selectOption("total");
      await page.locator('.chart[aria-label="total by day"] canvas').waitFor();
      await page.goto(`${server.url}/#/views/customers`);
      await page.locator(".bars li").first().waitFor();
      assert.equal(await page.locator(".bars li").count(), 12);
    }));

  test("a broken row is shown as it arrived, and is text whatever it holds", () =>
    looking(server.url, {hash: "#/quarantine"}, async (page) => {
      const rows = page.locator("tr.clickable");
      await rows.first().waitFor();
      assert.equal(await rows.count(), 2);
      await rows.first().focus();
      await page.keyboard.press("j");
      await page.keyboard.press("k");
      for (let i = 0; i < 2; i++) {
        await rows.nth(i).focus();
        await page.keyboard.press("Enter");
        await page.locator("dialog pre").first().waitFor();
        if ((await page.locator("dialog pre").first().innerText()).includes("onerror")) break;
        await page.keyboard.press("Escape");
        await page.locator("dialog").waitFor({state: "detached"});
      }
      const raw = await page.locator("dialog pre").first().innerText();
      assert.deepEqual(JSON.parse(raw), {id: null, customer: hostile, day: "2024-03-01", amount: 1});
      assert.equal(await page.locator("dialog img, dialog script").count(), 0);
      assert.equal(await page.evaluate(() => window.pwned), undefined);
      await page.getByRole("button", {name: "Indented"}).click();
      assert.match(await page.locator("dialog pre").first().innerText(), /\n {2}"id": null,/);
      assert.match(await page.locator("dialog").innerText(), /weir quarantine replay/);
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({state: "detached"});
    }));

  test("runs and verdicts are told", () =>
    looking(server.url, {hash: "#/runs"}, async (page) => {
      await page.locator(".runs summary").last().click();
      await page.getByRole("rowheader", {name: "customers"}).last().waitFor();
      await page.goto(`${server.url}/#/verdicts`);
      await page.getByText("All 3 views are equal to what their rows give").waitFor();
    }));

  test("what fires is told, with what it was before, until it is over", () =>
    looking(server.url, {hash: "#/alerts"}, async (page) => {
      await page.getByText("Nothing fires").waitFor();
      await page.getByText("It is quiet").waitFor();
      await post(server.url, Array.from({length: 101}, (_, i) => ({id: 50_000 + i, customer: hostile, day: "2024-03-02", amount: 1})));
      await page.getByText("1 instance of 1 alert fire").waitFor();
      const now = page.locator('table:has(caption:text("Alerts that fire")) tbody tr');
      assert.match(await now.innerText(), /firing.*many_orders.*critical.*onerror.*ordered 10[0-9] times/s);
      const before = page.locator('table:has(caption:text("Changes of alerts")) tbody tr');
      assert.match(await before.first().innerText(), /many_orders.*firing.*inactive/s);
      assert.equal(await page.locator(".side nav .count").innerText(), "1");
      assert.equal(await page.evaluate(() => window.pwned), undefined);
    }));

  test("the interface for programs is found by typing, and what it says to send is answered", () =>
    looking(server.url, {hash: "#/api"}, async (page) => {
      await page.getByLabel("Search requests").fill("/views/days total");
      await page.getByText("1 request", {exact: true}).waitFor();
      await page.locator(".requests summary").click();
      assert.match(await page.locator(".operation table tbody").innerText(), /orders.*query.*layer.*batch/s);
      const command = await page.locator(".operation pre").innerText();
      const asked = /^curl '(http:[^']+)'$/.exec(command);
      assert.equal((await fetch(asked[1])).status, 200);
    }));

  test("keys lead everywhere", () =>
    looking(server.url, {}, async (page) => {
      await page.locator("h1").waitFor();
      for (const [key, heading] of [["v", "Views"], ["q", "Quarantine"], ["a", "Alerts"], ["r", "Runs"], ["e", "Verdicts"], ["i", "API"], ["p", "Pipeline"]]) {
        await page.keyboard.press("g");
        await page.keyboard.press(key);
        await page.locator("h1", {hasText: heading}).waitFor();
      }
      await page.keyboard.press("?");
      await page.getByRole("dialog", {name: "Keys"}).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({state: "detached"});
      await page.keyboard.press("g");
      await page.keyboard.press("v");
      await page.getByLabel("Search views").waitFor();
      await page.keyboard.press("/");
      assert.equal(await page.evaluate(() => document.activeElement.id), "search");
      await page.reload();
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "To the content");
      await page.keyboard.press("Tab");
      const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(ring, "solid");
    }));

  test("colours follow the system until they are chosen", () =>
    looking(server.url, {colorScheme: "dark"}, async (page) => {
      const shown = () => page.evaluate(() => document.documentElement.dataset.theme);
      assert.equal(await shown(), "dark");
      await page.emulateMedia({colorScheme: "light"});
      await page.waitForFunction(() => document.documentElement.dataset.theme === "light");
      await page.keyboard.press("t");
      assert.equal(await shown(), "dark");
      await page.reload();
      assert.equal(await shown(), "dark");
      await page.getByRole("button", {name: "Light colours"}).click();
      assert.equal(await shown(), "light");
    }));

  for (const colorScheme of ["light", "dark"])
    test(`texts can be read (${colorScheme})`, () =>
      looking(server.url, {colorScheme}, async (page) => {
        for (const hash of pages) {
          await page.goto(`${server.url}/${hash}`);
          await page.waitForTimeout(1200);
          const faint = await page.evaluate(contrasts);
          assert.deepEqual(faint, [], hash);
        }
      }));

  test("names and headings are there for who cannot see", () =>
    looking(server.url, {}, async (page) => {
      for (const hash of pages) {
        await page.goto(`${server.url}/${hash}`);
        await page.waitForTimeout(800);
        const missing = await page.evaluate(() => {
          const found = [];
          if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
          if (!document.documentElement.lang) found.push("no language");
          for (const element of document.querySelectorAll("button, a, input, select")) {
            const name = element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.[0]?.textContent.trim();
            if (!name) found.push(element.outerHTML.slice(0, 100));
          }
          for (const table of document.querySelectorAll("table")) if (!table.caption?.textContent) found.push("a table without a caption");
          for (const header of document.querySelectorAll("th")) if (!header.scope) found.push(`a header without a scope: ${header.textContent}`);
          return found;
        });
        assert.deepEqual(missing, [], hash);
      }
    }));

  test("a screen of 360 pixels is enough", () =>
    looking(server.url, {viewport: {width: 360, height: 700}, hasTouch: true}, async (page) => {
      for (const hash of pages) {
        await page.goto(`${server.url}/${hash}`);
        await page.waitForTimeout(800);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= 360, `${hash} is ${wide} wide`);
        const hidden = await page.evaluate(() => [...document.querySelectorAll("nav[aria-label=Pages] a")].filter((link) => link.getBoundingClientRect().right > 361).length);
        assert.equal(hidden, 0, hash);
      }
    }));

  test("an address that leads nowhere says so", () =>
    looking(server.url, {hash: "#/nothing"}, async (page) => {
      await page.getByText("There is no such page").waitFor();
      await page.goto(`${server.url}/#/views/nothing`);
      await page.getByText("There is no view “nothing”").waitFor();
    }));
});

test("ticks tell the values at which they stand, and a wide table shows each of its columns", async () => {
  const contract = makeProject();
  const text = readFileSync(join(contract.root, "contracts/orders.odcs.yaml"), "utf8").replace("logicalType: date}", "logicalType: timestamp}");
  contract.remove();
  const project = makeProject({
    "contracts/orders.odcs.yaml": text,
    "sources/orders.yaml": "log: orders\ncontract: orders\nevent_time: {column: day, delay: 1m}\n",
    "views/days.sql": "/* weir\n*/\nSELECT day::DATE AS day, count(*) / 1000 AS share FROM orders GROUP BY ALL\n",
  });
  run(project.root, "topic", "create", "orders");
  const server = await up(project.root);
  try {
    await post(server.url, orders(0, 300).map((order) => ({...order, day: `${order.day}T00:00:00Z`})));
    await looking(server.url, {hash: "#/"}, async (page) => {
      const table = page.getByRole("region", {name: "Rows by source"});
      await table.getByRole("columnheader", {name: "Watermark"}).waitFor();
      assert.equal(await table.evaluate((element) => element.scrollWidth <= element.clientWidth), true);
      await page.addInitScript(() => {
        window.drawn = [];
        const fillText = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          window.drawn.push(text);
          return fillText.call(this, text, ...place);
        };
      });
      await page.goto(`${server.url}/#/views/days`);
      await page.reload();
      await page.locator('.chart[aria-label="share by day"] canvas').waitFor();
      await page.waitForFunction(() => window.drawn.includes("0.015"));
      const drawn = await page.evaluate(() => window.drawn);
      assert.equal(drawn.includes("0.005"), true, drawn.join(" "));
    });
  } finally {
    await server.stop();
    project.remove();
  }
});

test("without rows, pages say what will be there", async () => {
  const project = makeProject();
  run(project.root, "topic", "create", "orders");
  const server = await up(project.root);
  try {
    await looking(server.url, {hash: "#/quarantine"}, async (page) => {
      await page.getByText("No row waits in the quarantine").waitFor();
      await page.goto(`${server.url}/#/verdicts`);
      await page.getByText("Nothing was verified yet").waitFor();
      await page.goto(`${server.url}/#/views/customers`);
      await page.getByText("The view has no rows yet").waitFor();
      await page.goto(`${server.url}/#/`);
      await page.locator("table tbody tr").first().waitFor();
    });
  } finally {
    await server.stop();
    project.remove();
  }
});

test("when the server is gone the page says so, and comes back by itself", async () => {
  const project = makeProject();
  run(project.root, "topic", "create", "orders");
  let server = await up(project.root);
  const listen = server.url.replace("http://", "");
  const {page, close} = await open(browser, server.url);
  try {
    await page.locator("table tbody tr").first().waitFor();
    await server.stop("SIGKILL");
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();
    assert.equal(await page.locator('[role="status"]').innerText(), "Reconnecting");
    // What was known still stands there.
    assert.equal(await page.locator("table tbody tr").count() > 0, true);
    server = await up(project.root, listen);
    await page.getByRole("alert").waitFor({state: "detached", timeout: 20_000});
    assert.equal(await page.locator('[role="status"]').innerText(), "Live");
  } finally {
    await close();
    await server.stop();
    project.remove();
  }
});

test("a token is asked for, kept in this tab alone, and decides what is seen", async () => {
  const project = makeProject({
    "serve.yaml": 'access:\n  tokens:\n  - {id: one, algorithm: HS256, secret: "${file:one.secret}"}\n',
    "one.secret": "s".repeat(40),
  });
  run(project.root, "topic", "create", "orders");
  const server = await up(project.root);
  const token = (...scopes) => run(project.root, "token", "create", ...scopes.flatMap((scope) => ["--scope", scope])).trim();
  const {page, close} = await open(browser, server.url);
  page.setDefaultTimeout(20_000);
  try {
    const dialog = page.getByRole("dialog", {name: "A key or token is needed"});
    await dialog.waitFor();
    await dialog.getByLabel("API key or token").fill("nonsense");
    await page.keyboard.press("Enter");
    await dialog.getByText("is not valid, or has expired").waitFor();
    const whole = token("view:*", "system:*");
    await dialog.getByLabel("API key or token").fill(whole);
    await dialog.getByRole("button", {name: "Use it"}).click();
    await dialog.waitFor({state: "detached"});
    await page.locator("table tbody tr").first().waitFor();
    assert.equal(page.url().includes(whole), false);
    assert.equal(await page.evaluate((text) => JSON.stringify({...localStorage}).includes(text) || document.cookie !== "", whole), false);
    await page.reload();
    await page.locator("table tbody tr").first().waitFor();
    // Another tab knows nothing of it.
    const other = await page.context().newPage();
    await other.goto(server.url);
    await other.getByRole("dialog", {name: "A key or token is needed"}).waitFor();
    await other.getByLabel("API key or token").fill(token("view:days"));
    await other.keyboard.press("Enter");
    await other.getByText("The pipeline needs the scope system:status").waitFor();
    await other.goto(`${server.url}/#/quarantine`);
    await other.getByText("Your key may not see this").waitFor();
    await other.goto(`${server.url}/#/views`);
    await other.getByRole("link", {name: /days/}).waitFor();
    assert.equal(await other.locator(".catalogue li").count(), 1);
    await page.getByRole("button", {name: "Forget the key or token"}).click();
    await page.reload();
    await dialog.waitFor();
  } finally {
    await close();
    await server.stop();
    project.remove();
  }
});

// Pictures of what a person should look at before a change of the page is called done: WEIR_PICTURES names a folder.
test("pictures", {skip: process.env.WEIR_PICTURES ? false : "WEIR_PICTURES names no folder"}, async () => {
  const project = makeProject();
  run(project.root, "topic", "create", "orders");
  const server = await up(project.root);
  try {
    await post(server.url, orders(0, 1703), "no row\n{\"id\": 1.5}\n".replace("no row\n", ""));
    await new Promise((resolve) => setTimeout(resolve, 6000));
    run(project.root, "verify", "--live");
    for (const [name, options] of [["light", {colorScheme: "light"}], ["dark", {colorScheme: "dark"}], ["phone", {colorScheme: "light", viewport: {width: 360, height: 740}}]])
      for (const hash of pages)
        await looking(server.url, {hash, ...options}, async (page) => {
          await page.waitForTimeout(3000);
          writeFileSync(join(process.env.WEIR_PICTURES, `${name}${hash.replace(/[#/]+/g, "-")}.png`), await page.screenshot());
        });
  } finally {
    await server.stop();
    project.remove();
  }
});

// Texts whose contrast is below WCAG's AA: 4.5, and 3 where they are large. Runs in the page.
function contrasts() {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest(".unseen, :disabled, noscript, svg, option, .skip") || !element.checkVisibility()) continue;
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    const back = layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    const style = getComputedStyle(element);
    const text = over(rgba(style.color), back);
    const [a, b] = [light(text), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < needed) found.add(`${ratio.toFixed(2)} ${element.tagName}.${element.className}: ${node.textContent.trim().slice(0, 40)}`);
  }
  return [...found];
}
