/** Numbers, times and money as people read them. */

const NONE = "–";
const whole = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return Math.abs(value) < 10_000 ? whole.format(value) : compact.format(value);
}

export function exactly(value: number): string {
  return whole.format(value);
}

/** The API counts the matches of a filter exactly up to so many behind the page's start; one more stands for all beyond. */
const COUNTED_EXACTLY = 1000;

export function isExact(total: number, filtered: boolean, offset = 0): boolean {
  return !filtered || total <= offset + COUNTED_EXACTLY;
}

export function howMany(total: number, what: string, filtered: boolean, offset = 0): string {
  const exact = isExact(total, filtered, offset);
  return `${exact ? "" : "more than "}${exactly(exact ? total : total - 1)} ${what}${total === 1 ? "" : "s"}`;
}

export function dollars(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (value === 0) return "$0";
  if (value < 0.01) return `$${value.toLocaleString("en", { maximumSignificantDigits: 2 })}`;
  const digits = value >= 100 ? 0 : value >= 1 ? 2 : 4;
  return `$${value.toLocaleString("en", { minimumFractionDigits: Math.min(2, digits), maximumFractionDigits: digits })}`;
}

/** Milliseconds. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms > 0 && ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (value < 1024) return `${value} B`;
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1024 ** 2).toFixed(1)} MiB`;
}

export function percent(part: number, total: number): string {
  return total ? `${((100 * part) / total).toFixed(part && part / total < 0.1 ? 1 : 0)} %` : NONE;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Time of day for today, date and time else. */
export function moment(text: string): string {
  const then = new Date(text);
  return then.toDateString() === new Date().toDateString() ? clock.format(then) : `${day.format(then)}, ${clock.format(then)}`;
}

export function fullMoment(text: string): string {
  return full.format(new Date(text));
}

export function clockTime(then: Date): string {
  return clock.format(then);
}

export function date(text: string): string {
  return day.format(new Date(text));
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function ago(text: string | null): string {
  if (!text) return "never";
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return "just now";
}
