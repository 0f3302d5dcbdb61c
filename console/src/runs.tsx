// What ran, when, and how it ended.
import {getJson, type Page, type Row} from "./api";
import {count, duration, plural} from "./format";
import {Card, Empty, Failure, useLoaded, When} from "./parts";
import {useStore} from "./store";

const steps = 2000;
const text = (row: Row, name: string) => String(row[name] ?? "");
const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;

interface Run {
  id: string;
  steps: Row[];
  begun: string;
  ended: string | null;
  rows: number;
  byState: Map<string, number>;
}

function runsOf(rows: Row[]): Run[] {
  const runs = new Map<string, Run>();
  for (const row of rows) {
    const id = text(row, "run_id");
    const run = runs.get(id) ?? {id, steps: [], begun: text(row, "started_at"), ended: "", rows: 0, byState: new Map<string, number>()};
    run.steps.push(row);
    if (text(row, "started_at") < run.begun) run.begun = text(row, "started_at");
    if (row.finished_at === null) run.ended = null;
    else if (run.ended !== null && text(row, "finished_at") > run.ended) run.ended = text(row, "finished_at");
    if (row.kind === "source") run.rows += Number(row.rows ?? 0);
    run.byState.set(text(row, "state"), (run.byState.get(text(row, "state")) ?? 0) + 1);
    runs.set(id, run);
  }
  return [...runs.values()];
}

const stateClass: Record<string, string> = {done: "good", failed: "bad", running: "warn", unchanged: ""};

export function Runs() {
  const {status} = useStore();
  const version = `${status?.parts.batch?.runs} ${status?.publication}`;
  const url = `/system/runs?order=-started_at&limit=${steps}`;
  const loaded = useLoaded(url, version, (signal) => getJson<Page>(url, signal));
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return <Empty title="Loading" />;
  const runs = runsOf(loaded.value.data);
  // The oldest one may be cut.
  if (loaded.value.next && runs.length > 1) runs.pop();
  if (runs.length === 0)
    return (
      <Card>
        <Empty title="Nothing ran yet"><code>weir run</code> runs what is due; <code>weir up</code> does so again and again.</Empty>
      </Card>
    );
  return (
    <Card title="Runs" aside={<span class="muted">newest first</span>}>
      <ul class="runs">
        {runs.map((run) => (
          <li key={run.id}>
            <details>
              <summary>
                <span class={`dot ${run.byState.has("failed") ? "bad" : run.ended === null ? "warn" : "good"}`}>{run.byState.has("failed") ? "failed" : run.ended === null ? "not finished" : "done"}</span>
                <When time={run.begun} />
                <span>{run.ended ? duration(seconds(run.begun, run.ended)) : ""}</span>
                <span class="muted">
                  {plural(run.steps.length, "step")}
                  {[...run.byState].filter(([state]) => state !== "done").map(([state, n]) => `, ${count(n)} ${state}`).join("")}
                  {run.rows > 0 ? `, ${plural(run.rows, "row")} taken in` : ""}
                </span>
              </summary>
              <div class="scroll" tabIndex={0} role="region" aria-label={`Steps of run ${run.id}`}>
                <table>
                  <caption class="unseen">Steps of run {run.id}</caption>
                  <thead>
                    <tr>
                      <th scope="col">Step</th>
                      <th scope="col">Kind</th>
                      <th scope="col">Day</th>
                      <th scope="col">State</th>
                      <th scope="col" class="right">Rows</th>
                      <th scope="col" class="right">Took</th>
                      <th scope="col">Why</th>
                    </tr>
                  </thead>
                  <tbody>
                    {[...run.steps].sort((a, b) => text(a, "started_at").localeCompare(text(b, "started_at"))).map((step, i) => (
                      <tr key={i}>
                        <th scope="row">{text(step, "node")}</th>
                        <td>{text(step, "kind")}</td>
                        <td>{text(step, "interval_from")}</td>
                        <td class={stateClass[text(step, "state")]}>{text(step, "state")}</td>
                        <td class="right">{count(Number(step.rows ?? 0))}</td>
                        <td class="right">{step.finished_at ? duration(seconds(text(step, "started_at"), text(step, "finished_at"))) : ""}</td>
                        <td><span class="wrap">{step.error ? <strong class="bad">{text(step, "error")}</strong> : text(step, "reason")}</span></td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </details>
          </li>
        ))}
      </ul>
    </Card>
  );
}
