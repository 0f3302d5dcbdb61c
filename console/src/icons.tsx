// Small pictures beside words; they say nothing that the words do not.
const paths: Record<string, string> = {
  pipeline: "M3 6c3-3 6 3 9 0s6 3 9 0M3 12c3-3 6 3 9 0s6 3 9 0M3 18c3-3 6 3 9 0s6 3 9 0",
  views: "M4 5h16v14H4zM4 10h16M10 10v9",
  quarantine: "M12 3l9 16H3zM12 10v4M12 16.5v.5",
  alerts: "M6 17V11a6 6 0 1 1 12 0v6zM4 17h16M10 20h4",
  api: "M8 6l-5 6 5 6M16 6l5 6-5 6M13.5 4l-3 16",
  runs: "M12 4a8 8 0 1 0 8 8M12 8v4l3 2M20 4v4h-4",
  verify: "M4 12l5 5L20 6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  help: "M9 9a3 3 0 1 1 4 3c-.7.3-1 .8-1 1.5M12 17v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  key: "M14 10a4 4 0 1 0-3.5 4L12 15.5h2v2h2v2h4v-3z",
  close: "M6 6l12 12M18 6L6 18",
  down: "M12 4v11M7 11l5 5 5-5M5 20h14",
  arrow: "M4 12h15M14 7l5 5-5 5",
};

export function Icon({name}: {name: keyof typeof paths & string}) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
