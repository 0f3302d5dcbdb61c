// One view: its rows, sorted and filtered, page by page over one snapshot; and a picture of it. The first page follows
// what comes in.
import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import {download, getPage, openStream, type Page, type Row} from "./api";
import {alignedRight, cell, numberOf} from "./cells";
import {isNumber, isPlain, isText, isTime, useCatalogue, type View, type ViewColumn} from "./catalogue";
import {Chart, Legend, type Line} from "./chart";
import {ago, count, decimal, moment} from "./format";
import {Icon} from "./icons";
import {Card, Empty, Failure, Table, useLoaded} from "./parts";
import {hrefOf, replace, usePlace} from "./router";
import {useNow, useStore} from "./store";

const pageRows = 50;
const chartRows = 2000;
const chartPixels = 500; // of a picture on a small screen: windows closer than that run into each other
const bars = 12;
const pathOf = (name: string) => `/views/${encodeURIComponent(name)}`;

// A number that changes when the view may have: with each publication, and with all that the speed layer takes in.
function useChanges(name: string): number {
  const {status} = useStore();
  const [publications, set] = useState(0);
  useEffect(() => openStream(`/stream/${encodeURIComponent(name)}`, {event: () => set((n) => n + 1)}), [name]);
  return publications + (status?.parts.speed?.taken_in ?? 0);
}

// The same page is not sent again: its tag says whether it changed. Where the newest rows take their time, those that
// were published stand there meanwhile, and say so.
function usePage(path: string, version: unknown) {
  const known = useRef<{path: string; page: Page; tag: string} | null>(null);
  const page = useLoaded<Page>(path, version, async (signal) => {
    const same = known.current?.path === path ? known.current : null;
    const got = await getPage(path, same?.tag ?? "", signal);
    if (!got) return same!.page;
    known.current = {path, ...got};
    return got.page;
  });
  const mayWait = !/[?&](layer|cursor)=/.test(path);
  const published = useLoaded<Page | null>(path, 0, async (signal) => {
    if (!mayWait) return null;
    await new Promise((resolve) => setTimeout(resolve, 400));
    if (known.current?.path === path) return null;
    return getPage(`${path}&layer=batch`, "", signal).then((got) => got?.page ?? null, () => null);
  });
  return page.value || page.error || !published.value ? page : {...page, value: {...published.value, next: null}};
}

const words: Record<string, string> = {eq: "is", ne: "is not", gt: ">", gte: "≥", lt: "<", lte: "≤", prefix: "begins with", in: "is one of", null: "is null"};
const operatorsOf = (type: string) => (isText(type) ? ["eq", "ne", "prefix", "in", "null"] : type === "boolean" ? ["eq", "null"] : ["eq", "ne", "gt", "gte", "lt", "lte", "in", "null"]);

interface Filter {
  key: string; // "column.operator"
  column: string;
  operator: string;
  value: string;
}

function filtersOf(query: URLSearchParams, columns: ViewColumn[]): Filter[] {
  const filters: Filter[] = [];
  for (const [key, value] of query) {
    const dot = key.lastIndexOf(".");
    if (dot <= 0 || !columns.some((column) => column.name === key.slice(0, dot))) continue;
    filters.push({key, column: key.slice(0, dot), operator: key.slice(dot + 1), value});
  }
  return filters;
}

