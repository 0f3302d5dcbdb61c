// Requests to this server: the token goes along, errors are its problem documents, streams come back by themselves.

export class Problem extends Error {
  constructor(readonly status: number, readonly title: string, readonly detail: string, readonly hint: string) {
    super(detail || title);
  }
}

// The server did not answer at all.
export class Unreachable extends Error {}

const tokenKey = "weir-token";
let token = sessionStorage.getItem(tokenKey) ?? "";
const tokenListeners = new Set<(needed: boolean) => void>();

export const hasToken = () => token !== "";

// Kept until this tab is closed; never in the URL.
export function setToken(text: string) {
  token = text.trim();
  if (token) sessionStorage.setItem(tokenKey, token);
  else sessionStorage.removeItem(tokenKey);
  tokenListeners.forEach((tell) => tell(false));
}

// Told when the server asks for a token, and when there is another one.
export function onToken(tell: (needed: boolean) => void): () => void {
  tokenListeners.add(tell);
  return () => tokenListeners.delete(tell);
}

async function send(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  const sent = token;
  if (token) headers.Authorization = `Bearer ${token}`;
  let response: Response;
  try {
    response = await fetch(path, {headers, signal, cache: "no-store", credentials: "omit"});
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable("the server does not answer");
  }
  if (response.ok || response.status === 304) return response;
  if (response.status === 401 && sent === token) tokenListeners.forEach((tell) => tell(true));
  const problem = await response.json().catch(() => ({}));
  throw new Problem(response.status, problem.title ?? response.statusText, problem.detail ?? "", problem.hint ?? "");
}

// Whole numbers that a double cannot hold stay as they are written.
function exactNumbers(_key: string, value: unknown, context?: {source?: string}): unknown {
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) return context?.source ?? value;
  return value;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, {Accept: "application/json"}, signal);
  return JSON.parse(await response.text(), exactNumbers as (key: string, value: unknown) => unknown) as T;
}

export type Value = string | number | boolean | null | Value[] | {[name: string]: Value};
export type Row = Record<string, Value>;

export interface Meta {
  view: string;
  layer: "batch" | "speed" | "merged";
  publication: number | null;
  published_at: string | null;
  interval: string | null;
  watermark: string | null;
  cut: Record<string, number>;
}

export interface Page {
  data: Row[];
  next: string | null;
  meta: Meta;
}

// A page and its tag; null: it is what `tag` names.
export async function getPage(path: string, tag: string, signal?: AbortSignal): Promise<{page: Page; tag: string} | null> {
  const headers: Record<string, string> = {Accept: "application/json"};
  if (tag) headers["If-None-Match"] = tag;
  const response = await send(path, headers, signal);
  if (response.status === 304) return null;
  const page = JSON.parse(await response.text(), exactNumbers as (key: string, value: unknown) => unknown) as Page;
  return {page, tag: response.headers.get("ETag") ?? ""};
}

// The whole answer as a file for whoever looks.
export async function download(path: string, type: string, name: string) {
  const response = await send(path, {Accept: type});
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export interface StreamEvent {
  id: string;
  event: string;
  data: string;
}

export interface StreamHandlers {
  event: (event: StreamEvent) => void;
  open?: () => void;
  // What went wrong, and in how many milliseconds it is tried again.
  lost?: (error: unknown, again: number) => void;
}

const silentFor = 40_000; // the server says something every 15 seconds

// Server-sent events by fetch, since EventSource cannot send a token. Comes back until it is stopped.
export function openStream(path: string, handlers: StreamHandlers): () => void {
  const stopped = new AbortController();
  let lastId = "";
  let pause = 1000;
  let wake: (() => void) | null = null;
  const listenOnce = async () => {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    stopped.signal.addEventListener("abort", end);
    let timer = setTimeout(end, silentFor);
    try {
      const headers: Record<string, string> = {Accept: "text/event-stream"};
      if (lastId) headers["Last-Event-ID"] = lastId;
      const response = await send(path, headers, attempt.signal);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      handlers.open?.();
      pause = 1000;
      let text = "";
      for (;;) {
        const {value, done} = await reader.read();
        if (done) throw new Unreachable("the server ended the stream");
        clearTimeout(timer);
        timer = setTimeout(end, silentFor);
        text += value;
        for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
          const block = text.slice(0, at);
          text = text.slice(at + 2);
          const event: StreamEvent = {id: lastId, event: "message", data: ""};
          let has = false;
          for (const line of block.split("\n")) {
            const colon = line.indexOf(":");
            if (colon <= 0) continue;
            const field = line.slice(0, colon);
            const rest = line.slice(colon + 1).replace(/^ /, "");
            if (field === "id") event.id = lastId = rest;
            if (field === "event") event.event = rest;
            if (field === "data") {
              event.data += (has ? "\n" : "") + rest;
              has = true;
            }
          }
          if (has) handlers.event(event);
        }
      }
    } finally {
      clearTimeout(timer);
      stopped.signal.removeEventListener("abort", end);
    }
  };
  const offToken = onToken((needed) => {
    if (!needed) wake?.();
  });
  void (async () => {
    while (!stopped.signal.aborted) {
      try {
        await listenOnce();
      } catch (error) {
        if (stopped.signal.aborted) break;
        const refused = error instanceof Problem && error.status < 500 && error.status !== 429;
        handlers.lost?.(error, refused ? 0 : pause);
        await new Promise<void>((resolve) => {
          wake = resolve;
          stopped.signal.addEventListener("abort", () => resolve(), {once: true});
          // What was refused stays refused until there is another token.
          if (!refused) setTimeout(resolve, pause);
        });
        wake = null;
        pause = Math.min(pause * 1.6, 10_000);
      }
    }
    offToken();
  })();
  return () => stopped.abort();
}
