// Light, dark, or what the system has; the choice is kept in this browser.
import {useEffect, useState} from "preact/hooks";

export type Theme = "light" | "dark";
const key = "weir-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme | null {
  const kept = localStorage.getItem(key);
  return kept === "light" || kept === "dark" ? kept : null;
}

export const theme = (): Theme => chosen() ?? (system.matches ? "dark" : "light");

function apply() {
  document.documentElement.dataset.theme = theme();
  listeners.forEach((tell) => tell());
}

export function toggleTheme() {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  // What the system has anyway need not be kept.
  if (next === (system.matches ? "dark" : "light")) localStorage.removeItem(key);
  else localStorage.setItem(key, next);
  apply();
}

export function startTheme() {
  system.addEventListener("change", apply);
  apply();
}

export function useTheme(): Theme {
  const [now, set] = useState(theme());
  useEffect(() => {
    const tell = () => set(theme());
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return now;
}
