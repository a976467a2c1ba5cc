/** API tokens: what they may do, when they were used, and how they end. */

import { useState } from "preact/hooks";
import { Badge, Button, Empty, Failure, Icon, Waiting } from "../parts/basics";
import { CreateToken } from "../parts/CreateToken";
import { Confirm } from "../parts/Dialog";
import { ShownOnce } from "../parts/ShownOnce";
import { ago, date, duration, fullMoment } from "../format";
import { messageOf, useApp, useLoaded } from "../state";
import type { Revocation, Token } from "../types";

type Asking = { what: "roll" | "revoke" | "disable"; token: Token } | null;

export function Tokens() {
  const { api, may, say, session } = useApp();
  const tokens = useLoaded(() => api.tokens.list(), [api]);
  const [creating, setCreating] = useState(false);
  const [asking, setAsking] = useState<Asking>(null);
  const [value, setValue] = useState("");
  const writable = may("Account API Tokens Write");

  const tell = (done: string, revocation: Revocation | null) => say(`${done} ${reach(revocation)}`, revocation?.missing ? "failed" : "done");
  const become = async (token: Token, status: "active" | "disabled") => {
    const { name, policies, condition = null, expires_on = null } = token;
    const revocation = await api.tokens.update(token.id, { name, policies, condition, expires_on, status });
    tell(status === "active" ? "Enabled." : "Disabled.", status === "active" ? null : revocation);
    await tokens.again();
  };
  const enable = async (token: Token) => {
    try {
      await become(token, "active");
    } catch (error) {
      say(messageOf(error), "failed");
    }
  };
  const endsWith = (token: Token) => {
    if (!token.maker_id || token.outlives_maker) return "";
    const maker = tokens.value?.find((one) => one.id === token.maker_id);
    return ` · ends with ${maker ? maker.name : "the token it was made with"}`;
  };
  const dependants = (token: Token) => (tokens.value ?? []).filter((one) => one.maker_id === token.id && !one.outlives_maker).length;
  const mine = (token: Token) => token.id === session.token.id;
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Tokens</h1>
          <p class="soft">Values are shown once, when a token is made. Only digests are stored.</p>
        </div>
        {writable && (
          <Button kind="main" onClick={() => setCreating(true)}>
            <Icon name="plus" />
            Create token
          </Button>
        )}
      </header>
      <Failure error={tokens.error} />
      {!tokens.value && !tokens.error && <Waiting />}
      {tokens.value?.length === 0 && <Empty title="No tokens" />}
      <ul class="rows">
        {tokens.value?.map((token) => (
          <li key={token.id} class="card row">
            <div class="row-main">
              <h2>
                {token.name} <StatusBadge status={token.status} /> {mine(token) && <Badge kind="neutral">this session</Badge>}
              </h2>
              <p class="soft">{permissionsOf(token)}</p>
              <p class="soft small">
                <span title={token.last_used_on ? fullMoment(token.last_used_on) : undefined}>{token.last_used_on ? `Last used ${ago(token.last_used_on)}` : "Never used"}</span>
                {" · "}created {date(token.issued_on)}
                {token.expires_on && ` · expires ${date(token.expires_on)}`}
                {endsWith(token)}
                {token.condition?.request_ip && ` · from ${addressesOf(token)}`}
              </p>
            </div>
            {writable && (
              <div class="row-actions">
                <Button onClick={() => setAsking({ what: "roll", token })}>Roll</Button>
                <Button
                  onClick={() => (token.status === "disabled" ? enable(token) : setAsking({ what: "disable", token }))}
                  disabled={mine(token) || token.status === "expired"}
                >
                  {token.status === "disabled" ? "Enable" : "Disable"}
                </Button>
                <Button kind="danger" onClick={() => setAsking({ what: "revoke", token })}>
                  Revoke
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {creating && (
        <CreateToken
          onClose={(made) => {
            setCreating(false);
            if (made) void tokens.again();
          }}
        />
      )}
      {asking?.what === "disable" && (
        <Confirm
          title={`Disable ${asking.token.name}?`}
          action="Disable"
          danger
          onClose={() => setAsking(null)}
          work={() => become(asking.token, "disabled")}
        >
          <p>Requests with it are refused from now on, until it is enabled again.</p>
          <p class="soft small">{asking.token.last_used_on ? `Last used ${ago(asking.token.last_used_on)}.` : "It has never been used."}</p>
        </Confirm>
      )}
      {asking?.what === "revoke" && (
        <Confirm
          title={`Revoke ${asking.token.name}?`}
          action="Revoke"
          danger
          onClose={() => setAsking(null)}
          work={async () => {
            tell("Revoked.", await api.tokens.revoke(asking.token.id));
            await tokens.again();
          }}
        >
          <p>It is refused everywhere when this is done. That cannot be undone.</p>
          <Dependants count={dependants(asking.token)} />
          {mine(asking.token) && <p class="caution">You are signed in with this token: you will be signed out.</p>}
        </Confirm>
      )}
      {asking?.what === "roll" && (
        <Confirm
          title={`Roll ${asking.token.name}?`}
          action="Roll"
          onClose={() => setAsking(null)}
          work={async () => {
            const rolled = await api.tokens.roll(asking.token.id);
            setValue(rolled.value);
            tell("Rolled.", rolled.revocation);
          }}
        >
          <p>The token gets a new value, and the old one stops working at once.</p>
          <Dependants count={dependants(asking.token)} />
          {mine(asking.token) && <p class="caution">You are signed in with this token: you will have to sign in with the new value.</p>}
        </Confirm>
      )}
      {value && (
        <ShownOnce
          title="The token's new value"
          value={value}
          onClose={() => {
            setValue("");
            void tokens.again();
          }}
        />
      )}
    </>
  );
}

function Dependants({ count }: { count: number }) {
  if (!count) return null;
  return <p class="caution">{count === 1 ? "A token" : `${count} tokens`} made with it {count === 1 ? "ends" : "end"} too.</p>;
}

function reach(revocation: Revocation | null): string {
  if (!revocation) return "";
  const { confirmed, missing, seconds } = revocation;
  if (missing) return `${confirmed} workers confirmed within ${duration(seconds * 1000)}, ${missing} did not: they forget it within a minute.`;
  return `${confirmed === 1 ? "The worker" : `All ${confirmed} workers`} confirmed after ${duration(seconds * 1000)}.`;
}

function StatusBadge({ status }: { status: Token["status"] }) {
  return <Badge kind={status === "active" ? "good" : status === "expired" ? "bad" : "warn"}>{status}</Badge>;
}

function permissionsOf(token: Token): string {
  return token.policies
    .map((policy) => {
      const names = policy.permission_groups.map((group) => group.name ?? group.id);
      const what = names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
      return `${policy.effect === "deny" ? "not " : ""}${what}${scopeOf(policy.resources)}`;
    })
    .join("; ");
}

function scopeOf(resources: Token["policies"][number]["resources"]): string {
  const gateways = Object.values(resources).flatMap((scope) => (typeof scope === "string" ? [] : Object.keys(scope)));
  if (gateways.length) return ` on ${gateways.map((name) => name.replace("com.cloudflare.api.ai-gateway.", "")).join(", ")}`;
  return Object.keys(resources).some((name) => name.endsWith(".*")) ? " on every account" : "";
}

function addressesOf(token: Token): string {
  const { in: included = [], not_in: excluded = [] } = token.condition?.request_ip ?? {};
  return [...included, ...excluded.map((one) => `not ${one}`)].join(", ");
}
