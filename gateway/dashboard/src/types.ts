/** What the public v4 API answers, as far as the pages use it. */

export interface Account {
  id: string;
  name: string;
}

/** permission → the gateways it is limited to, null for all of the account's. */
export type Permissions = Record<string, string[] | null>;

export interface Session {
  token: {
    id: string;
    name: string;
    expires_on: string | null;
    /** The one the service made at its first start. */
    first: boolean;
  };
  account_id: string;
  permissions: Record<string, Permissions>;
  /** Origin of inference, where it is not the dashboard's own. */
  gateway_url: string | null;
  session_ends_on: string | null;
}

export interface GatewaySettings {
  authentication: boolean;
  collect_logs: boolean;
  collect_log_payloads: boolean;
  cache_invalidate_on_update: boolean;
  cache_ttl: number | null;
  rate_limiting_interval: number | null;
  rate_limiting_limit: number | null;
  rate_limiting_technique: "fixed" | "sliding" | null;
  log_management: number | null;
  log_management_strategy: "STOP_INSERTING" | "DELETE_OLDEST" | null;
  retry_max_attempts: number | null;
  retry_delay: number | null;
  retry_backoff: "constant" | "linear" | "exponential" | null;
  byok_only: boolean;
}

export interface Gateway extends GatewaySettings {
  id: string;
  account_id: string;
  is_default: boolean;
  created_at: string;
  modified_at: string;
}

export interface PermissionGroup {
  id: string;
  name: string;
}

export interface Policy {
  id?: string;
  effect: "allow" | "deny";
  permission_groups: { id: string; name?: string }[];
  resources: Record<string, string | Record<string, string>>;
}

export interface Condition {
  request_ip?: { in?: string[]; not_in?: string[] };
}

export interface TokenFields {
  name: string;
  policies: Policy[];
  status?: "active" | "disabled" | "expired";
  condition?: Condition | null;
  expires_on?: string | null;
  /** It goes on when the token it was made with ends. */
  outlives_maker?: boolean;
}

export interface Token extends TokenFields {
  id: string;
  status: "active" | "disabled" | "expired";
  issued_on: string;
  modified_on: string;
  last_used_on: string | null;
  maker_id: string | null;
}

export interface AuditEntry {
  id: string;
  action: { type: string; result: "success" | "failure"; time: string };
  actor: { id: string | null; type: string; context: string | null; ip_address: string | null; token_name: string | null };
  resource: { id: string | null; type: string; name: string | null };
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** How a revocation went: how many workers confirmed it, how many did not in time, and how long it took. */
export interface Revocation {
  confirmed: number;
  missing: number;
  seconds: number;
}

export interface Log {
  id: string;
  created_at: string;
  provider: string;
  model: string;
  model_type: string;
  method: string;
  path: string;
  status_code: number;
  success: boolean;
  /** `completed`, or how it ended: `client_gone`, `upstream_truncated`, `upstream_error`, `refused`. */
  outcome: string;
  cached: boolean;
  duration: number;
  first_byte_ms: number | null;
  overhead_us?: number | null;
  asked?: boolean;
  error_code?: number | null;
  error_message?: string;
  error_cause?: string;
  tokens_in: number | null;
  tokens_out: number | null;
  tokens_cached?: number | null;
  tokens_reasoning?: number | null;
  usage_exactness: string;
  cost: number | null;
  custom_cost: boolean;
  metadata: string | null;
  step: number;
  request_type: string;
  request_content_type: string;
  response_content_type: string;
  request_size?: number;
  response_size?: number;
  event_id: string;
  user_agent: string;
  authentication: boolean;
  token_id: string;
  streamed: boolean;
  events?: number | null;
  feedback: number | null;
  score?: number | null;
  request_headers?: Record<string, string> | null;
  response_headers?: Record<string, string> | null;
}

export interface ProviderKey {
  id: string;
  provider_slug: string;
  alias: string;
  default_config: boolean;
  secret_preview: string;
  modified_at: string;
}

/** What came of asking a provider about a key. */
export interface KeyTest {
  verdict: "accepted" | "refused" | "unclear" | "unreachable" | "untestable" | "absent";
  status: number | null;
  cause: string;
  message: string;
}

export interface CustomProvider {
  id: string;
  name: string;
  slug: string;
  base_url: string;
  description: string | null;
  enable: boolean;
  headers: string | null;
  modified_at: string;
}

/** Requests of the last 24 hours that a gateway without authentication let through, and who would have been refused. */
export interface Unauthenticated {
  since: string;
  requests: number;
  would_be_refused: number;
  /** Busiest first, at most a hundred; the one without address, agent and path stands for those too many to tell apart. */
  callers: { address: string; user_agent: string; path: string; requests: number; last_seen: string }[];
}
