/** The dialog that makes a token: Run preselected, and the limits that a token can have. */

import { useState } from "preact/hooks";
import { messageOf, useApp, useLoaded, useWork } from "../state";
import type { Condition, TokenFields } from "../types";
import { Button, Failure, Field, Switch, valueOf } from "./basics";
import { Dialog } from "./Dialog";
import { ShownOnce } from "./ShownOnce";

export const RUN = "AI Gateway Run";
const EXPIRIES = { "": "Never", "1": "In a day", "7": "In 7 days", "30": "In 30 days", "90": "In 90 days", "365": "In a year" };

export function CreateToken({ gateway, onClose }: { gateway?: string; onClose: (made: boolean) => void }) {
  const { api, may, account } = useAccount();
  const groups = useLoaded(() => api.tokens.groups(), []);
  const gateways = useLoaded(() => api.gateways.list(), []);
  const { busy, failure, run } = useWork();
  const [name, setName] = useState(gateway ? `${gateway} token` : "");
  const [permissions, setPermissions] = useState([RUN]);
  const [days, setDays] = useState("");
  const [scope, setScope] = useState(gateway ?? "");
  const [addresses, setAddresses] = useState("");
  const [lasting, setLasting] = useState(false);
  const [value, setValue] = useState("");

  const flip = (permission: string) =>
    setPermissions((old) => (old.includes(permission) ? old.filter((one) => one !== permission) : [...old, permission]));

  const create = async (event: Event) => {
    event.preventDefault();
    await run(async () => {
      const chosen = (groups.value ?? []).filter((group) => permissions.includes(group.name));
      const resource = `com.cloudflare.api.account.${account}`;
      const limited = { [`com.cloudflare.api.ai-gateway.${scope}`]: "*" };
      const fields: TokenFields = {
        name,
        policies: [
          {
            effect: "allow",
            permission_groups: chosen.map(({ id }) => ({ id })),
            resources: { [resource]: scope ? limited : "*" },
          },
        ],
      };
      if (days) fields.expires_on = new Date(Date.now() + Number(days) * 86_400_000).toISOString();
      const condition = conditionOf(addresses);
      if (condition) fields.condition = condition;
      if (lasting) fields.outlives_maker = true;
      setValue((await api.tokens.create(fields)).value);
    });
  };

  if (value) return <ShownOnce title="Your new token" value={value} onClose={() => onClose(true)} />;
  return (
    <Dialog title="Create authentication token" onClose={() => onClose(false)}>
      <form onSubmit={create}>
        <Field label="Name">
          {(control) => (
            <input {...control} required maxLength={120} value={name} onInput={(event) => setName(valueOf(event))} autocomplete="off" />
          )}
        </Field>
        <fieldset>
          <legend>Permissions</legend>
          <div class="choices">
            {(groups.value ?? [{ id: "", name: RUN }]).map((group) => (
              <label key={group.name} class="choice">
                <input type="checkbox" checked={permissions.includes(group.name)} onChange={() => flip(group.name)} />
                {group.name}
              </label>
            ))}
          </div>
        </fieldset>
        <div class="columns">
          <Field label="Gateways" hint="Limit the token to one gateway, or let it use all of them.">
            {(control) => (
              <select {...control} value={scope} onChange={(event) => setScope(valueOf(event))}>
                <option value="">All gateways</option>
                {[...new Set([...(gateway ? [gateway] : []), ...(gateways.value ?? []).map((one) => one.id)])].map((id) => (
                  <option key={id} value={id}>
                    {id}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Expires">
            {(control) => (
              <select {...control} value={days} onChange={(event) => setDays(valueOf(event))}>
                {Object.entries(EXPIRIES).map(([value, text]) => (
                  <option key={value} value={value}>
                    {text}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <Field
          label="Allowed addresses (optional)"
          hint={
            <>
              Addresses or networks, with spaces or commas between. A leading <code>!</code> excludes one.
            </>
          }
        >
          {(control) => (
            <input
              {...control}
              value={addresses}
              onInput={(event) => setAddresses(valueOf(event))}
              placeholder="10.0.0.0/8, 2001:db8::/32, !10.1.2.3"
              autocomplete="off"
            />
          )}
        </Field>
        {may("Account Lasting API Tokens Write") && (
          <Switch
            label="Outlives the token I am signed in with"
            hint="Otherwise it ends when that one is revoked, rolled or expires."
            on={lasting}
            onChange={setLasting}
          />
        )}
        <Failure error={failure || (groups.error ? messageOf(groups.error) : "")} />
        <footer>
          <Button onClick={() => onClose(false)}>Cancel</Button>
          <Button type="submit" kind="main" disabled={busy || !permissions.length || !groups.value}>
            Create token
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function useAccount() {
  const { api, may } = useApp();
  return { api, may, account: api.account };
}

function conditionOf(text: string): Condition | null {
  const given = text.split(/[\s,]+/).filter(Boolean);
  const included = given.filter((one) => !one.startsWith("!"));
  const excluded = given.filter((one) => one.startsWith("!")).map((one) => one.slice(1));
  if (!given.length) return null;
  return {
    request_ip: { ...(included.length ? { in: included } : {}), ...(excluded.length ? { not_in: excluded } : {}) },
  };
}
