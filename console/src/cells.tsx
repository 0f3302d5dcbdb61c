// A value of a row as it is shown. Values are text to the page, whatever they hold.
import type {ComponentChildren} from "preact";
import type {Value} from "./api";
import {isNumber} from "./catalogue";

const grouped = new Intl.NumberFormat("en-US", {maximumFractionDigits: 20});

export function cell(value: Value, type: string): ComponentChildren {
  if (value === null) return <span class="null">null</span>;
  if (typeof value === "number") return /^(float|double|decimal)/.test(type) ? grouped.format(Number(value.toPrecision(10))) : grouped.format(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "string") {
    if (isNumber(type)) return value;
    if (type === "timestamp" && value.length >= 20) return <time dateTime={value} title={value}>{value.replace("T", " ").replace(/(\.\d+)?Z$/, "")}</time>;
    return value === "" ? <span class="null">empty</span> : value;
  }
  return <code>{JSON.stringify(value)}</code>;
}

export const alignedRight = isNumber;

// What a chart can draw of it; nothing where it is no number.
export function numberOf(value: Value): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "string" && value !== "" && Number.isFinite(Number(value))) return Number(value);
  return null;
}
