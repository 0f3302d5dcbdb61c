// The frame around every page: where one is, how the server is, and what the keys do.
import {render} from "preact";
import {useEffect, useRef, useState} from "preact/hooks";
import {Alerts} from "./alerts";
import {hasToken, setToken} from "./api";
import {Icon} from "./icons";
import {Dialog, Empty} from "./parts";
import {Pipeline} from "./pipeline";
import {Quarantine} from "./quarantine";
import {Reference} from "./reference";
import {go, hrefOf, usePlace} from "./router";
import {Runs} from "./runs";
import {start, useStore} from "./store";
import "./style.css";
import {startTheme, toggleTheme, useTheme} from "./theme";
import {Verdicts} from "./verdicts";
import {ViewPage} from "./view";
import {Views} from "./views";

const pages = [
  {path: "", name: "Pipeline", icon: "pipeline", key: "p"},
  {path: "views", name: "Views", icon: "views", key: "v"},
  {path: "quarantine", name: "Quarantine", icon: "quarantine", key: "q"},
  {path: "alerts", name: "Alerts", icon: "alerts", key: "a"},
  {path: "runs", name: "Runs", icon: "runs", key: "r"},
  {path: "verdicts", name: "Verdicts", icon: "verify", key: "e"},
  {path: "api", name: "API", icon: "api", key: "i"},
] as const;

