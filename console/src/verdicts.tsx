// Whether results are what their rows give: the newest verdict of each view.
import {getJson, type Page, type Row} from "./api";
import {count, plural} from "./format";
import {Card, Empty, Failure, Table, useLoaded, When} from "./parts";
import {hrefOf} from "./router";
import {useStore} from "./store";

const text = (row: Row, name: string) => String(row[name] ?? "");

export function Verdicts() {
  const {status} = useStore();
  const url = "/system/verdicts?order=-verified_at&limit=2000";
  const loaded = useLoaded(url, status?.verdict?.verified_at, (signal) => getJson<Page>(url, signal));
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return <Empty title="Loading" />;
  const newest = new Map<string, Row>();
  for (const row of loaded.value.data) if (!newest.has(text(row, "view"))) newest.set(text(row, "view"), row);
  const rows = [...newest.values()].sort((a, b) => text(b, "verdict").localeCompare(text(a, "verdict")) * -1 || text(a, "view").localeCompare(text(b, "view")));
  const differing = rows.filter((row) => row.verdict !== "equal");
  if (rows.length === 0)
    return (
      <Card>
        <Empty title="Nothing was verified yet">
          <code>weir verify</code> computes published results again from all rows in the lake and compares, to the bit; <code>weir verify --live</code> does so with what is up to the second.
        </Empty>
      </Card>
    );
  return (
    <>
      {differing.map((row) => (
        <Card key={text(row, "view")} title={`${text(row, "view")} differs`} className="bad">
          <p>
            {plural(Number(row.missing ?? 0), "row")} missing, {count(Number(row.surplus ?? 0))} too many. The first one:
          </p>
          <pre tabIndex={0}>{text(row, "detail")}</pre>
        </Card>
      ))}
      <Card title={differing.length === 0 ? `All ${count(rows.length)} views are equal to what their rows give` : `${count(rows.length)} views`}>
        <Table
          caption="The newest verdict of each view"
          columns={[
            {name: "View", cell: (row) => <a href={hrefOf(["views", text(row, "view")])}>{text(row, "view")}</a>},
            {name: "Verdict", cell: (row) => <span class={`dot ${row.verdict === "equal" ? "good" : "bad"}`}>{text(row, "verdict")}</span>},
            {name: "Of", cell: (row) => (Number(row.publication ?? 0) > 0 ? `publication #${count(Number(row.publication))}` : "the newest commits")},
            {name: "Rows", right: true, cell: (row) => count(Number(row.rows ?? 0))},
            {name: "Missing", right: true, cell: (row) => count(Number(row.missing ?? 0))},
            {name: "Surplus", right: true, cell: (row) => count(Number(row.surplus ?? 0))},
            {name: "Verified", cell: (row) => <When time={text(row, "verified_at")} />},
          ]}
          rows={rows}
          keyOf={(row) => text(row, "view")}
        />
      </Card>
    </>
  );
}
