// Builds the page and writes it as a C++ source: node embed.mjs OUT.cpp. Each file stands there packed by gzip; what
// reads it is src/serve/console/assets.h.
import {createHash} from "node:crypto";
import {mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, extname, join, relative, resolve} from "node:path";
import {fileURLToPath} from "node:url";
import {gzipSync} from "node:zlib";
import {build} from "vite";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

function filesIn(folder) {
  return readdirSync(folder, {withFileTypes: true}).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

function arrayOf(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 32) lines.push(`    ${[...bytes.subarray(at, at + 32)].join(",")},`);
  return lines.join("\n");
}

const out = resolve(process.argv[2]);
const root = dirname(fileURLToPath(import.meta.url));
const dist = mkdtempSync(join(tmpdir(), "weir-console-"));
try {
  await build({root, configFile: join(root, "vite.config.ts"), logLevel: "warn", build: {outDir: dist, emptyOutDir: true}});
  const files = filesIn(dist).sort().map((path) => {
    const type = types[extname(path)];
    if (!type) throw new Error(`${path}: no content type is known for ${extname(path)}`);
    const bytes = readFileSync(path);
    const name = "/" + relative(dist, path);
    return {path: name === "/index.html" ? "/" : name, type, size: bytes.length, packed: gzipSync(bytes, {level: 9}),
            tag: createHash("sha256").update(bytes).digest("hex").slice(0, 32)};
  });
  const text = [
    "// Generated from console/ by console/embed.mjs.",
    '#include "serve/console/assets.h"',
    "",
    "namespace weir::serve {",
    "namespace {",
    "",
    ...files.map((file, i) => `constexpr unsigned char packed_${i}[] = {\n${arrayOf(file.packed)}\n};\n`),
    "constexpr Asset assets[] = {",
    ...files.map((file, i) => `    {"${file.path}", "${file.type}", "${file.tag}", ${file.size}, packed_${i}},`),
    "};",
    "",
    "}  // namespace",
    "",
    "std::span<const Asset> console_assets() { return assets; }",
    "",
    "}  // namespace weir::serve",
    "",
  ].join("\n");
  writeFileSync(`${out}.new`, text);
  renameSync(`${out}.new`, out);
} finally {
  rmSync(dist, {recursive: true, force: true});
}
