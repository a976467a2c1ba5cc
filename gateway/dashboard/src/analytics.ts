/** The analytics endpoints' answers, as what charts and tables draw. */

import type { AccountApi } from "./api";

/** Null where nothing is known: tokens that no provider counted, cost without a price, times of nothing. */
export interface Figures {
  requests: number;
  errors: number;
  cached: number;
  /** Refused for want of a valid token; not among the requests. */
  unauthenticated: number;
  tokens_in: number | null;
  tokens_out: number | null;
  cost: number | null;
  /** Milliseconds. */
  duration_ms: Percentiles;
  first_byte_ms: Percentiles;
}

export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
}

export interface Point extends Figures {
  start: string;
}

export interface Group extends Figures {
  provider: string;
  /** Only of groups by model. */
  model?: string;
}

/** A gateway over time, with its biggest providers or models. */
export interface Analytics {
  totals: Figures;
  series: Point[];
  groups: Group[];
}

/** One gateway among all of the account's; those without requests are not there. */
export interface GatewaySum {
  gateway_id: string;
  requests: number;
  errors: number;
  cost: number | null;
  series: { requests: number[]; errors: number[] };
}

/** Seconds since the epoch. */
export interface Span {
  start: number;
  end: number;
}

const query = ({ start, end }: Span) => ({
  start: new Date(start * 1000).toISOString(),
  end: new Date(end * 1000).toISOString(),
});

export async function analyticsOf(api: AccountApi, gateway: string, span: Span, by: "provider" | "model") {
  return (await api.analytics(gateway, { ...query(span), group_by: by })) as Analytics;
}

/** All gateways in one request, for the list's sparklines. */
export async function sideBySide(api: AccountApi, span: Span): Promise<Map<string, GatewaySum>> {
  const { gateways } = (await api.analytics(null, { ...query(span), interval: "hour" })) as { gateways: GatewaySum[] };
  return new Map(gateways.map((one) => [one.gateway_id, one]));
}
