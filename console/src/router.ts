// Where the page is: "#/views/NAME?order=-n". Everything that can be seen has an address.
import {useEffect, useState} from "preact/hooks";

export interface Place {
  path: string[];
  query: URLSearchParams;
}

function here(): Place {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return {path: path ? path.split("/").map(decodeURIComponent) : [], query: new URLSearchParams(query ?? "")};
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const moved = () => setPlace(here());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

export function hrefOf(path: string[], query?: URLSearchParams): string {
  const text = query?.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(path: string[], query?: URLSearchParams) {
  location.hash = hrefOf(path, query);
}

// Without a new entry in the browser's history.
export function replace(path: string[], query?: URLSearchParams) {
  history.replaceState(null, "", hrefOf(path, query));
  dispatchEvent(new HashChangeEvent("hashchange"));
}
