// What is found by typing: the words stand in the address, and all of them have to be there.
import {replace} from "./router";

export function matcher(wanted: string): (text: string) => boolean {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => {
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
}

export function Search({page, label, placeholder, wanted}: {page: string; label: string; placeholder: string; wanted: string}) {
  return (
    <input
      type="search"
      id="search"
      placeholder={placeholder}
      aria-label={label}
      value={wanted}
      onInput={(event) => replace([page], event.currentTarget.value ? new URLSearchParams({q: event.currentTarget.value}) : undefined)}
    />
  );
}
