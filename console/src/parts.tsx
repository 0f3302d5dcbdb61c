// What several pages are made of.
import type {ComponentChildren} from "preact";
import {useEffect, useRef, useState} from "preact/hooks";
import {onToken, Problem, Unreachable} from "./api";
import {moment} from "./format";
import {Icon} from "./icons";

export function Card({title, aside, children, className}: {title?: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren; className?: string}) {
  return (
    <section class={`card ${className ?? ""}`}>
      {title && (
        <header>
          <h2>{title}</h2>
          {aside && <div class="aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export function Empty({title, children}: {title: string; children?: ComponentChildren}) {
  return (
    <div class="empty">
      <h3>{title}</h3>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Failure({error, again}: {error: unknown; again?: () => void}) {
  const problem = error instanceof Problem ? error : null;
  const title =
    error instanceof Unreachable ? "The server does not answer"
    : problem?.status === 401 ? "A key or token is needed"
    : problem?.status === 403 ? "Your key may not see this"
    : problem ? problem.title || "The server refused"
    : "Something went wrong here";
  return (
    <div class="empty failure" role="alert">
      <h3>{title}</h3>
      <p>{error instanceof Error && error.message !== title ? error.message : ""}</p>
      {problem?.hint && <p>{problem.hint}</p>}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function When({time}: {time: string | null | undefined}) {
  if (!time) return <span class="muted">–</span>;
  return (
    <time dateTime={time} title={time}>
      {moment(time)}
    </time>
  );
}

export function Dialog({title, close, children}: {title: string; close: () => void; children: ComponentChildren}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current!;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={element}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        if (event.target === element.current) close();
      }}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" class="plain" onClick={close} aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  loading: boolean;
  again: () => void;
}

// Loads when `key` changes, and again when `version` does, keeping what is shown until there is something newer. A load
// that is under way is never cut off by a newer version of the same: where versions come faster than answers, there would
// be none.
export function useLoaded<T>(key: string, version: unknown, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, set] = useState<{key: string; value: T | null; error: unknown; loading: boolean}>({key, value: null, error: null, loading: true});
  const [tries, setTries] = useState(0);
  const wanted = useRef({load, version: `${version} ${tries}`});
  wanted.current = {load, version: `${version} ${tries}`};
  const poke = useRef<() => void>(() => {});
  useEffect(() => onToken((needed) => void (!needed && setTries((n) => n + 1))), []);
  useEffect(() => {
    const stop = new AbortController();
    let running = false;
    let loaded: string | null = null;
    set((before) => (before.key === key ? before : {key, value: null, error: null, loading: true}));
    poke.current = () => {
      if (running || stop.signal.aborted || loaded === wanted.current.version) return;
      running = true;
      loaded = wanted.current.version;
      const finish = (change: (before: {key: string; value: T | null; error: unknown; loading: boolean}) => T | null, error: unknown) => {
        if (stop.signal.aborted) return;
        running = false;
        set((before) => ({key, value: change(before), error, loading: false}));
        poke.current();
      };
      wanted.current.load(stop.signal).then(
        (value) => finish(() => value, null),
        (error) => {
          finish((before) => (before.key === key ? before.value : null), error);
          // What passes is tried again.
          if (error instanceof Unreachable || (error instanceof Problem && error.status === 503))
            setTimeout(() => {
              loaded = null;
              poke.current();
            }, 1500);
        },
      );
    };
    poke.current();
    return () => stop.abort();
  }, [key]);
  useEffect(() => poke.current(), [key, version, tries]);
  const again = () => setTries((n) => n + 1);
  return state.key === key ? {...state, again} : {value: null, error: null, loading: true, again};
}

export interface Column<T> {
  name: string;
  title?: ComponentChildren;
  right?: boolean;
  help?: string;
  cell: (row: T) => ComponentChildren;
  sortable?: boolean;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  keyOf: (row: T, i: number) => string;
  order?: {name: string; down: boolean} | null;
  onOrder?: (name: string) => void;
  onRow?: (row: T) => void;
  selected?: string;
  foot?: ComponentChildren;
}

export function Table<T>({caption, columns, rows, keyOf, order, onOrder, onRow, selected, foot}: TableProps<T>) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const sorted = order?.name === column.name ? (order.down ? "descending" : "ascending") : undefined;
              return (
                <th key={column.name} scope="col" class={column.right ? "right" : ""} aria-sort={sorted} title={column.help}>
                  {onOrder && column.sortable !== false ? (
                    <button type="button" class="sort" onClick={() => onOrder(column.name)}>
                      {column.title ?? column.name}
                      <span aria-hidden="true">{sorted ? (order!.down ? "↓" : "↑") : ""}</span>
                    </button>
                  ) : (
                    (column.title ?? column.name)
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => {
            const key = keyOf(row, i);
            return (
              <tr
                key={key}
                class={onRow ? "clickable" : ""}
                aria-selected={selected === undefined ? undefined : selected === key}
                tabIndex={onRow ? 0 : undefined}
                onClick={onRow && (() => onRow(row))}
                onKeyDown={
                  onRow &&
                  ((event) => {
                    const element = event.currentTarget;
                    if (event.key === "Enter") onRow(row);
                    else if (event.key === "ArrowDown" || event.key === "j") (element.nextElementSibling as HTMLElement | null)?.focus();
                    else if (event.key === "ArrowUp" || event.key === "k") (element.previousElementSibling as HTMLElement | null)?.focus();
                    else return;
                    event.preventDefault();
                  })
                }
              >
                {columns.map((column) => (
                  <td key={column.name} class={column.right ? "right" : ""}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
        {foot}
      </table>
    </div>
  );
}
