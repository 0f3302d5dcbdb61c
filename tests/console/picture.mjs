// The picture in the README: the learning project after a while, as ./dev demo shows it. picture.mjs OUT.png
import {spawn} from "node:child_process";
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {launch, open} from "./weir.mjs";

const out = process.argv[2];
const seconds = Number(process.env.WEIR_PICTURE_SECONDS ?? 100);
const place = mkdtempSync(join(tmpdir(), "weir-picture-"));
const project = ["projects/learning", "--env", "demo", "--param", "from=log"];
const lake = ["--lake", join(place, "lake")];
const log = ["--log", join(place, "log")];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const up = spawn(process.env.WEIR, ["up", ...project, ...lake, ...log, "--listen", "127.0.0.1:0"], {stdio: ["ignore", "ignore", "pipe"]});
const url = await new Promise((resolve, reject) => {
  let said = "";
  up.stderr.on("data", (bytes) => {
    said += bytes;
    const found = /serving at (http:\/\/[0-9.:]+)/.exec(said);
    if (found) resolve(found[1]);
  });
  up.on("exit", () => reject(new Error(said)));
});
const generator = spawn(process.env.WEIR, ["generate", ...project, "events", "--count", "1000000000", "--rate", "300", "--to", "log", ...log], {stdio: "ignore"});
const browser = await launch();
try {
  const {page, wrong} = await open(browser, url, {viewport: {width: 1280, height: 786}});
  await pause(seconds * 1000);
  await page.screenshot({path: out});
  if (wrong.length) throw new Error(wrong.join("\n"));
} finally {
  await browser.close();
  generator.kill();
  up.removeAllListeners("exit");
  up.kill();
  await new Promise((resolve) => up.on("exit", resolve));
  rmSync(place, {recursive: true, force: true});
}
