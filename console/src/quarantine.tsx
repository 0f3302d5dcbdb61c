// Rows that broke their contract: what arrived, where, and why.
import {useState} from "preact/hooks";
import {getJson, type Page, type Row} from "./api";
import {count, plural} from "./format";
import {Card, Dialog, Empty, Failure, Table, useLoaded, When} from "./parts";
import {replace, usePlace} from "./router";
import {useStore} from "./store";

const pageRows = 100;
const counted = 5000;
const groupsShown = 16;
const shown = "id,state,source,arrival_date,file,line,column,rule,reason,changed_at";
const text = (row: Row, name: string) => String(row[name] ?? "");

// The bytes as text, where they are text; else as hexadecimal digits. Never as anything else.
export function rawText(base64: string): {text: string; isText: boolean; size: number} {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  try {
    return {text: new TextDecoder("utf-8", {fatal: true}).decode(bytes), isText: true, size: bytes.length};
  } catch {
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += 16) {
      const part = [...bytes.subarray(at, at + 16)];
      const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      const ascii = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
      lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${ascii}`);
    }
    return {text: lines.join("\n"), isText: false, size: bytes.length};
  }
}

function pretty(raw: string): string | null {
  if (!/^\s*[[{]/.test(raw)) return null;
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return null;
  }
}

function Detail({id, close}: {id: string; close: () => void}) {
  const [formatted, setFormatted] = useState(false);
  const loaded = useLoaded(id, 0, async (signal) => (await getJson<Page>(`/system/quarantine?id=${encodeURIComponent(id)}`, signal)).data[0] ?? null);
  const row = loaded.value;
  const raw = row ? rawText(text(row, "raw")) : null;
  const json = raw?.isText ? pretty(raw.text) : null;
  return (
    <Dialog title="A row that was refused" close={close}>
      {loaded.error ? (
        <Failure error={loaded.error} again={loaded.again} />
      ) : loaded.loading ? (
        <Empty title="Loading" />
      ) : !row || !raw ? (
        <Empty title="This row is not in the quarantine any more" />
      ) : (
        <div class="detail">
          <p class="reason">{text(row, "reason")}</p>
          <dl>
            <dt>Rule</dt>
            <dd><code>{text(row, "rule")}</code></dd>
            {text(row, "column") && (<><dt>Column</dt><dd><code>{text(row, "column")}</code></dd></>)}
            <dt>Source</dt>
            <dd>{text(row, "source")}, arrived {text(row, "arrival_date")}</dd>
            <dt>Where</dt>
            <dd>{text(row, "file").startsWith("log:") ? `${text(row, "file")}, offset ${count(Number(row.byte_offset ?? 0))}` : `${text(row, "file")}, line ${count(Number(row.line ?? 0))}`}</dd>
            <dt>State</dt>
            <dd>{text(row, "state")} since <When time={text(row, "changed_at")} />{row.note ? `: ${text(row, "note")}` : ""}</dd>
            <dt>Id</dt>
            <dd><code>{id}</code></dd>
          </dl>
          <div class="raw-head">
            <h3>As it arrived <small class="muted">{count(raw.size)} bytes{row.cut ? ", cut" : ""}{raw.isText ? "" : ", not UTF-8"}</small></h3>
            {json !== null && (
              <button type="button" aria-pressed={formatted} onClick={() => setFormatted(!formatted)}>
                {formatted ? "As it arrived" : "Indented"}
              </button>
            )}
          </div>
          {raw.size === 0 ? <p class="muted">The record is empty.</p> : <pre tabIndex={0}>{formatted && json !== null ? json : raw.text}</pre>}
          {row.header && (
            <>
              <h3>What came with it</h3>
              <pre tabIndex={0}>{pretty(text(row, "header")) ?? text(row, "header")}</pre>
            </>
          )}
          <p class="muted">
            When the contract or the row is mended: <code>weir quarantine replay {id}</code>. To give it up: <code>weir quarantine discard {id} --reason …</code>
          </p>
        </div>
      )}
    </Dialog>
  );
}

export function Quarantine() {
  const {path, query} = usePlace();
  const {status} = useStore();
  const version = status?.sources.reduce((sum, source) => sum + source.rows.quarantined, 0) ?? 0;
  const state = query.get("state") ?? "pending";
  const filter = new URLSearchParams({order: "-changed_at"});
  if (state !== "all") filter.set("state", state);
  for (const name of ["source", "rule"]) if (query.get(name)) filter.set(name, query.get(name)!);
  const url = `/system/quarantine?${filter}&select=${shown}&limit=${pageRows}`;
  const [more, setMore] = useState<{of: string; rows: Row[]; next: string | null}>({of: "", rows: [], next: null});
  const first = useLoaded(url, version, (signal) => getJson<Page>(url, signal));
  const counts = useLoaded(`counts ${state}`, version, async (signal) => {
    const page = await getJson<Page>(`/system/quarantine?select=source,rule&limit=${counted}${state === "all" ? "" : `&state=${state}`}`, signal);
    const groups = new Map<string, {source: string; rule: string; rows: number}>();
    for (const row of page.data) {
      const key = `${row.source}\n${row.rule}`;
      const group = groups.get(key) ?? {source: text(row, "source"), rule: text(row, "rule"), rows: 0};
      group.rows++;
      groups.set(key, group);
    }
    return {groups: [...groups.values()].sort((a, b) => b.rows - a.rows), whole: page.next === null, rows: page.data.length};
  });
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(query);
    if (value) next.set(name, value);
    else next.delete(name);
    replace(path, next);
  };
  if (first.error && !first.value) return <Failure error={first.error} again={first.again} />;
  const extra = more.of === url ? more.rows : [];
  const rows = [...(first.value?.data ?? []), ...extra];
  const next = more.of === url ? more.next : (first.value?.next ?? null);
  const groups = counts.value?.groups ?? [];
  const most = groups[0]?.rows ?? 1;
  const narrowed = query.get("source") || query.get("rule");
  return (
    <>
      {groups.length > 0 && (
        <Card title={`${counts.value!.whole ? "" : "more than "}${count(counts.value!.rows)} ${state === "all" ? "" : state} ${counts.value!.rows === 1 ? "row" : "rows"} by rule`}>
          <ul class="bars groups">
            {groups.slice(0, groupsShown).map((group) => {
              const chosen = query.get("source") === group.source && query.get("rule") === group.rule;
              return (
                <li key={`${group.source} ${group.rule}`}>
                  <button
                    type="button"
                    class="bar-label plain"
                    aria-pressed={chosen}
                    onClick={() => {
                      const next = new URLSearchParams(query);
                      for (const [name, value] of [["source", group.source], ["rule", group.rule]]) {
                        if (chosen) next.delete(name);
                        else next.set(name, value);
                      }
                      replace(path, next);
                    }}
                  >
                    {group.source} · <code>{group.rule}</code>
                  </button>
                  <span class="bar-track" aria-hidden="true">
                    <span class="warn" style={{width: `${(100 * group.rows) / most}%`}} />
                  </span>
                  <span class="bar-value">{count(group.rows)}</span>
                </li>
              );
            })}
          </ul>
          {groups.length > groupsShown && (
            <p class="muted">
              and {plural(groups.slice(groupsShown).reduce((sum, group) => sum + group.rows, 0), "row")} of {plural(groups.length - groupsShown, "more rule")}
            </p>
          )}
        </Card>
      )}
      <Card
        title="Rows"
        aside={
          <div class="tools">
            {narrowed && (
              <span class="chip">
                {[query.get("source"), query.get("rule")].filter(Boolean).join(" · ")}
                <button type="button" class="plain" aria-label="Show all rules" onClick={() => replace(path, state === "pending" ? undefined : new URLSearchParams({state}))}>
                  ✕
                </button>
              </span>
            )}
            <div class="segments" role="group" aria-label="State">
              {["pending", "replayed", "discarded", "all"].map((value) => (
                <button key={value} type="button" aria-pressed={state === value} onClick={() => set("state", value === "pending" ? "" : value)}>
                  {value}
                </button>
              ))}
            </div>
          </div>
        }
      >
        {!first.value ? (
          <Empty title="Loading" />
        ) : rows.length === 0 ? (
          <Empty title={state === "pending" ? "No row waits in the quarantine" : "There are no such rows"}>
            {state === "pending" && "Every row that came in kept its contract, or was dealt with."}
          </Empty>
        ) : (
          <>
            <Table
              caption="Rows in quarantine"
              columns={[
                {name: "Since", cell: (row) => <When time={text(row, "changed_at")} />},
                {name: "Source", cell: (row) => text(row, "source")},
                {name: "Rule", cell: (row) => <code>{text(row, "rule")}</code>},
                {name: "Reason", cell: (row) => <span class="wrap">{text(row, "reason")}</span>},
                {name: "Where", cell: (row) => <span class="muted">{text(row, "file").replace(/^log:/, "").split("/").slice(-2).join("/")}:{text(row, "line")}</span>},
                ...(state === "all" ? [{name: "State", cell: (row: Row) => text(row, "state")}] : []),
              ]}
              rows={rows}
              keyOf={(row) => text(row, "id")}
              onRow={(row) => set("id", text(row, "id"))}
            />
            {next && (
              <nav class="pager" aria-label="Pages">
                <span>{count(rows.length)} rows are shown</span>
                <button
                  type="button"
                  onClick={() => void getJson<Page>(next).then((page) => setMore({of: url, rows: [...extra, ...page.data], next: page.next}), () => first.again())}
                >
                  Show more
                </button>
              </nav>
            )}
          </>
        )}
      </Card>
      {query.get("id") && <Detail id={query.get("id")!} close={() => set("id", "")} />}
    </>
  );
}
