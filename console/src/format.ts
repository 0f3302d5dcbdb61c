// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
const some = new Intl.NumberFormat("en-US", {maximumFractionDigits: 2});
const fine = new Intl.NumberFormat("en-US", {maximumSignificantDigits: 3});
// Twelve digits: of a sum of tenths, not what a double makes of it.
const exact = new Intl.NumberFormat("en-US", {maximumSignificantDigits: 12});
const exactCompact = new Intl.NumberFormat("en-US", {notation: "compact", maximumSignificantDigits: 12});
const compactNumber = new Intl.NumberFormat("en-US", {notation: "compact", maximumFractionDigits: 1});

export const count = (value: number) => whole.format(value);
// Two decimals, and more where they would all be zeros.
export const decimal = (value: number) => (Math.abs(value) < 1 ? fine : some).format(value);
// As it is: "2.5", "0.05", "1.25M". For ticks, of which there is one at each round number.
export const tick = (value: number) => (Math.abs(value) < 1_000_000 ? exact : exactCompact).format(value);
// "12,345", and "1.2M" where that would be too long.
export const short = (value: number) => (Math.abs(value) < 1_000_000 ? whole.format(value) : compactNumber.format(value));

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? whole.format(value) : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  if (seconds < 0) seconds = 0;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function ago(time: string | null | undefined, now: number): string {
  if (!time) return "never";
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 1.5 ? "now" : `${duration(seconds < 10 ? Math.round(seconds) : seconds)} ago`.replace(".0 s", " s");
}

const pad = (value: number) => String(value).padStart(2, "0");

// In the zone of whoever looks; the title of an element tells it in UTC.
export function clock(time: string | number): string {
  const date = new Date(time);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

export function moment(time: string): string {
  const date = new Date(time);
  const today = new Date();
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return date.toDateString() === today.toDateString() ? clock(time) : `${day} ${clock(time)}`;
}

export const share = (part: number, all: number) => (all === 0 ? "–" : `${((100 * part) / all).toFixed(part === all || part === 0 ? 0 : 1)} %`);
