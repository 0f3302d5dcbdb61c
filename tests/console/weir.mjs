// A small project, `weir up` over it, and a browser to look at it with.
import {execFileSync, spawn} from "node:child_process";
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {chromium} from "playwright-core";

const weir = process.env.WEIR;

export function makeProject(more = {}) {
  const root = mkdtempSync(join(tmpdir(), "weir-console-test-"));
  const files = {
    "weir.yaml": "name: shop\nintake: {epoch: 200ms}\nbatch: {every: 3s}\n",
    "sources/orders.yaml": "log: orders\ncontract: orders\n",
    "contracts/orders.odcs.yaml": [
      "apiVersion: v3.1.0", "kind: DataContract", "id: orders", 'version: "1.0.0"', "status: active", "schema:",
      "- name: orders", "  logicalType: object", "  customProperties:", "  - {property: quarantineLimit, value: 1.0}",
      "  - {property: deduplicate, value: [id]}", "  properties:",
      "  - {name: id, logicalType: integer, required: true}", "  - {name: customer, logicalType: string}",
      "  - {name: day, logicalType: date}", "  - {name: amount, logicalType: number}", ""].join("\n"),
    "alerts.yaml": [
      "every: 200ms", "alerts:",
      "- name: many_orders", "  sql: SELECT customer, orders FROM customers WHERE orders > 100", "  key: [customer]", "  severity: critical",
      '  message: "{customer} ordered {orders} times"', ""].join("\n"),
    "views/customers.sql": "/* weir\ndescription: What each customer bought.\n*/\nSELECT customer, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY customer\n",
    "views/days.sql": "/* weir\ndescription: Orders of each day.\n*/\nSELECT day, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY day\n",
    "views/lines.sql": "/* weir\ndescription: Every order.\n*/\nSELECT id, customer, day, amount FROM orders ORDER BY id\n",
    ...more,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), {recursive: true});
    writeFileSync(join(root, name), text);
  }
  return {root, remove: () => rmSync(root, {recursive: true, force: true})};
}

export const run = (root, ...words) => execFileSync(weir, words, {cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"]});

// Waits until it serves.
export async function up(root, listen = "127.0.0.1:0") {
  const child = spawn(weir, ["up", "--listen", listen], {cwd: root, stdio: ["ignore", "ignore", "pipe"]});
  let text = "";
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    child.stderr.on("data", (bytes) => {
      text += bytes;
      const found = /serving at (http:\/\/[0-9.:]+)/.exec(text);
      if (found) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`weir up ended with ${code}: ${text}`)));
  });
  const stop = async (signal = "SIGTERM") => {
    child.kill(signal);
    await ended;
  };
  return {url, stop, said: () => text};
}

export async function post(url, rows, raw = "") {
  const body = rows.map((row) => JSON.stringify(row)).join("\n") + (rows.length ? "\n" : "") + raw;
  const response = await fetch(`${url}/topics/orders`, {method: "POST", headers: {"Content-Type": "application/x-ndjson"}, body});
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
}

export const orders = (from, count) =>
  Array.from({length: count}, (_, i) => ({id: from + i, customer: `c${String((from + i) % 17).padStart(2, "0")}`, day: `2024-03-${String(1 + ((from + i) % 20)).padStart(2, "0")}`, amount: ((from + i) % 50) + 0.5}));

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });

// A page that remembers what should not happen: errors, and requests to anywhere else.
export async function open(browser, url, {hash = "#/", ...options} = {}) {
  const context = await browser.newContext({viewport: {width: 1280, height: 800}, ...options});
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("blob:")) wrong.push(`request: ${request.url()}`);
  });
  await page.goto(`${url}/${hash}`);
  return {page, wrong, close: () => context.close()};
}
