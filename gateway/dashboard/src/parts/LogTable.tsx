/** Rows of the request log. Everything in them came from outside and is shown as text. */

import { Badge } from "./basics";
import { count, dollars, duration, fullMoment, moment } from "../format";
import { href, Link } from "../router";
import type { Log } from "../types";

interface LogTableProps {
  gateway: string;
  logs: Log[];
  /** Ids that came while the page looked on. */
  fresh?: ReadonlySet<string>;
  brief?: boolean;
  query?: string;
}

export function LogTable({ gateway, logs, fresh, brief = false, query = "" }: LogTableProps) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Requests">
      <table class="logs">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Status</th>
            <th scope="col">Provider</th>
            <th scope="col" class="model">
              Model
            </th>
            <th scope="col" class="number">
              Tokens
            </th>
            {!brief && (
              <th scope="col" class="number">
                Cost
              </th>
            )}
            <th scope="col" class="number">
              Duration
            </th>
          </tr>
        </thead>
        <tbody>
          {logs.map((log) => (
            <tr key={log.id} class={fresh?.has(log.id) ? "fresh" : ""}>
              <td title={fullMoment(log.created_at)}>
                <Link to={href("gateways", gateway, "logs", log.id) + query} label={`Request of ${moment(log.created_at)}`}>
                  <time dateTime={log.created_at}>{moment(log.created_at)}</time>
                </Link>
              </td>
              <td>
                <LogStatus log={log} />
              </td>
              <td>{log.provider}</td>
              <td class="model">
                {log.model || "–"}
                {!log.success && <Why log={log} />}
              </td>
              <td class="number" title="in → out">
                {count(log.tokens_in)} → {count(log.tokens_out)}
              </td>
              {!brief && (
                <td class={log.custom_cost ? "number custom-cost" : "number"} title={log.custom_cost ? "Custom cost" : undefined}>
                  {dollars(log.cost)}
                </td>
              )}
              <td class="number">{duration(log.duration)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Why it failed: the code, in words, and the one word that logs and metrics have for it. */
export function Why({ log }: { log: Log }) {
  if (!log.error_message && !log.error_cause) return null;
  return (
    <p class="why" dir="auto">
      {log.error_code ? <strong>{log.error_code}</strong> : null} {log.error_message || ENDINGS[log.outcome]}{" "}
      {log.error_cause && <code>{log.error_cause}</code>}
    </p>
  );
}

/** How a request ended whose status does not say it: the head of a stream was sent long before. */
const ENDINGS: Record<string, string> = {
  client_gone: "client left",
  upstream_truncated: "cut off",
  upstream_error: "error in the answer",
};

export function LogStatus({ log }: { log: Log }) {
  const ending = log.status_code < 400 && !log.success ? (ENDINGS[log.outcome] ?? "failed") : "";
  const kind = log.success ? "good" : log.status_code === 499 || ending ? "neutral" : "bad";
  return (
    <span class="statuses">
      <Badge kind={kind}>{log.status_code}</Badge>
      {ending && <Badge kind={log.outcome === "client_gone" ? "neutral" : "bad"}>{ending}</Badge>}
      {log.cached && <Badge kind="neutral">cached</Badge>}
      {log.streamed && <span class="soft small">stream</span>}
    </span>
  );
}
