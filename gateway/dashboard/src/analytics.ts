/** The analytics endpoint's answer, as what charts and tables draw. */

import type { AccountApi } from "./api";

export interface Figures {
  requests: number;
  errors: number;
  cached: number;
  tokens_in: number;
  tokens_out: number;
  cost: number;
  /** Milliseconds; null where nothing ended. */
  duration_ms: Percentiles | null;
  first_byte_ms: Percentiles | null;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

export interface Bucket extends Figures {
  start: string;
}

export interface Analytics {
  start: string;
  end: string;
  totals: Figures;
  buckets: Bucket[];
}

export interface Group extends Figures {
  name: string;
}

export interface Span {
  start: number;
  end: number;
}

type Interval = "auto" | "minute" | "hour" | "day";

const query = (span: Span, interval: Interval) => ({
  start: new Date(span.start * 1000).toISOString(),
  end: new Date(span.end * 1000).toISOString(),
  interval,
});

/** Over time, of one gateway or of the whole account. */
export async function overTime(api: AccountApi, gateway: string | null, span: Span, interval: Interval = "auto", background = false) {
  return (await api.analytics(gateway, query(span, interval), background)) as Analytics;
}

export async function byGroup(api: AccountApi, gateway: string | null, span: Span, by: "provider" | "model") {
  const answer = (await api.analytics(gateway, { ...query(span, "auto"), group_by: by })) as { groups: Group[] };
  return answer.groups;
}
