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
            <th scope="col">Model</th>
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
              <td class="model">{log.model || "–"}</td>
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

export function LogStatus({ log }: { log: Log }) {
  return (
    <span class="statuses">
      <Badge kind={log.success ? "good" : log.status_code === 499 ? "neutral" : "bad"}>{log.status_code}</Badge>
      {log.cached && <Badge kind="neutral">cached</Badge>}
      {log.streamed && <span class="soft small">stream</span>}
    </span>
  );
}
