// The views and what each is like.
import {getJson, type Meta} from "./api";
import {type Loaded, useLoaded} from "./parts";
import {useStore} from "./store";

export interface ViewColumn {
  name: string;
  type: string;
}

export interface View {
  name: string;
  description: string;
  kind: string;
  columns: ViewColumn[] | null;
  has_result: boolean;
  rows?: number;
  meta?: Meta;
}

export function useCatalogue(): Loaded<View[]> {
  const {status, link} = useStore();
  return useLoaded("views", `${status?.publication} ${link === "live"}`, async (signal) => (await getJson<{views: View[]}>("/views", signal)).views);
}

export const isTime = (type: string) => type === "date" || type === "timestamp" || type === "timestamp_ntz";
export const isNumber = (type: string) => /^(byte|short|integer|long|float|double|decimal)/.test(type);
export const isText = (type: string) => type === "string";
export const isPlain = (type: string) => isTime(type) || isNumber(type) || isText(type) || type === "boolean";
