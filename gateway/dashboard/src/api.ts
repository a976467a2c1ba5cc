/** The typed client of the public v4 API: everything the dashboard knows and does goes through here. */

import { heard, tell } from "./connection";
import type {
  Account,
  AuditEntry,
  CustomProvider,
  Gateway,
  GatewaySettings,
  Log,
  PermissionGroup,
  KeyTest,
  ProviderKey,
  Revocation,
  Session,
  Token,
  TokenFields,
  Unauthenticated,
} from "./types";
import { labelOf } from "./words";

interface Problem {
  code: number;
  message: string;
  path?: (string | number)[];
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problems: Problem[],
  ) {
    super(problems.map(told).join(" · ") || `The gateway answered ${status}`);
  }
}

function told(problem: Problem): string {
  const field = labelOf(problem.path ?? []);
  return field ? `${field}: ${problem.message}` : problem.message;
}

export interface Paged<T> {
  items: T[];
  total: number;
}

type Query = Record<string, string | number | boolean | undefined>;

interface Options {
  body?: unknown;
  query?: Query;
  /** Asked by a page that refreshes by itself: it keeps no session alive. */
  background?: boolean;
  signal?: AbortSignal | undefined;
}

/** After so long a page that refreshes by itself takes the gateway for hung. */
const BACKGROUND_MS = 15_000;

let onSignedOut = (): void => {};

/** Called when the server no longer knows the session. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  // What no form, link or other origin can send; without it a session is good for nothing.
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "X-Gateway-Dashboard": location.protocol.slice(0, -1),
  };
  if (options.background) headers["X-Gateway-Background"] = "1";
  const signals = [options.signal, options.background ? AbortSignal.timeout(BACKGROUND_MS) : undefined].filter((one) => one !== undefined);
  let response: Response;
  try {
    response = await fetch(`/client/v4${path}${queryOf(options.query)}`, {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.any(signals),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    tell("unreachable");
    throw new ApiError(0, [{ code: 0, message: "The gateway cannot be reached" }]);
  }
  heard(response.status);
  if (response.ok) return response;
  const error = new ApiError(response.status, await problemsOf(response));
  if (response.status === 401 && path !== "/user/session") onSignedOut();
  throw error;
}

async function problemsOf(response: Response): Promise<Problem[]> {
  try {
    const body = (await response.json()) as { errors?: Problem[] };
    return body.errors ?? [];
  } catch {
    return [];
  }
}

function queryOf(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

interface Envelope<T> {
  result: T;
  result_info?: { total_count?: number; cursor?: string };
}

async function ask<T>(method: string, path: string, options?: Options): Promise<T> {
  return ((await (await send(method, path, options)).json()) as Envelope<T>).result;
}

async function page<T>(path: string, options?: Options): Promise<Paged<T>> {
  const envelope = (await (await send("GET", path, options)).json()) as Envelope<T[] | null>;
  const items = envelope.result ?? [];
  return { items, total: envelope.result_info?.total_count ?? items.length };
}

/** Every item of a list, page by page; for lists that a person made. */
async function all<T>(path: string, query: Query = {}): Promise<T[]> {
  const found: T[] = [];
  for (let number = 1; ; number++) {
    const { items, total } = await page<T>(path, { query: { ...query, page: number, per_page: 50 } });
    found.push(...items);
    if (!items.length || found.length >= total) return found;
  }
}

function revocationOf(response: Response): Revocation | null {
  const told = response.headers.get("x-gateway-revocation");
  const parts = Object.fromEntries((told ?? "").split("; ").map((part) => part.split("=") as [string, string]));
  return told ? { confirmed: Number(parts.confirmed), missing: Number(parts.missing), seconds: Number(parts.seconds) } : null;
}

const id = encodeURIComponent;

export const session = {
  get: (background = false) => ask<Session>("GET", "/user/session", { background }),
  open: (token: string) => ask<Session>("POST", "/user/session", { body: { token } }),
  close: () => ask<null>("DELETE", "/user/session"),
};

export const accounts = { list: () => all<Account>("/accounts") };

