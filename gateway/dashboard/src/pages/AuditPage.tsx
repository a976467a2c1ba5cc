/** The audit log: who signed in and who changed what, from where, and what it was before and after. */

import { useState } from "preact/hooks";
import { Badge, Button, Empty, Failure, Waiting } from "../parts/basics";
import { ago, fullMoment } from "../format";
import { useApp, useLoaded, useWork } from "../state";
import type { AuditEntry } from "../types";

const DONE: Record<string, string> = {
  create: "made",
  update: "changed",
  delete: "deleted",
  roll: "rolled",
  login: "signed in",
  logout: "signed out",
};
const KINDS: Record<string, string> = {
  token: "token",
  gateway: "gateway",
  provider_key: "provider key",
  custom_provider: "custom provider",
  account: "account",
  key: "key of the service",
  session: "",
};

export function AuditPage() {
  const { api } = useApp();
  const first = useLoaded(() => api.audit(), [api]);
  const [more, setMore] = useState<AuditEntry[]>([]);
  const [next, setNext] = useState<string | null>(null);
  const { busy, failure, run } = useWork();
  const cursor = next ?? first.value?.cursor ?? "";
  const older = () =>
    run(async () => {
      const page = await api.audit(cursor);
      setMore((old) => [...old, ...page.items]);
      setNext(page.cursor);
    });
  const entries = [...(first.value?.items ?? []), ...more];
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Audit log</h1>
          <p class="soft">Sign-ins and changes, newest first. Nothing on these pages switches it off.</p>
        </div>
      </header>
      <Failure error={first.error || failure} />
      {!first.value && !first.error && <Waiting />}
      {first.value && !entries.length && <Empty title="Nothing yet" />}
      <ul class="rows">
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ul>
      {cursor && (
        <Button onClick={older} disabled={busy}>
          Older entries
        </Button>
      )}
    </>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { action, actor, resource, before, after } = entry;
  const failed = action.result === "failure";
  const what = [KINDS[resource.type] ?? resource.type, DONE[action.type] ?? action.type].filter(Boolean).join(" ");
  return (
    <li class="card row">
      <div class="row-main">
        <h2>
          {what.charAt(0).toUpperCase() + what.slice(1)} {resource.name} {failed && <Badge kind="bad">failed</Badge>}
        </h2>
        <p class="soft">
          {actor.token_name ?? "somebody without a valid token"}
          {actor.ip_address && ` from ${actor.ip_address}`}
          {actor.context === "dash" && resource.type !== "session" && " in the dashboard"}
          {" · "}
          <span title={fullMoment(action.time)}>{ago(action.time)}</span>
        </p>
        {(before || after) && (
          <details>
            <summary>What changed</summary>
            <table>
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  <th scope="col">Before</th>
                  <th scope="col">After</th>
                </tr>
              </thead>
              <tbody>
                {[...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].map((field) => (
                  <tr key={field}>
                    <th scope="row">{field}</th>
                    <td>{told(before?.[field])}</td>
                    <td>{told(after?.[field])}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        )}
      </div>
    </li>
  );
}

function told(value: unknown): string {
  return value === undefined || value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
}
