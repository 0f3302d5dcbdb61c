// What is wrong now, what was, and why somebody was told.
import {getJson, type Page, type Row} from "./api";
import {ago, count, plural} from "./format";
import {Card, Empty, Failure, Table, useLoaded, When} from "./parts";
import {useNow, useStore} from "./store";

const changesShown = 200;
const text = (row: Row, name: string) => String(row[name] ?? "");
const rank: Record<string, number> = {firing: 0, pending: 1, resolved: 2, inactive: 3};
const stateClass: Record<string, string> = {firing: "bad", pending: "warn", resolved: "good", inactive: ""};
const State = ({of}: {of: string}) => <span class={`dot ${stateClass[of] ?? ""}`}>{of}</span>;

// Alerts that nobody could look at.
function Unseen({rows}: {rows: Row[]}) {
  if (rows.length === 0) return null;
  return (
    <Card title={`${plural(rows.length, "alert")} could not be looked at`} className="bad">
      {rows.map((row) => (
        <p key={text(row, "alert")} class="note bad">
          <strong>{text(row, "alert")}</strong>: {text(row, "problem")}
        </p>
      ))}
    </Card>
  );
}

export function Alerts() {
  const {status} = useStore();
  const now = useNow();
  const parts = status?.parts.alerts;
  // As often as one of them is looked at.
  const version = `${parts?.looks ?? ""} ${status?.publication ?? ""}`;
  const present = useLoaded("alerts", version, (signal) => getJson<Page>("/system/alerts?limit=2000", signal));
  const past = useLoaded("history", version, (signal) => getJson<Page>(`/system/alert_history?order=-changed_at&limit=${changesShown}`, signal));
  const error = present.error ?? past.error;
  if (error && !(present.value && past.value)) return <Failure error={error} again={() => (present.again(), past.again())} />;
  if (!present.value || !past.value) return <Empty title="Loading" />;
  const rows = present.value.data;
  if (rows.length === 0)
    return (
      <Card>
        <Empty title="No alert was looked at yet">
          <code>alerts.yaml</code> declares SELECTs that give no row while all is well; <code>weir up</code> looks at them.
        </Empty>
      </Card>
    );
  const alerts = new Set(rows.map((row) => text(row, "alert")));
  const shown = rows.filter((row) => row.state !== "inactive").sort((a, b) => (rank[text(a, "state")] ?? 9) - (rank[text(b, "state")] ?? 9) || text(b, "since").localeCompare(text(a, "since")));
  const firing = shown.filter((row) => row.state === "firing");
  const unseen = [...new Map(rows.filter((row) => row.problem).map((row) => [text(row, "alert"), row])).values()];
  return (
    <>
      <Unseen rows={unseen} />
      <Card
        title={firing.length > 0 ? `${plural(firing.length, "instance")} of ${plural(new Set(firing.map((row) => text(row, "alert"))).size, "alert")} fire` : "Nothing fires"}
        aside={<span class="muted">{plural(alerts.size, "alert")}, looked at {ago(rows.map((row) => text(row, "looked_at")).sort().at(-1) ?? null, now)}</span>}
      >
        {shown.length === 0 ? (
          <p class="muted">{alerts.size === 1 ? "It is quiet, and was for a day." : `All ${count(alerts.size)} are quiet, and were for a day.`}</p>
        ) : (
          <Table
            caption="Alerts that fire, are pending, or were over within a day"
            columns={[
              {name: "State", cell: (row) => <State of={text(row, "state")} />},
              {name: "Alert", cell: (row) => <strong>{text(row, "alert")}</strong>},
              {name: "Severity", cell: (row) => text(row, "severity")},
              {name: "What", cell: (row) => <span class="wrap">{text(row, "message")}</span>},
              {name: "Since", cell: (row) => <When time={text(row, "fired_at") || text(row, "since")} />},
              {name: "Over", cell: (row) => <When time={text(row, "resolved_at")} />},
              {name: "Silenced until", cell: (row) => <When time={text(row, "silenced_until")} />},
            ]}
            rows={shown}
            keyOf={(row) => `${text(row, "alert")} ${text(row, "instance")}`}
          />
        )}
      </Card>
      {past.value.data.length > 0 && (
        <Card title="What changed" aside={<span class="muted">newest first</span>}>
          <Table
            caption="Changes of alerts"
            columns={[
              {name: "When", cell: (row) => <When time={text(row, "changed_at")} />},
              {name: "Alert", cell: (row) => text(row, "alert")},
              {name: "State", cell: (row) => <State of={text(row, "state")} />},
              {name: "Was", cell: (row) => text(row, "was")},
              {name: "What", cell: (row) => <span class="wrap">{text(row, "message")}</span>},
            ]}
            rows={past.value.data}
            keyOf={(_row, i) => String(i)}
          />
        </Card>
      )}
    </>
  );
}