function Help({close}: {close: () => void}) {
  const keys: [string, string][] = [
    ...pages.map((page): [string, string] => [`g ${page.key}`, page.name]),
    ["/", "Search, or filter"],
    ["[  ]", "Previous, next page of rows"],
    ["j  k", "Down, up in a list whose rows open"],
    ["Enter", "Open the row"],
    ["t", "Light or dark"],
    ["Esc", "Close"],
    ["?", "This help"],
  ];
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(/\s+/).map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function TokenDialog({close}: {close: () => void}) {
  const input = useRef<HTMLInputElement>(null);
  const refused = hasToken();
  useEffect(() => input.current?.focus(), []);
  return (
    <Dialog title="A key or token is needed" close={close}>
      <form
        class="token"
        onSubmit={(event) => {
          event.preventDefault();
          const text = input.current!.value.trim();
          if (text) setToken(text);
        }}
      >
        {refused && <p class="bad" role="alert">The one that was given is not valid, or has expired.</p>}
        <label>
          API key or token
          <input ref={input} type="password" autocomplete="off" spellcheck={false} required />
        </label>
        <p class="muted">
          It stays in this tab, until the tab is closed. <code>weir token create --scope 'view:*' --scope 'system:*' --ttl 8h</code> makes one.
        </p>
        <div class="tools">
          <button type="submit" class="primary">Use it</button>
        </div>
      </form>
    </Dialog>
  );
}

function LinkState() {
  const {link, status} = useStore();
  const text = {connecting: "Connecting", live: "Live", lost: "Reconnecting", refused: "No access"}[link];
  const state = {connecting: "warn", live: "good", lost: "bad", refused: "warn"}[link];
  return (
    <span class={`pill dot ${state}`} role="status" title={status ? `up since ${status.up_since}` : undefined}>
      {text}
    </span>
  );
}

function Banner({askToken}: {askToken: () => void}) {
  const {link, error, retryAt, status, tokenNeeded} = useStore();
  const [, again] = useState(0);
  useEffect(() => {
    if (link !== "lost") return;
    const timer = setInterval(() => again((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, [link]);
  if (link === "lost") {
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    return (
      <div class="banner bad" role="alert">
        <strong>The server does not answer.</strong> {status ? "What stands here is what was last known. " : ""}
        {seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again."}
      </div>
    );
  }
  if (link === "refused")
    return (
      <div class="banner warn" role="alert">
        <strong>{tokenNeeded ? "A key or token is needed." : "The pipeline cannot be shown."}</strong> {tokenNeeded ? "" : `${error}. `}
        <button type="button" onClick={askToken}>
          <Icon name="key" /> {hasToken() ? "Use another" : "Enter one"}
        </button>
      </div>
    );
  return null;
}

function App() {
  const place = usePlace();
  const {status, tokenNeeded, link} = useStore();
  const [help, setHelp] = useState(false);
  const [token, setTokenOpen] = useState(false);
  const theme = useTheme();
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    if (tokenNeeded) setTokenOpen(true);
    else setTokenOpen(false);
  }, [tokenNeeded]);
  useEffect(() => {
    let went = 0;
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
      if (Date.now() - went < 1200) {
        went = 0;
        const page = pages.find((one) => one.key === event.key);
        if (page) return go(page.path ? [page.path] : []);
      }
      if (event.key === "g") went = Date.now();
      else if (event.key === "?") setHelp(true);
      else if (event.key === "t") toggleTheme();
      else if (event.key === "/") {
        event.preventDefault();
        document.getElementById("search")?.focus();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const [page = "", name] = place.path;
  const known = pages.find((one) => one.path === page);
  const firing = status?.parts.alerts?.firing ?? 0;
  const needsStatus = page === "";
  useEffect(() => {
    main.current?.scrollTo(0, 0);
    window.scrollTo(0, 0);
  }, [page, name]);
  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        To the content
      </a>
      <header class="side">
        <a class="brand" href="#/">
          <svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path d="M5 12c3.7-3 7.3 3 11 0s7.3 3 11 0" /><path class="posts" d="M8 17v8M14 17v8M20 17v8M26 17v8" /></svg>
          <span>
            <strong>{status?.name ?? "weir"}</strong>
            <small>weir {status?.version ?? ""}</small>
          </span>
        </a>
        <nav aria-label="Pages">
          {pages.map((one) => (
            <a key={one.path} href={hrefOf(one.path ? [one.path] : [])} aria-current={one.path === page ? "page" : undefined}>
              <Icon name={one.icon} />
              <span>{one.name}</span>
              {one.path === "alerts" && firing > 0 && <strong class="count bad" title={`${firing} fire`}>{firing}</strong>}
            </a>
          ))}
        </nav>
        <div class="side-tools">
          <LinkState />
          {hasToken() && (
            <button type="button" class="plain" onClick={() => setToken("")} title="Forget the key or token" aria-label="Forget the key or token">
              <Icon name="key" />
            </button>
          )}
          <button type="button" class="plain" onClick={toggleTheme} aria-label={theme === "dark" ? "Light colours" : "Dark colours"} title="Light or dark (t)">
            <Icon name={theme === "dark" ? "sun" : "moon"} />
          </button>
          <button type="button" class="plain" onClick={() => setHelp(true)} aria-label="Keys" title="Keys (?)">
            <Icon name="help" />
          </button>
        </div>
      </header>
      <main id="content" ref={main} tabIndex={-1} class={link === "lost" ? "stale" : ""}>
        <Banner askToken={() => setTokenOpen(true)} />
        <h1>
          {name && page === "views" ? (
            <>
              <a href="#/views">Views</a> <span aria-hidden="true">/</span> {name}
            </>
          ) : (
            (known?.name ?? "Not found")
          )}
        </h1>
        {!known ? <Empty title="There is no such page"><a href="#/">The pipeline</a></Empty>
          : needsStatus && link === "refused" ? <Empty title="The pipeline needs the scope system:status">Views that the key may read are under <a href="#/views">Views</a>.</Empty>
          : page === "" ? <Pipeline />
          : page === "views" ? (name ? <ViewPage name={name} /> : <Views />)
          : page === "quarantine" ? <Quarantine />
          : page === "api" ? <Reference />
          : page === "alerts" ? <Alerts />
          : page === "runs" ? <Runs />
          : <Verdicts />}
      </main>
      {help && <Help close={() => setHelp(false)} />}
      {token && <TokenDialog close={() => setTokenOpen(false)} />}
    </div>
  );
}

startTheme();
start();
render(<App />, document.getElementById("page")!);
