/** A gateway's settings: its token and the Authenticated Gateway switch first, then the rest, then its end. */

import { useState } from "preact/hooks";
import { Button, Failure, Field, Switch, valueOf } from "../parts/basics";
import { CreateToken } from "../parts/CreateToken";
import { Confirm } from "../parts/Dialog";
import { ago, count, fullMoment, percent } from "../format";
import { go, href, useUnsaved } from "../router";
import { useApp, useLoaded, useWork } from "../state";
import type { Gateway, GatewaySettings, Unauthenticated } from "../types";

interface SettingsProps {
  gateway: Gateway;
  onChanged: () => Promise<void>;
}

type Change = (change: Partial<GatewaySettings>) => Promise<void>;

export function Settings({ gateway, onChanged }: SettingsProps) {
  const { api, may, say } = useApp();
  const writable = may("AI Gateway Write", gateway.id);
  const change: Change = async (changed) => {
    await api.gateways.update(gateway.id, { ...settingsOf(gateway), ...changed });
    await onChanged();
    say("Saved. In force on every worker.");
  };
  return (
    <div class="settings">
      <Authentication gateway={gateway} writable={writable} change={change} />
      <Rest gateway={gateway} writable={writable} change={change} />
      {writable && <Removal gateway={gateway} />}
    </div>
  );
}

/** What PUT wants every time; all else stays as it is. */
function settingsOf(gateway: Gateway): GatewaySettings {
  const { authentication, collect_logs, collect_log_payloads, cache_invalidate_on_update, cache_ttl, byok_only } = gateway;
  const { rate_limiting_interval, rate_limiting_limit, rate_limiting_technique } = gateway;
  const { log_management, log_management_strategy, retry_max_attempts, retry_delay, retry_backoff } = gateway;
  return {
    authentication,
    collect_logs,
    collect_log_payloads,
    cache_invalidate_on_update,
    cache_ttl,
    byok_only,
    rate_limiting_interval,
    rate_limiting_limit,
    rate_limiting_technique,
    log_management,
    log_management_strategy,
    retry_max_attempts,
    retry_delay,
    retry_backoff,
  };
}

function Authentication({ gateway, writable, change }: { gateway: Gateway; writable: boolean; change: Change }) {
  const { may } = useApp();
  const [creating, setCreating] = useState(false);
  const [asking, setAsking] = useState<"on" | "off" | null>(null);
  return (
    <section class="card" aria-labelledby="authentication">
      <h2 id="authentication">Authentication</h2>
      <div class="switch-row">
        <div>
          <span class="switch-label">Authentication token</span>
          <p class="hint">Make a token with the Run permission for your application, before you switch authentication on.</p>
        </div>
        <Button onClick={() => setCreating(true)} disabled={!may("Account API Tokens Write")}>
          Create authentication token
        </Button>
      </div>
      <Switch
        label="Authenticated Gateway"
        hint={
          gateway.authentication
            ? "Every request must carry a valid token; others are refused and leave no log."
            : "Anyone who can reach this gateway can send requests through it."
        }
        on={gateway.authentication}
        disabled={!writable}
        onChange={(on) => setAsking(on ? "on" : "off")}
      />
      {creating && <CreateToken gateway={gateway.id} onClose={() => setCreating(false)} />}
      {asking === "on" && <SwitchOn gateway={gateway.id} change={change} onClose={() => setAsking(null)} />}
      {asking === "off" && (
        <Confirm
          title="Switch authentication off?"
          action="Switch off"
          danger
          typed={gateway.id}
          work={() => change({ authentication: false })}
          onClose={() => setAsking(null)}
        >
          <p>
            Requests without a token will pass, and so will those with a revoked one. Anyone who can reach this gateway can use it and
            fill its logs.
          </p>
        </Confirm>
      )}
    </section>
  );
}

/** Before the switch goes on: who would have been refused in the last 24 hours. */
function SwitchOn({ gateway, change, onClose }: { gateway: string; change: Change; onClose: () => void }) {
  const { api } = useApp();
  const seen = useLoaded(() => api.gateways.unauthenticated(gateway), [gateway]);
  return (
    <Confirm wide title="Switch authentication on?" action="Switch on" work={() => change({ authentication: true })} onClose={onClose}>
      <p>From then on, requests without a valid token get 401. It takes effect on every worker at once.</p>
      <Failure error={seen.error} />
      {seen.value && <WouldBeRefused {...seen.value} />}
    </Confirm>
  );
}

