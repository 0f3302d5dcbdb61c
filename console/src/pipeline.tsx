// The whole pipeline at a glance: sources → contract → lake → views, and where every row went.
import type {ComponentChildren} from "preact";
import {Chart, Legend, type Line} from "./chart";
import {ago, bytes, count, decimal, duration, plural, share, short} from "./format";
import {Icon} from "./icons";
import {Card, Empty, Table, When} from "./parts";
import {hrefOf} from "./router";
import {history, rateOf, type Source, type SourceRows, type Status, useNow, useStore} from "./store";

const shownSeconds = 300;
const rate = (value: number) => (value >= 100 || value === 0 ? count(value) : decimal(Math.round(value * 10) / 10));

function sum(sources: Source[]): SourceRows {
  const total: SourceRows = {read: 0, accepted: 0, duplicate: 0, quarantined: 0, filtered: 0, mismatch: 0, committed_at: null};
  for (const {rows} of sources) {
    for (const name of ["read", "accepted", "duplicate", "quarantined", "filtered", "mismatch"] as const) total[name] += rows[name];
    if (rows.late !== undefined) total.late = (total.late ?? 0) + rows.late;
    if (rows.committed_at && (!total.committed_at || rows.committed_at > total.committed_at)) total.committed_at = rows.committed_at;
  }
  return total;
}

function Stage({name, value, unit, href, children, state}: {name: string; value: ComponentChildren; unit: string; href?: string; children: ComponentChildren; state?: "good" | "bad" | "idle"}) {
  const inner = (
    <>
      <h2>{name}</h2>
      <p class="big">
        {value} <small>{unit}</small>
      </p>
      <div class="facts">{children}</div>
    </>
  );
  return (
    <li class={`stage ${state ?? ""}`}>
      {href ? (
        <a href={href} class="stage-link">
          {inner}
        </a>
      ) : (
        inner
      )}
    </li>
  );
}

function Flow({status, now}: {status: Status; now: number}) {
  const total = sum(status.sources);
  const intake = status.parts.intake;
  const all = rateOf("");
  const lakeRows = status.tables.reduce((sum, table) => sum + (table.rows ?? 0), 0);
  const lakeBytes = status.tables.reduce((sum, table) => sum + table.bytes, 0);
  const lakeFiles = status.tables.reduce((sum, table) => sum + table.files, 0);
  const speed = status.parts.speed;
  const behind = speed?.last && total.committed_at ? (Date.parse(total.committed_at) - Date.parse(speed.last)) / 1000 : 0;
  return (
    <ol class="flow" aria-label="The pipeline">
      {intake ? (
        <Stage name="Sources" value={all === null ? "–" : rate(all)} unit="rows/s" state={all ? "good" : "idle"}>
          <span>{plural(status.sources.length, "source")}</span>
          <span class={intake.lag > 0 ? "" : "muted"}>lag {short(intake.lag)}</span>
        </Stage>
      ) : (
        <Stage name="Sources" value={status.sources.length} unit={status.sources.length === 1 ? "source" : "sources"}>
          <span>{short(total.read)} rows read</span>
        </Stage>
      )}
      <Stage name="Contract" value={share(total.accepted, total.read)} unit="accepted" href="#/quarantine" state={total.quarantined > 0 ? undefined : "good"}>
        <span>{plural(total.quarantined, "row")} in quarantine</span>
        <span>{short(total.duplicate)} duplicate</span>
      </Stage>
      <Stage name="Lake" value={short(lakeRows)} unit="rows">
        <span>
          {bytes(lakeBytes)} in {plural(lakeFiles, "file")}
        </span>
        <span>committed {ago(total.committed_at, now)}</span>
      </Stage>
      <Stage name="Views" value={status.views} unit={status.views === 1 ? "view" : "views"} href="#/views" state={speed ? (speed.problem ? "bad" : "good") : undefined}>
        <span>{speed ? (speed.problem ? "held up" : behind < 2.5 ? "up to the second" : `${duration(behind)} behind the lake`) : "as published"}</span>
        <span>{status.publication === null ? "nothing published" : `published ${ago(status.published_at, now)}`}</span>
      </Stage>
    </ol>
  );
}

const stateWords: Record<string, string> = {running: "running", waiting: "waiting for its topic", retrying: "trying again", stopped: "stopped"};

