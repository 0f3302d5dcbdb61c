// The interface for programs: every path as /openapi.json has it, found by typing, with a request to copy.
import {useMemo, useState} from "preact/hooks";
import {getJson, hasToken} from "./api";
import {count} from "./format";
import {Card, Empty, Failure, Table, useLoaded} from "./parts";
import {usePlace} from "./router";
import {matcher, Search} from "./search";
import {useStore} from "./store";

interface Schema {
  type?: string | string[];
  format?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
}

interface Parameter {
  name: string;
  in: "query" | "path" | "header";
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Operation {
  operationId: string;
  summary: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: {content: Record<string, unknown>};
  responses: Record<string, {description: string; content?: Record<string, unknown>}>;
  security?: unknown[];
}

interface Document {
  openapi: string;
  info: {title: string; version: string};
  paths: Record<string, Record<string, Operation>>;
  security?: unknown[];
}

interface Entry {
  method: string;
  path: string;
  operation: Operation;
}

const entriesOf = (document: Document): Entry[] => Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({method: method.toUpperCase(), path, operation})));

function typeOf(schema: Schema | undefined): string {
  if (!schema) return "";
  if (schema.enum) return schema.enum.join(" | ");
  const type = [schema.type ?? ""].flat().join(" | ") + (schema.format ? `, ${schema.format}` : "");
  const from = schema.minimum === undefined ? "" : ` from ${count(schema.minimum)}`;
  const to = schema.maximum === undefined ? "" : ` to ${count(schema.maximum)}`;
  return type + from + to;
}

// What answers it from a shell.
function curl({method, path, operation}: Entry, needsKey: boolean): string {
  const words = ["curl"];
  if (needsKey) words.push(`-H "Authorization: Bearer $WEIR_TOKEN"`);
  const stream = Object.keys(operation.responses["200"]?.content ?? {}).includes("text/event-stream");
  if (stream) words.push("-N");
  const body = Object.keys(operation.requestBody?.content ?? {})[0];
  if (body) words.push(`-X ${method} -H 'Content-Type: ${body}' --data-binary @rows.ndjson`);
  words.push(`'${location.origin}${path}'`);
  return words.join(" ");
}

function Details({entry, needsKey}: {entry: Entry; needsKey: boolean}) {
  const [copied, setCopied] = useState(false);
  const {operation} = entry;
  const command = curl(entry, needsKey && operation.security?.length !== 0);
  const copy = () =>
    navigator.clipboard.writeText(command).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      },
      () => setCopied(false),
    );
  const types = Object.keys(operation.responses["200"]?.content ?? operation.responses["202"]?.content ?? {});
  return (
    <div class="operation">
      <div class="command">
        <pre tabIndex={0}>{command}</pre>
        {navigator.clipboard && (
          <button type="button" onClick={() => void copy()}>
            {copied ? "Copied" : "Copy"}
          </button>
        )}
      </div>
      {(operation.parameters ?? []).length > 0 && (
        <Table
          caption={`Parameters of ${entry.path}`}
          columns={[
            {
              name: "Parameter",
              cell: (parameter) => (
                <>
                  <code>{parameter.name}</code>
                  {parameter.required && <small class="muted"> required</small>}
                </>
              ),
            },
            {name: "In", cell: (parameter) => parameter.in},
            {name: "Value", cell: (parameter) => typeOf(parameter.schema)},
            {name: "Meaning", cell: (parameter) => <span class="wrap">{parameter.description}</span>},
          ]}
          rows={operation.parameters!}
          keyOf={(parameter) => `${parameter.in} ${parameter.name}`}
        />
      )}
      <p class="muted">
        {types.length > 0 && <>Answers as {types.join(", ")}. </>}
        {Object.entries(operation.responses)
          .map(([status, answer]) => `${status} ${answer.description}`)
          .join(" · ")}
      </p>
    </div>
  );
}

export function Reference() {
  const {query} = usePlace();
  const {status} = useStore();
  const wanted = query.get("q") ?? "";
  const loaded = useLoaded("openapi", status?.version, (signal) => getJson<Document>("/openapi.json", signal));
  const [open, setOpen] = useState<Set<string>>(new Set());
  const entries = useMemo(() => (loaded.value ? entriesOf(loaded.value) : []), [loaded.value]);
  const found = useMemo(() => {
    const matches = matcher(wanted);
    return entries.filter(({path, operation}) => matches(`${path} ${operation.summary} ${(operation.parameters ?? []).map((parameter) => parameter.name).join(" ")}`));
  }, [entries, wanted]);
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return <Empty title="Loading" />;
  const needsKey = (loaded.value.security ?? []).length > 0 || hasToken();
  return (
    <Card
      title={`${count(found.length)} ${found.length === 1 ? "request" : "requests"}`}
      aside={
        <>
          <a href="/openapi.json">OpenAPI {loaded.value.openapi}</a>{" "}
          <Search page="api" label="Search requests" placeholder="Path, words, a parameter" wanted={wanted} />
        </>
      }
    >
      {found.length === 0 && <Empty title={`No request has “${wanted}”`}>Paths, summaries and parameters were searched.</Empty>}
      <ul class="requests">
        {found.map((entry) => {
          const id = `${entry.method} ${entry.path}`;
          return (
            <li key={id}>
              <details
                open={open.has(id)}
                onToggle={(event) => {
                  const next = new Set(open);
                  if (event.currentTarget.open) next.add(id);
                  else next.delete(id);
                  if (next.has(id) !== open.has(id)) setOpen(next);
                }}
              >
                <summary>
                  <span class="method">{entry.method}</span> <code>{entry.path}</code> <span class="muted">{entry.operation.summary}</span>
                </summary>
                {open.has(id) && <Details entry={entry} needsKey={needsKey} />}
              </details>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
