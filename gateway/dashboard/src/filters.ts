/** Log filters as people set them, as they stand in the address, and as the API takes them (`filters=[…]`). */

import { fullMoment } from "./format";

export interface FilterField {
  key: string;
  label: string;
  /** One choice, text to find, or a number with its comparison. */
  kind: "choice" | "text" | "number" | "moment";
  operator: "eq" | "contains" | "gt" | "lt";
  choices?: [value: string, label: string][];
}

const YES_NO: [string, string][] = [
  ["true", "Yes"],
  ["false", "No"],
];

export const FILTERS: Record<string, FilterField> = {
  status: { key: "success", label: "Status", kind: "choice", operator: "eq", choices: [["true", "Success"], ["false", "Error"]] },
  provider: { key: "provider", label: "Provider", kind: "text", operator: "eq" },
  model: { key: "model", label: "Model", kind: "text", operator: "contains" },
  cached: { key: "cached", label: "Cached", kind: "choice", operator: "eq", choices: YES_NO },
  min_duration: { key: "duration", label: "Longer than (ms)", kind: "number", operator: "gt" },
  max_duration: { key: "duration", label: "Shorter than (ms)", kind: "number", operator: "lt" },
  min_cost: { key: "cost", label: "Costs more than ($)", kind: "number", operator: "gt" },
  max_cost: { key: "cost", label: "Costs less than ($)", kind: "number", operator: "lt" },
  min_tokens: { key: "tokens", label: "More tokens than", kind: "number", operator: "gt" },
  max_tokens: { key: "tokens", label: "Fewer tokens than", kind: "number", operator: "lt" },
  feedback: { key: "feedback", label: "Feedback", kind: "choice", operator: "eq", choices: [["1", "Good"], ["-1", "Bad"], ["0", "None"]] },
  metadata_key: { key: "metadata.key", label: "Metadata key", kind: "text", operator: "eq" },
  metadata_value: { key: "metadata.value", label: "Metadata value", kind: "text", operator: "eq" },
  request_type: { key: "request_type", label: "Request type", kind: "text", operator: "eq" },
  user_agent: { key: "user_agent", label: "User agent", kind: "text", operator: "contains" },
  id: { key: "id", label: "Log id", kind: "text", operator: "eq" },
  event_id: { key: "event_id", label: "Event id", kind: "text", operator: "eq" },
  error: { key: "error_cause", label: "Cause of failure", kind: "text", operator: "eq" },
  after: { key: "created_at", label: "From", kind: "moment", operator: "gt" },
  before: { key: "created_at", label: "Until", kind: "moment", operator: "lt" },
};

export type Filters = Record<string, string>;

export function filtersIn(query: URLSearchParams): Filters {
  return Object.fromEntries([...query].filter(([name, value]) => name in FILTERS && value));
}

/** What the API would not take, in words: an address may have been written by hand. */
export function wrongIn(filters: Filters): string {
  const wrong = Object.entries(filters).filter(([name, value]) => !fits(FILTERS[name], value));
  return wrong.map(([name, value]) => `“${value}” is no value for “${FILTERS[name]?.label ?? name}”.`).join(" ");
}

function fits(field: FilterField | undefined, value: string): boolean {
  if (field?.choices) return field.choices.some(([one]) => one === value);
  if (field?.kind === "number") return Number.isFinite(Number(value));
  return field?.kind !== "moment" || !Number.isNaN(Date.parse(value));
}

/** Filters of moments stand in the address as UTC, so that it means the same to whoever opens it; a field shows local time. */
export function asLocal(value: string): string {
  const then = new Date(value);
  if (Number.isNaN(then.getTime())) return "";
  return new Date(then.getTime() - then.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

export function asUtc(local: string): string {
  const then = new Date(local);
  return Number.isNaN(then.getTime()) ? "" : then.toISOString();
}

/** The API's query for them. */
export function queryOf(filters: Filters): { filters?: string } {
  const rows = Object.entries(filters).flatMap(([name, value]) => {
    const field = FILTERS[name];
    return field ? [{ key: field.key, operator: field.operator, value: [typed(field, value)] }] : [];
  });
  return rows.length ? { filters: JSON.stringify(rows) } : {};
}

function typed(field: FilterField, value: string): string | number | boolean {
  if (field.kind === "number" || field.key === "feedback") return Number(value);
  if (field.kind === "moment") return new Date(value).toISOString();
  return field.choices && (value === "true" || value === "false") ? value === "true" : value;
}

export function told(name: string, value: string): string {
  const field = FILTERS[name];
  const when = field?.kind === "moment" && fits(field, value) ? fullMoment(value) : value;
  return `${field?.label ?? name}: ${field?.choices?.find(([one]) => one === value)?.[1] ?? when}`;
}