function Filters({columns, query, change}: {columns: ViewColumn[]; query: URLSearchParams; change: (query: URLSearchParams) => void}) {
  const usable = columns.filter((column) => isPlain(column.type));
  const [name, setName] = useState(usable[0]?.name ?? "");
  const column = usable.find((one) => one.name === name) ?? usable[0];
  const operators = operatorsOf(column?.type ?? "string");
  const [operator, setOperator] = useState("eq");
  const [value, setValue] = useState("");
  if (!column) return null;
  const chosen = operators.includes(operator) ? operator : operators[0];
  return (
    <div class="filters">
      {filtersOf(query, columns).map((filter) => (
        <span class="chip" key={filter.key}>
          {filter.column} {filter.operator === "null" ? (filter.value === "true" ? "is null" : "is not null") : `${words[filter.operator] ?? filter.operator} ${filter.value}`}
          <button
            type="button"
            class="plain"
            aria-label={`Remove the filter on ${filter.column}`}
            onClick={() => {
              const next = new URLSearchParams(query);
              next.delete(filter.key);
              change(next);
            }}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (value === "" && chosen !== "null") return;
          const next = new URLSearchParams(query);
          next.set(`${column.name}.${chosen}`, chosen === "null" ? "true" : value);
          change(next);
          setValue("");
        }}
      >
        <select aria-label="Column" value={column.name} onChange={(event) => setName(event.currentTarget.value)}>
          {usable.map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
        <select aria-label="Comparison" value={chosen} onChange={(event) => setOperator(event.currentTarget.value)}>
          {operators.map((one) => (
            <option key={one} value={one}>
              {words[one]}
            </option>
          ))}
        </select>
        {chosen !== "null" && (
          <input id="search" aria-label="Value" placeholder={chosen === "in" ? "a,b,c" : column.type === "date" ? "2024-03-01" : "value"} value={value} onInput={(event) => setValue(event.currentTarget.value)} />
        )}
        <button type="submit">Filter</button>
      </form>
    </div>
  );
}

// Days and times in the data are those of the wall clock that it has.
const secondsOf = (value: string) => Date.parse(/^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : /Z|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`) / 1000;

// How far apart the windows of a series are, where most of them follow each other at once: then one that is missing had nothing.
function stepOf(at: number[]): number | null {
  const steps = at.slice(1).map((seconds, i) => seconds - at[i]);
  const least = Math.min(...steps);
  return steps.length > 1 && 2 * steps.filter((step) => step === least).length >= steps.length ? least : null;
}

function timeLines(rows: Row[], x: string, y: string, by: string | null): {at: number[]; lines: Line[]; broken: boolean; scattered: boolean} {
  const known = [...new Set(rows.map((row) => row[x]).filter((value): value is string => typeof value === "string"))].map(secondsOf).filter(Number.isFinite).sort((a, b) => a - b);
  const step = stepOf(known);
  const at = known.flatMap((seconds, i) => (step !== null && known[i + 1] > seconds + step ? [seconds, seconds + step] : [seconds]));
  const place = new Map(at.map((seconds, i) => [seconds, i]));
  const totals = new Map<string, number>();
  const nameOf = (row: Row) => (by === null ? y : String(row[by] ?? "null"));
  for (const row of rows) totals.set(nameOf(row), (totals.get(nameOf(row)) ?? 0) + Math.abs(numberOf(row[y]) ?? 0));
  const names = [...totals].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([name]) => name);
  const lines = names.map((name) => ({name, values: new Array<number | null>(at.length).fill(null), fill: names.length === 1}));
  for (const row of rows) {
    const line = lines.find((one) => one.name === nameOf(row));
    const i = typeof row[x] === "string" ? place.get(secondsOf(row[x])) : undefined;
    if (line && i !== undefined) line.values[i] = numberOf(row[y]);
  }
  const sparse = lines.some((line) => line.values.includes(null));
  return {at, lines, broken: step !== null, scattered: step !== null && sparse && at[at.length - 1] - at[0] > chartPixels * step};
}

function Bars({rows, x, y}: {rows: Row[]; x: ViewColumn[]; y: string}) {
  const shown = rows.map((row) => ({label: x.map((column) => String(row[column.name] ?? "null")).join(" · "), value: numberOf(row[y])})).filter((bar) => bar.value !== null);
  const most = Math.max(...shown.map((bar) => Math.abs(bar.value!)), 1e-9);
  return (
    <ol class="bars" aria-label={`The largest ${y}`}>
      {shown.map((bar, i) => (
        <li key={`${bar.label} ${i}`}>
          <span class="bar-label" title={bar.label}>{bar.label}</span>
          <span class="bar-track" aria-hidden="true">
            <span style={{width: `${(100 * Math.abs(bar.value!)) / most}%`}} />
          </span>
          <span class="bar-value">{decimal(bar.value!)}</span>
        </li>
      ))}
    </ol>
  );
}

function Picture({view, columns, filters, version}: {view: View; columns: ViewColumn[]; filters: string; version: unknown}) {
  const {query, path} = usePlace();
  const numbers = columns.filter((column) => isNumber(column.type));
  const time = columns.find((column) => isTime(column.type) && !/^(last|first)_/.test(column.name)) ?? null;
  const labels = columns.filter((column) => isText(column.type)).slice(0, 2);
  const y = numbers.find((column) => column.name === query.get("y")) ?? numbers.find((column) => !/(^|_)(id|seq|hour|day|month|year)(_|$)/.test(column.name)) ?? numbers[0];
  const isSeries = time !== null && columns.findIndex((column) => column.name === time.name) <= 1;
  const needed = isSeries ? [time!.name, y?.name, ...(labels[0] ? [labels[0].name] : [])] : [...labels.map((label) => label.name), y?.name];
  const order = isSeries ? `-${time!.name}` : `-${y?.name}`;
  const url = `${pathOf(view.name)}?select=${encodeURIComponent([...new Set(needed)].join(","))}&order=${encodeURIComponent(order)}&limit=${isSeries ? chartRows : bars}${isSeries || !y ? "" : `&${encodeURIComponent(y.name)}.null=false`}${filters ? `&${filters}` : ""}`;
  const page = usePage(url, version);
  if (!y || (!isSeries && labels.length === 0)) return null;
  const rows = page.value?.data ?? [];
  const days = isSeries ? new Set(rows.map((row) => row[time!.name])).size : 0;
  const by = isSeries && labels[0] && days < rows.length ? labels[0].name : null;
  const drawn = isSeries ? timeLines(rows, time!.name, y.name, by) : null;
  return (
    <Card
      title={isSeries ? `${y.name} by ${time!.name}${by ? `, ${by}` : ""}` : `Largest ${y.name}`}
      aside={
        numbers.length > 1 && (
          <label class="pick">
            <span class="unseen">Draw</span>
            <select
              value={y.name}
              onChange={(event) => {
                const next = new URLSearchParams(query);
                next.set("y", event.currentTarget.value);
                replace(path, next);
              }}
            >
              {numbers.map((column) => (
                <option key={column.name}>{column.name}</option>
              ))}
            </select>
          </label>
        )
      }
    >
      {page.error && !page.value ? (
        <Failure error={page.error} again={page.again} />
      ) : rows.length === 0 ? (
        <Empty title={page.loading ? "Loading" : "Nothing to draw"} />
      ) : drawn ? (
        <>
          <Chart label={`${y.name} by ${time!.name}`} at={drawn.at} lines={drawn.lines} format={decimal} utc dots={drawn.at.length < 80} broken={drawn.broken} scattered={drawn.scattered} />
          {drawn.lines.length > 1 && <Legend lines={drawn.lines} format={decimal} />}
        </>
      ) : (
        <Bars rows={rows} x={labels} y={y.name} />
      )}
    </Card>
  );
}

function Freshness({page, live, frozen}: {page: Page; live: boolean; frozen: boolean}) {
  const now = useNow();
  const {meta} = page;
  const cut = Object.entries(meta.cut);
  return (
    <div class="freshness">
      <span class={`dot ${frozen ? "warn" : live ? "good" : ""}`}>
        {frozen ? "one snapshot, held while you page" : meta.layer === "merged" ? "live: up to the newest commits" : "as published"}
      </span>
      {meta.published_at && <span title={meta.published_at}>as of {moment(meta.published_at)}, {ago(meta.published_at, now)}</span>}
      {meta.publication !== null && <span>publication #{count(meta.publication)}</span>}
      {meta.interval && <span>day {meta.interval}</span>}
      {meta.watermark && <span title={meta.watermark}>watermark {moment(meta.watermark)}</span>}
      {cut.length > 0 && (
        <details>
          <summary>cut of {count(cut.length)} {cut.length === 1 ? "table" : "tables"}</summary>
          <ul>
            {cut.map(([table, version]) => (
              <li key={table}>
                {table} <b>version {count(version)}</b>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Rows({view, columns}: {view: View; columns: ViewColumn[]}) {
  const {path, query} = usePlace();
  const {status, link} = useStore();
  const changes = useChanges(view.name);
  const [trail, setTrail] = useState<string[]>([]); // the pages behind the first one
  const filters = filtersOf(query, columns);
  const filterText = filters.map((filter) => `${encodeURIComponent(filter.key)}=${encodeURIComponent(filter.value)}`).join("&");
  const orderText = query.get("order") ?? "";
  const layer = query.get("layer") ?? "";
  const first = `${pathOf(view.name)}?limit=${pageRows}${orderText ? `&order=${encodeURIComponent(orderText)}` : ""}${layer ? `&layer=${layer}` : ""}${filterText ? `&${filterText}` : ""}`;
  useEffect(() => setTrail([]), [first]);
  const [frozenFirst, setFrozenFirst] = useState<Page | null>(null);
  const at = trail.at(-1);
  const live = usePage(at ?? first, at ? 0 : `${changes} ${link === "live"}`);
  // Rows stay until the next ones are there.
  const shown = useRef<Page | null>(null);
  if (live.value || live.error) shown.current = live.value;
  const page = live.value ?? shown.current;
  const order = orderText ? {name: orderText.replace(/^-/, "").split(",")[0], down: orderText.startsWith("-")} : null;
  const change = (next: URLSearchParams) => replace(path, next);
  const setOrder = (name: string) => {
    const next = new URLSearchParams(query);
    if (order?.name !== name) next.set("order", name);
    else if (!order.down) next.set("order", `-${name}`);
    else next.delete("order");
    change(next);
  };
  const forward = () => {
    if (!page?.next) return;
    if (trail.length === 0) setFrozenFirst(page);
    setTrail([...trail, page.next]);
  };
  const back = () => setTrail(trail.slice(0, -1));
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "]") forward();
      if (event.key === "[" && trail.length > 0) back();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
  const hasSpeed = status?.parts.speed !== undefined;
  const begin = trail.length * pageRows;
  return (
    <>
      <Picture view={view} columns={columns} filters={[filterText, layer && `layer=${layer}`].filter(Boolean).join("&")} version={`${changes} ${link === "live"}`} />
      <Card
        title="Rows"
        aside={
          <div class="tools">
            {hasSpeed && (
              <div class="segments" role="group" aria-label="Layer">
                {[["", "Live"], ["batch", "Published"]].map(([value, text]) => (
                  <button
                    key={text}
                    type="button"
                    aria-pressed={layer === value}
                    onClick={() => {
                      const next = new URLSearchParams(query);
                      if (value) next.set("layer", value);
                      else next.delete("layer");
                      change(next);
                    }}
                  >
                    {text}
                  </button>
                ))}
              </div>
            )}
            <button type="button" title="All rows of these filters, as CSV" onClick={() => void download(`${pathOf(view.name)}?${[layer && `layer=${layer}`, orderText && `order=${encodeURIComponent(orderText)}`, filterText].filter(Boolean).join("&")}`, "text/csv", `${view.name}.csv`)}>
              <Icon name="down" /> CSV
            </button>
          </div>
        }
      >
        <Filters columns={columns} query={query} change={change} />
        {live.error && !page ? (
          <Failure error={live.error} again={live.again} />
        ) : !page ? (
          <Empty title="Loading" />
        ) : (
          <div class={live.value ? "rows" : "rows busy"} aria-busy={!live.value}>
            <Freshness page={page} live={link === "live"} frozen={trail.length > 0} />
            {page.data.length === 0 ? (
              filters.length > 0 ? <Empty title="No row meets these filters" /> : <Empty title="The view has no rows yet">What comes in shows up here by itself.</Empty>
            ) : (
              <Table
                caption={`Rows of ${view.name}`}
                columns={columns.map((column) => ({name: column.name, help: column.type, right: alignedRight(column.type), sortable: isPlain(column.type), cell: (row: Row) => cell(row[column.name] ?? null, column.type)}))}
                rows={page.data}
                keyOf={(_row, i) => String(i)}
                order={order}
                onOrder={setOrder}
              />
            )}
            <nav class="pager" aria-label="Pages">
              <button type="button" onClick={back} disabled={trail.length === 0}>
                Previous
              </button>
              <span aria-live="polite">{page.data.length > 0 ? `rows ${count(begin + 1)} to ${count(begin + page.data.length)}${page.next ? "" : ", the last"}` : ""}</span>
              <button type="button" onClick={forward} disabled={!page.next}>
                Next
              </button>
              {trail.length > 0 && frozenFirst && (
                <button type="button" class="plain" onClick={() => setTrail([])}>
                  Back to the newest
                </button>
              )}
            </nav>
          </div>
        )}
      </Card>
    </>
  );
}

export function ViewPage({name}: {name: string}) {
  const catalogue = useCatalogue();
  const view = catalogue.value?.find((one) => one.name === name);
  const known = useMemo(() => view, [JSON.stringify(view?.columns), view?.name, view?.has_result]);
  if (!catalogue.value) return catalogue.error ? <Failure error={catalogue.error} again={catalogue.again} /> : <Empty title="Loading" />;
  if (!view || !known)
    return (
      <Empty title={`There is no view “${name}”`}>
        <a href={hrefOf(["views"])}>All views</a>
      </Empty>
    );
  return (
    <>
      {view.description && <p class="lead">{view.description}</p>}
      {!view.has_result ? (
        <Empty title="This view has no result yet">
          <code>weir run</code> computes and publishes it.
        </Empty>
      ) : (
        <Rows key={name} view={known} columns={known.columns ?? []} />
      )}
    </>
  );
}
