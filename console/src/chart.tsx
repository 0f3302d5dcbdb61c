// Lines over time, drawn by uPlot; what they say also stands beside them as text.
import {useEffect, useRef} from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import {tick} from "./format";
import {useTheme} from "./theme";

export interface Line {
  name: string;
  values: (number | null)[];
  fill?: boolean;
}

interface ChartProps {
  label: string; // what it shows, for who cannot see it
  at: number[]; // seconds since 1970
  lines: Line[];
  format: (value: number) => string; // of a value; ticks are told exactly
  height?: number;
  // Days and times of the data are those of the wall clock that it has.
  utc?: boolean;
  seconds?: number; // the axis spans at least so much, up to the last point
  dots?: boolean;
  whole?: boolean; // there is nothing between two whole numbers
  broken?: boolean; // a line ends where a value is missing, and does not go on to the next one
  scattered?: boolean; // dots alone: more windows than pixels, with others missing between them
}

const pad = (value: number) => String(value).padStart(2, "0");

// One line a tick: days, and times of a day where ticks are closer.
function tickText(tick: number, ticks: number[], utc?: boolean): string {
  const date = new Date(tick * 1000);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  if (utc) {
    const iso = date.toISOString();
    return step >= 86_400 ? iso.slice(0, 10) : `${iso.slice(5, 10)} ${iso.slice(11, 16)}`;
  }
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  return step < 60 ? `${time}:${pad(date.getSeconds())}` : time;
}

const dayIncrements = [1, 2, 4, 7, 14, 28, 91, 182, 365, 730, 3650].map((days) => days * 86_400);

const wholeIncrements = Array.from({length: 12}, (_, i) => [1, 2, 5].map((step) => step * 10 ** i)).flat();

// The values that no line goes to, as both their neighbours are missing: these are dots.
function alone(values: ArrayLike<number | null | undefined>, broken = false): number[] {
  const there = (i: number) => values[i] !== null && values[i] !== undefined;
  const all = Array.from(values, (_, i) => i).filter(there);
  return broken ? all.filter((i) => !there(i - 1) && !there(i + 1)) : all.length === 1 ? all : [];
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const seriesColor = (i: number) => `var(--series-${(i % 8) + 1})`;

export function Chart({label, at, lines, format, height = 180, utc, seconds, dots, whole, broken, scattered}: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const theme = useTheme();
  const days = utc === true && at.every((seconds) => seconds % 86_400 === 0);
  const names = lines.map((line) => line.name).join("\n");
  const formatter = useRef(format);
  formatter.current = format;

  useEffect(() => {
    const element = place.current!;
    const axis = {
      stroke: css("--muted"),
      grid: {stroke: css("--line"), width: 1},
      ticks: {stroke: css("--line"), width: 1, size: 4},
      font: "11px system-ui, sans-serif",
    };
    const made = new uPlot(
      {
        width: element.clientWidth || 300,
        height,
        legend: {show: false},
        padding: [8, 36, 0, 0],
        cursor: {y: false, points: {size: 6}},
        tzDate: utc ? (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC") : undefined,
        scales: {
          x: {
            time: true,
            range: seconds ? (_plot, low, high) => [Math.min(low ?? high, high - seconds), high] : undefined,
          },
          y: {range: (_plot, low, high) => [Math.min(0, low ?? 0), Math.max(whole ? 4 : 1e-9, (high ?? 1) * 1.08)]},
        },
        axes: [
          {...axis, size: 26, space: utc ? 84 : 70, incrs: days ? dayIncrements : undefined, values: (_plot, ticks) => ticks.map((tick) => tickText(tick, ticks, utc))},
          {...axis, size: 54, space: 32, incrs: whole ? wholeIncrements : undefined, values: (_plot, values) => values.map(tick)},
        ],
        series: [
          {},
          ...lines.map((line, i) => {
            const stroke = css(`--series-${(i % 8) + 1}`);
            return {
              label: line.name,
              stroke,
              width: broken ? 2.4 : 1.6,
              cap: "round" as const,
              fill: line.fill ? `${stroke}22` : undefined,
              points: {show: true, size: scattered ? 3 : 5, filter: (u: uPlot, series: number) => (dots || scattered ? null : alone(u.data[series], broken))},
              paths: scattered ? () => null : undefined,
              spanGaps: !broken,
            };
          }),
        ],
        hooks: {
          setCursor: [
            (u) => {
              const tip = element.querySelector<HTMLElement>(".chart-tip")!;
              const {idx, left} = u.cursor;
              if (idx === null || idx === undefined || (left ?? -1) < 0) {
                tip.hidden = true;
                return;
              }
              tip.hidden = false;
              const time = new Date(u.data[0][idx] * 1000);
              const iso = time.toISOString();
              const when = utc
                ? iso.endsWith("T00:00:00.000Z") ? iso.slice(0, 10) : iso.slice(0, 19).replace("T", " ")
                : time.toLocaleTimeString("en-GB");
              tip.replaceChildren(
                Object.assign(document.createElement("b"), {textContent: when}),
                ...u.series.slice(1).flatMap((series, i) => {
                  const value = u.data[i + 1][idx];
                  if (value === null || value === undefined) return [];
                  const row = document.createElement("span");
                  const dot = document.createElement("i");
                  dot.style.background = series.stroke instanceof Function ? "" : String(css(`--series-${(i % 8) + 1}`));
                  row.append(dot, `${series.label} ${formatter.current(value)}`);
                  return [row];
                }),
              );
              const wide = element.clientWidth;
              const x = (left ?? 0) + 60;
              tip.style.left = x > wide * 0.6 ? "" : `${x + 8}px`;
              tip.style.right = x > wide * 0.6 ? `${wide - x + 8}px` : "";
            },
          ],
        },
      },
      [at, ...lines.map((line) => line.values)] as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({width: element.clientWidth, height}));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, theme, height, utc, seconds, dots, days, whole, broken, scattered]);

  useEffect(() => {
    plot.current?.setData([at, ...lines.map((line) => line.values)] as uPlot.AlignedData);
  });

  return (
    <div class="chart" ref={place} role="img" aria-label={label}>
      <div class="chart-tip" hidden />
    </div>
  );
}

export function Legend({lines, format}: {lines: Line[]; format: (value: number) => string}) {
  return (
    <ul class="legend">
      {lines.map((line, i) => {
        const last = line.values.filter((value) => value !== null).at(-1);
        return (
          <li key={line.name}>
            <i style={{background: seriesColor(i)}} />
            {line.name}
            <b>{last === undefined || last === null ? "–" : format(last)}</b>
          </li>
        );
      })}
    </ul>
  );
}
