// The pipeline's status as it streams in, and what of the last minutes is remembered of it.
import {useEffect, useState} from "preact/hooks";
import {onToken, openStream, Problem} from "./api";

export interface SourceRows {
  read: number;
  accepted: number;
  duplicate: number;
  quarantined: number;
  filtered: number;
  late?: number;
  mismatch: number;
  committed_at: string | null;
}

export interface Source {
  name: string;
  kind: "log" | "kafka" | "files" | "lake";
  from: string | null;
  contract?: string;
  table?: string;
  watermark?: string | null;
  rows: SourceRows;
}

export interface LiveSource {
  source: string;
  topic: string;
  state: string;
  lag: number;
  read: number;
  accepted: number;
  quarantined: number;
  late?: number;
  problem?: string;
}

export interface Status {
  name: string;
  version: string;
  at: string;
  up_since: string;
  publication: number | null;
  published_at: string | null;
  views: number;
  batch_every_seconds: number | null;
  sources: Source[];
  tables: {name: string; version: number; rows: number | null; files: number; bytes: number}[];
  verdict: {equal: number; differs: number; differing: string[]; verified_at: string} | null;
  parts: {
    intake?: {rows_per_second: number; lag: number; read: number; sources: LiveSource[]};
    speed?: {taken_in: number; took_seconds: number; last?: string; problem?: string};
    alerts?: {alerts: number; firing: number; pending: number; failing: number; looks: number};
    batch?: {runs: number; failed: number; running: boolean; took_seconds: number; last?: string; problem?: string};
  };
}

export type Link = "connecting" | "live" | "lost" | "refused";

export interface State {
  link: Link;
  error: string;
  retryAt: number;
  status: Status | null;
  tokenNeeded: boolean;
}

// One point a second, of the last ten minutes.
export interface History {
  at: number[]; // seconds since 1970
  rate: Map<string, (number | null)[]>; // by source; "" for all
  lag: Map<string, (number | null)[]>;
}
const kept = 600;
export const history: History = {at: [], rate: new Map([["", []]]), lag: new Map([["", []]])};

let state: State = {link: "connecting", error: "", retryAt: 0, status: null, tokenNeeded: false};
const listeners = new Set<() => void>();

function change(by: Partial<State>) {
  state = {...state, ...by};
  listeners.forEach((tell) => tell());
}

function series(of: Map<string, (number | null)[]>, name: string): (number | null)[] {
  let values = of.get(name);
  if (!values) of.set(name, (values = new Array<number | null>(history.at.length - 1).fill(null)));
  return values;
}

// The last few statuses of one run of the server: an epoch takes about a second, so that one difference says little.
let recent: Status[] = [];

function remember(next: Status) {
  // A server that was started again counts from nothing.
  recent = [...recent.filter((one) => one.up_since === next.up_since), next].slice(-6);
  const at = Date.parse(next.at) / 1000;
  const seconds = at - Date.parse(recent[0].at) / 1000;
  history.at.push(at);
  const put = (of: Map<string, (number | null)[]>, name: string, value: number | null) => series(of, name).push(value);
  let all: number | null = null;
  for (const source of next.parts.intake?.sources ?? []) {
    const earlier = recent[0].parts.intake?.sources.find((one) => one.source === source.source);
    const rate = seconds > 1.5 && earlier ? Math.max(0, (source.read - earlier.read) / seconds) : null;
    put(history.rate, source.source, rate);
    put(history.lag, source.source, source.lag);
    if (rate !== null) all = (all ?? 0) + rate;
  }
  put(history.rate, "", all);
  put(history.lag, "", next.parts.intake?.lag ?? null);
  for (const of of [history.rate, history.lag])
    for (const values of of.values()) {
      while (values.length < history.at.length) values.push(null);
      if (values.length > kept) values.splice(0, values.length - kept);
    }
  if (history.at.length > kept) history.at.splice(0, history.at.length - kept);
}

export function start() {
  onToken((needed) => change({tokenNeeded: needed}));
  openStream("/status/stream", {
    open: () => change({link: "live", error: "", tokenNeeded: false}),
    event: (event) => {
      const status = JSON.parse(event.data) as Status;
      remember(status);
      change({status, link: "live", error: ""});
      document.title = `${status.name} · weir`;
    },
    lost: (error, again) => {
      const refused = error instanceof Problem && again === 0;
      change({
        link: refused ? "refused" : "lost",
        error: error instanceof Error ? error.message : String(error),
        retryAt: again > 0 ? Date.now() + again : 0,
      });
    },
  });
}

export function useStore(): State {
  const [, again] = useState(0);
  useEffect(() => {
    const tell = () => again((n) => n + 1);
    listeners.add(tell);
    // What changed between the first drawing and now.
    tell();
    return () => void listeners.delete(tell);
  }, []);
  return state;
}

// The server's time, so that ages are right on a machine whose clock is not.
let ahead = 0;
export function useNow(): number {
  const {status} = useStore();
  const [, again] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => again((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (status) ahead = Date.parse(status.at) - Date.now();
  }, [status]);
  return Date.now() + ahead;
}

// The newest rate of a source, or of all.
export function rateOf(name: string): number | null {
  return history.rate.get(name)?.at(-1) ?? null;
}