/** The resources of one account. */
export function accountApi(account: string) {
  const root = `/accounts/${id(account)}`;
  const gateways = `${root}/ai-gateway/gateways`;
  const custom = `${root}/ai-gateway/custom-providers`;
  const tokens = `${root}/tokens`;
  return {
    account,
    gateways: {
      list: () => all<Gateway>(gateways),
      get: (name: string) => ask<Gateway>("GET", `${gateways}/${id(name)}`),
      create: (body: GatewaySettings & { id: string }) => ask<Gateway>("POST", gateways, { body }),
      update: (name: string, body: GatewaySettings) => ask<Gateway>("PUT", `${gateways}/${id(name)}`, { body }),
      remove: (name: string) => ask<Gateway>("DELETE", `${gateways}/${id(name)}`),
      unauthenticated: (name: string) => ask<Unauthenticated>("GET", `${gateways}/${id(name)}/unauthenticated`),
    },
    tokens: {
      list: () => all<Token>(tokens, { include_expired: true }),
      groups: () => ask<PermissionGroup[]>("GET", `${tokens}/permission_groups`),
      create: (body: TokenFields) => ask<Token & { value: string }>("POST", tokens, { body }),
      async update(token: string, body: TokenFields) {
        return revocationOf(await send("PUT", `${tokens}/${id(token)}`, { body }));
      },
      async roll(token: string) {
        const response = await send("PUT", `${tokens}/${id(token)}/value`, { body: {} });
        const { result } = (await response.json()) as Envelope<string>;
        return { value: result, revocation: revocationOf(response) };
      },
      async revoke(token: string) {
        return revocationOf(await send("DELETE", `${tokens}/${id(token)}`));
      },
    },
    async audit(cursor = "") {
      const response = await send("GET", `${root}/logs/audit`, { query: { limit: 50, cursor } });
      const { result, result_info } = (await response.json()) as Envelope<AuditEntry[]>;
      return { items: result, cursor: result_info?.cursor ?? "" };
    },
    logs: (name: string) => logsApi(`${gateways}/${id(name)}/logs`),
    keys: (name: string) => keysApi(`${gateways}/${id(name)}/provider_configs`),
    /** Of one gateway, or of all the account's. */
    analytics: (name: string | null, query: Query) =>
      ask<unknown>("GET", name === null ? `${root}/ai-gateway/analytics` : `${gateways}/${id(name)}/analytics`, { query }),
    custom: {
      list: () => all<CustomProvider>(custom),
      create: (body: Partial<CustomProvider>) => ask<CustomProvider>("POST", custom, { body }),
      update: (one: string, body: Partial<CustomProvider>) => ask<CustomProvider>("PATCH", `${custom}/${id(one)}`, { body }),
      remove: (one: string) => ask<CustomProvider>("DELETE", `${custom}/${id(one)}`),
    },
  };
}

export type AccountApi = ReturnType<typeof accountApi>;

function logsApi(root: string) {
  const body = async (log: string, which: string) => {
    const response = await send("GET", `${root}/${id(log)}/${which}`);
    return { text: await response.text(), type: response.headers.get("content-type") ?? "" };
  };
  return {
    list: (query: Query, background = false, signal?: AbortSignal) => page<Log>(root, { query, background, signal }),
    get: (log: string) => ask<Log>("GET", `${root}/${id(log)}`),
    request: (log: string) => body(log, "request"),
    response: (log: string) => body(log, "response"),
    rate: (log: string, feedback: number) => ask<unknown>("PATCH", `${root}/${id(log)}`, { body: { feedback } }),
    remove: (query: Query) => ask<unknown>("DELETE", root, { query }),
  };
}

export type Body = { text: string; type: string };

function keysApi(root: string) {
  return {
    list: () => all<ProviderKey>(root),
    create: (body: { provider_slug: string; alias: string; default_config: boolean; secret: string; hosts?: string[] }) =>
      ask<ProviderKey>("POST", root, { body }),
    rotate: (key: string, secret: string) => ask<ProviderKey>("PUT", `${root}/${id(key)}`, { body: { secret } }),
    remove: (key: string) => ask<ProviderKey>("DELETE", `${root}/${id(key)}`),
    test: (key: string) => ask<KeyTest>("POST", `${root}/${id(key)}/test`),
  };
}
