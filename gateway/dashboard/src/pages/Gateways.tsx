import { useState } from "preact/hooks";
import { sideBySide, type GatewaySum } from "../analytics";
import { Badge, Button, Empty, Failure, Field, Icon, Switch, valueOf, Waiting } from "../parts/basics";
import { Sparkline } from "../parts/Chart";
import { Dialog } from "../parts/Dialog";
import { count, dollars, percent } from "../format";
import { go, href, Link } from "../router";
import { useApp, useLoaded, useWork } from "../state";
import type { Gateway, GatewaySettings } from "../types";

const DAY_S = 86_400;

export const DEFAULTS: GatewaySettings = {
  authentication: true,
  collect_logs: true,
  collect_log_payloads: false,
  cache_invalidate_on_update: false,
  cache_ttl: 0,
  rate_limiting_interval: 0,
  rate_limiting_limit: 0,
  rate_limiting_technique: "fixed",
  log_management: null,
  log_management_strategy: null,
  retry_max_attempts: null,
  retry_delay: null,
  retry_backoff: null,
  byok_only: false,
};

export function Gateways() {
  const { api, may } = useApp();
  const gateways = useLoaded(() => api.gateways.list(), [api]);
  const sums = useLoaded(() => {
    const end = Math.floor(Date.now() / 1000);
    return sideBySide(api, { start: end - DAY_S, end });
  }, [api]);
  const [creating, setCreating] = useState(false);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Gateways</h1>
          <p class="soft">Requests of the last 24 hours.</p>
        </div>
        {may("AI Gateway Write") && (
          <Button kind="main" onClick={() => setCreating(true)}>
            <Icon name="plus" />
            Create gateway
          </Button>
        )}
      </header>
      <Failure error={gateways.error} />
      {!gateways.value && !gateways.error && <Waiting />}
      {gateways.value?.length === 0 && (
        <Empty title="Create your first gateway">
          <p>A gateway is an address in front of all providers, with its own tokens, keys, logs and limits.</p>
          {may("AI Gateway Write") && (
            <Button kind="main" onClick={() => setCreating(true)}>
              Create gateway
            </Button>
          )}
        </Empty>
      )}
      <ul class="gateway-list">
        {gateways.value?.map((gateway) => (
          <Row key={gateway.id} gateway={gateway} sum={sums.value?.get(gateway.id)} />
        ))}
      </ul>
      {creating && <NewGateway onClose={() => setCreating(false)} />}
    </>
  );
}

function Row({ gateway, sum }: { gateway: Gateway; sum: GatewaySum | undefined }) {
  return (
    <li class="card gateway-row">
      <div class="gateway-name">
        <Link to={href("gateways", gateway.id)}>{gateway.id}</Link>
        <AuthenticationBadge on={gateway.authentication} />
      </div>
      {sum && <Sparkline values={sum.series.requests} label={`${sum.requests} requests in 24 hours`} />}
      <dl class="figures">
        <Figure name="Requests" value={count(sum?.requests ?? 0)} />
        <Figure name="Errors" value={percent(sum?.errors ?? 0, sum?.requests ?? 0)} />
        <Figure name="Cost" value={dollars(sum?.cost)} />
      </dl>
    </li>
  );
}

export function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

export function AuthenticationBadge({ on }: { on: boolean }) {
  return <Badge kind={on ? "good" : "warn"}>{on ? "Authenticated" : "Open to anyone"}</Badge>;
}

function NewGateway({ onClose }: { onClose: () => void }) {
  const { api } = useApp();
  const { busy, failure, run } = useWork();
  const [name, setName] = useState("");
  const [authentication, setAuthentication] = useState(true);
  const create = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await api.gateways.create({ ...DEFAULTS, id: name, authentication });
      go(href("gateways", name));
    });
  };
  return (
    <Dialog title="Create gateway" onClose={onClose}>
      <form onSubmit={create}>
        <Field label="Name" hint="Letters, digits, - and _; up to 64 characters. It is part of the address and cannot change.">
          {(control) => (
            <input
              {...control}
              required
              maxLength={64}
              pattern="[A-Za-z0-9_\-]{1,64}"
              value={name}
              onInput={(event) => setName(valueOf(event))}
              autocomplete="off"
              spellcheck={false}
            />
          )}
        </Field>
        <Switch
          label="Authenticated Gateway"
          hint="Every request must carry a valid token. Best left on."
          on={authentication}
          onChange={setAuthentication}
        />
        <Failure error={failure} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" disabled={busy}>
            Create gateway
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