function Sources({status, now}: {status: Status; now: number}) {
  const live = new Map((status.parts.intake?.sources ?? []).map((source) => [source.source, source]));
  const total = sum(status.sources);
  const hasLate = total.late !== undefined;
  const isLive = live.size > 0;
  const numbers = (rows: SourceRows) => (
    <>
      <td class="right">{count(rows.read)}</td>
      <td class="right">{count(rows.accepted)}</td>
      {hasLate && <td class="right">{count(rows.late ?? 0)}</td>}
      <td class="right">{count(rows.duplicate)}</td>
      <td class={`right ${rows.quarantined > 0 ? "warn" : ""}`}>{count(rows.quarantined)}</td>
      <td class="right">{count(rows.filtered)}</td>
      <td>
        {rows.mismatch === 0 ? (
          <span class="good" title="read = accepted + duplicate + quarantined + filtered">
            ✓ <span class="unseen">adds up</span>
          </span>
        ) : (
          <strong class="bad">✗ off by {count(rows.mismatch)}</strong>
        )}
      </td>
    </>
  );
  return (
    <Card title="Where every row went" aside={<span class="muted">read = accepted + duplicate + quarantined + filtered</span>}>
      <div class="scroll" tabIndex={0} role="region" aria-label="Rows by source">
        <table class="dense">
          <caption class="unseen">Rows by source and what became of them</caption>
          <thead>
            <tr>
              <th scope="col">Source</th>
              {isLive && (
                <>
                  <th scope="col">State</th>
                  <th scope="col" class="right">Rows/s</th>
                  <th scope="col" class="right">Lag</th>
                </>
              )}
              <th scope="col" class="right">Read</th>
              <th scope="col" class="right">Accepted</th>
              {hasLate && <th scope="col" class="right">of them late</th>}
              <th scope="col" class="right">Duplicate</th>
              <th scope="col" class="right">Quarantined</th>
              <th scope="col" class="right">Filtered</th>
              <th scope="col"><span class="unseen">Adds up</span></th>
              {hasLate && <th scope="col">Watermark</th>}
              <th scope="col">Committed</th>
            </tr>
          </thead>
          <tbody>
            {status.sources.map((source) => {
              const one = live.get(source.name);
              const now_ = rateOf(source.name);
              return (
                <tr key={source.name}>
                  <th scope="row">
                    {source.name}
                    {source.from && <small class="muted"> {source.kind === "log" ? "topic " : source.kind === "kafka" ? "Kafka topic " : ""}{source.from}</small>}
                  </th>
                  {isLive && (
                    <>
                      <td>{one && <span class={`dot ${one.problem ? "bad" : one.state === "running" ? "good" : "warn"}`}>{stateWords[one.state] ?? one.state}</span>}</td>
                      <td class="right">{now_ === null ? "–" : rate(now_)}</td>
                      <td class="right">{one ? count(one.lag) : "–"}</td>
                    </>
                  )}
                  {numbers(source.rows)}
                  {hasLate && <td title={source.watermark ?? ""}>{source.watermark ? ago(source.watermark, now) : "–"}</td>}
                  <td>{ago(source.rows.committed_at, now)}</td>
                </tr>
              );
            })}
          </tbody>
          {status.sources.length > 1 && (
            <tfoot>
              <tr>
                <th scope="row">All</th>
                {isLive && (
                  <>
                    <td />
                    <td class="right">{rateOf("") === null ? "–" : rate(rateOf("")!)}</td>
                    <td class="right">{count(status.parts.intake!.lag)}</td>
                  </>
                )}
                {numbers(total)}
                {hasLate && <td />}
                <td>{ago(total.committed_at, now)}</td>
              </tr>
            </tfoot>
          )}
        </table>
      </div>
      {[...live.values()].filter((source) => source.problem).map((source) => (
        <p key={source.source} class="note bad" role="alert">
          <strong>{source.source}</strong>: {source.problem}
        </p>
      ))}
    </Card>
  );
}