function WouldBeRefused({ requests, would_be_refused, callers }: Unauthenticated) {
  if (requests === 0) return <p>Nobody has used this gateway in the last 24 hours.</p>;
  if (would_be_refused === 0) {
    return <p>Every request of the last 24 hours ({count(requests)}) carried a valid token: none would have been refused.</p>;
  }
  return (
    <>
      <p>
        <strong>{count(would_be_refused)}</strong> of {count(requests)} requests of the last 24 hours ({percent(would_be_refused, requests)}) would
        have been refused. Make sure that these clients send a token:
      </p>
      <div class="table-frame" tabIndex={0} role="region" aria-label="Callers without a valid token">
        <table class="callers">
          <thead>
            <tr>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col">Address</th>
              <th scope="col">User agent</th>
              <th scope="col">Path</th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {callers.map((one) => (
              <tr key={`${one.address}\n${one.user_agent}\n${one.path}`}>
                <td class="number">{count(one.requests)}</td>
                <td class="wraps">{one.address || "many others"}</td>
                <td class="wraps">{one.user_agent || "–"}</td>
                <td class="wraps">{one.path || "–"}</td>
                <td>
                  <time dateTime={one.last_seen} title={fullMoment(one.last_seen)}>
                    {ago(one.last_seen)}
                  </time>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Rest({ gateway, writable, change }: { gateway: Gateway; writable: boolean; change: Change }) {
  const { busy, failure, run } = useWork();
  const [draft, setDraft] = useState(() => settingsOf(gateway));
  const set = (changed: Partial<GatewaySettings>) => setDraft((old) => ({ ...old, ...changed }));
  const { authentication: _, ...mine } = draft;
  const { authentication: __, ...theirs } = settingsOf(gateway);
  const untouched = JSON.stringify(mine) === JSON.stringify(theirs);
  useUnsaved(!untouched);
  const save = (event: Event) => {
    event.preventDefault();
    void run(() => change(mine));
  };
  return (
    <form class="card" onSubmit={save} aria-labelledby="behaviour">
      <h2 id="behaviour">Behaviour</h2>
      <Switch label="Collect logs" hint="Keep a row for each request." on={draft.collect_logs} disabled={!writable} onChange={(on) => set({ collect_logs: on })} />
      <Switch label="Keep prompts and answers" hint="With each row. They are the most sensitive data here: off unless you need them." on={draft.collect_log_payloads} disabled={!writable || !draft.collect_logs} onChange={(on) => set({ collect_log_payloads: on })} />
      <Switch
        label="Require provider credentials"
        hint="Refuse requests for which neither the caller nor this gateway has a provider's key."
        on={draft.byok_only}
        disabled={!writable}
        onChange={(on) => set({ byok_only: on })}
      />
      <h3>Stored logs</h3>
      <div class="columns">
        <Field label="Most logs kept" hint="10,000 to 10,000,000; empty for the service's limit.">
          {(control) => (
            <input
              {...control}
              type="number"
              min={10_000}
              max={10_000_000}
              disabled={!writable}
              value={draft.log_management ?? ""}
              onInput={(event) => set({ log_management: valueOf(event) === "" ? null : Number(valueOf(event)) })}
            />
          )}
        </Field>
        <Field label="When full">
          {(control) => (
            <select
              {...control}
              disabled={!writable}
              value={draft.log_management_strategy ?? ""}
              onChange={(event) => set({ log_management_strategy: (valueOf(event) || null) as GatewaySettings["log_management_strategy"] })}
            >
              <option value="">Default</option>
              <option value="DELETE_OLDEST">Delete the oldest</option>
              <option value="STOP_INSERTING">Stop logging</option>
            </select>
          )}
        </Field>
      </div>
      <Failure error={failure} />
      <footer>
        {!untouched && <span class="soft">Not saved yet</span>}
        <Button type="submit" kind="main" disabled={!writable || busy || untouched}>
          Save
        </Button>
      </footer>
    </form>
  );
}

function Removal({ gateway }: { gateway: Gateway }) {
  const { api } = useApp();
  const [asking, setAsking] = useState(false);
  return (
    <section class="card danger-zone" aria-labelledby="removal">
      <h2 id="removal">Delete this gateway</h2>
      <div class="switch-row">
        <p class="hint">Its settings, provider keys and logs go with it, for good.</p>
        <Button kind="danger" onClick={() => setAsking(true)}>
          Delete gateway
        </Button>
      </div>
      {asking && (
        <Confirm
          title={`Delete ${gateway.id}?`}
          action="Delete gateway"
          danger
          typed={gateway.id}
          work={async () => {
            await api.gateways.remove(gateway.id);
            go(href(), "push", true);
          }}
          onClose={() => setAsking(false)}
        >
          <p>Clients that use it get an error from now on.</p>
        </Confirm>
      )}
    </section>
  );
}