function Charts({status}: {status: Status}) {
  const names = (status.parts.intake?.sources ?? []).map((source) => source.source);
  const at = history.at.slice(-shownSeconds);
  const lines = (of: Map<string, (number | null)[]>): Line[] => names.map((name) => ({name, values: (of.get(name) ?? []).slice(-shownSeconds)}));
  const rates = lines(history.rate);
  const lags = lines(history.lag);
  return (
    <div class="two">
      <Card title="Rows per second" aside={<span class="muted">last 5 minutes</span>}>
        <Chart label="Rows per second of each source, over the last five minutes" at={at} lines={rates} format={short} seconds={60} whole />
        <Legend lines={rates} format={rate} />
      </Card>
      <Card title="Lag" aside={<span class="muted">messages that are not in the lake yet</span>}>
        <Chart label="Lag of each source in messages, over the last five minutes" at={at} lines={lags} format={short} seconds={60} whole />
        <Legend lines={lags} format={short} />
      </Card>
    </div>
  );
}

function Facts({status, now}: {status: Status; now: number}) {
  const {verdict, parts} = status;
  const batch = parts.batch;
  const due = batch && status.batch_every_seconds && batch.last ? status.batch_every_seconds - (now - Date.parse(batch.last)) / 1000 : null;
  return (
    <div class="three">
      <Card title="Last verdict" aside={<a href="#/verdicts">all views</a>}>
        {verdict ? (
          <>
            <p class={`big ${verdict.differs === 0 ? "good" : "bad"}`}>
              {verdict.differs === 0 ? "equal" : `${count(verdict.differs)} of ${count(verdict.equal + verdict.differs)} differ`}
            </p>
            <div class="facts">
              <span>{plural(verdict.equal, "view")} equal to what all rows give</span>
              <span>verified {ago(verdict.verified_at, now)}</span>
            </div>
          </>
        ) : (
          <p class="muted">
            Nothing was verified yet. <code>weir verify --live</code> computes every view from all rows and compares.
          </p>
        )}
      </Card>
      <Card title="Publication" aside={<a href={hrefOf(["runs"])}>runs</a>}>
        {status.publication === null ? (
          <p class="muted">Nothing is published yet. <code>weir run</code> publishes the results of all views together.</p>
        ) : (
          <>
            <p class="big">#{count(status.publication)}</p>
            <div class="facts">
              <span><When time={status.published_at} />, {ago(status.published_at, now)}</span>
              {batch && <span>{batch.running ? "a run is under way" : due !== null && due > 0 ? `next run in ${duration(due)}` : "the next run is due"}{batch.failed > 0 ? `, ${count(batch.failed)} failed` : ""}</span>}
            </div>
            {batch?.problem && <p class="note bad">{batch.problem}</p>}
          </>
        )}
      </Card>
      <Card title="Speed layer">
        {parts.speed ? (
          <>
            <p class={`big ${parts.speed.problem ? "bad" : ""}`}>{duration(parts.speed.took_seconds)} <small>to take in what is new</small></p>
            <div class="facts">
              <span>{plural(parts.speed.taken_in, "time")}, the last {ago(parts.speed.last, now)}</span>
            </div>
            {parts.speed.problem && <p class="note bad">{parts.speed.problem}</p>}
          </>
        ) : (
          <p class="muted">It does not run here: views are as they were published. <code>weir up</code> runs it.</p>
        )}
      </Card>
    </div>
  );
}

export function Pipeline() {
  const {status} = useStore();
  const now = useNow();
  if (!status) return <Empty title="Waiting for the first numbers" />;
  return (
    <>
      <Flow status={status} now={now} />
      {status.parts.intake && <Charts status={status} />}
      {status.sources.length === 0 ? (
        <Card><Empty title="No rows came in yet">A source takes rows from files or a topic: <code>weir run</code>, or <code>weir up</code> for topics.</Empty></Card>
      ) : (
        <Sources status={status} now={now} />
      )}
      <Facts status={status} now={now} />
      {status.tables.length > 0 && (
        <Card title="Tables in the lake">
          <Table
            caption="Tables in the lake"
            columns={[
              {name: "Table", cell: (table) => table.name},
              {name: "Rows", right: true, cell: (table) => (table.rows === null ? "–" : count(table.rows))},
              {name: "Size", right: true, cell: (table) => bytes(table.bytes)},
              {name: "Files", right: true, cell: (table) => count(table.files)},
              {name: "Version", right: true, cell: (table) => count(table.version)},
            ]}
            rows={status.tables}
            keyOf={(table) => table.name}
          />
        </Card>
      )}
      <p class="foot muted">
        <Icon name="arrow" /> The same numbers for programs: <a href="/status">/status</a>, <a href="/metrics">/metrics</a>, <a href="/views">/views</a>, <a href="/openapi.json">/openapi.json</a>
      </p>
    </>
  );
}
