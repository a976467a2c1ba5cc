/** From nothing to the first request in three steps, and after that the addresses. */

import { useState } from "preact/hooks";
import { Button, Code, Copy } from "../parts/basics";
import { CreateToken } from "../parts/CreateToken";
import { LogTable } from "../parts/LogTable";
import { href, Link } from "../router";
import { snippetsFor } from "../snippets";
import { useApp, useEvery, useLoaded } from "../state";
import type { Gateway } from "../types";

export function Start({ gateway }: { gateway: Gateway }) {
  const { api, may } = useApp();
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState(false);
  const logs = useLoaded(() => api.logs(gateway.id).list({ per_page: 5 }), [gateway.id]);
  const [arrived, setArrived] = useState(false);
  useEvery(1, logs.value?.items.length === 0, async () => {
    const { items } = await api.logs(gateway.id).list({ per_page: 5 }, true);
    if (!items.length) return;
    setArrived(true);
    await logs.again();
  });
  const latest = logs.value?.items ?? [];
  return (
    <ol class="steps">
      <li class={made ? "card done" : "card"}>
        <h2>Create a token</h2>
        <p>
          Your application sends it with each request.{" "}
          {gateway.authentication ? "Without one, this gateway refuses." : "While authentication is off, only the REST API asks for it."}
        </p>
        <Button kind={made ? "plain" : "main"} onClick={() => setCreating(true)} disabled={!may("Account API Tokens Write")}>
          Create authentication token
        </Button>
      </li>
      <li class="card">
        <h2>Send a request</h2>
        <p>
          Put the token into <code>AIG_TOKEN</code>, and paste one of these. The provider's key comes from{" "}
          <Link to={href("gateways", gateway.id, "keys")}>Provider keys</Link>, or from your request.
        </p>
        <Snippets gateway={gateway} />
      </li>
      <li class={latest.length ? "card done" : "card"}>
        <h2>See it here</h2>
        <div aria-live="polite">
          {latest.length === 0 && (
            <p class="waiting">
              <span class="pulse" /> Waiting for your first request…
            </p>
          )}
          {latest.length > 0 && <p>{arrived ? "Your first request has arrived:" : "The latest requests:"}</p>}
        </div>
        {latest.length > 0 && <LogTable gateway={gateway.id} logs={latest} brief />}
      </li>
      {creating && (
        <CreateToken
          gateway={gateway.id}
          onClose={(done) => {
            setCreating(false);
            setMade((old) => old || done);
          }}
        />
      )}
    </ol>
  );
}

function Snippets({ gateway }: { gateway: Gateway }) {
  const { api, session } = useApp();
  const origin = session.gateway_url ?? location.origin;
  const [chosen, setChosen] = useState(0);
  const snippets = snippetsFor(origin, api.account, gateway.id);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (chosen + step + snippets.length) % snippets.length;
    setChosen(next);
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };
  const base = `${origin}/v1/${api.account}/${gateway.id}`;
  return (
    <>
      <div class="chips" role="tablist" aria-label="Client" onKeyDown={move}>
        {snippets.map((snippet, index) => (
          <button
            key={snippet.name}
            type="button"
            role="tab"
            id={`client-${index}`}
            aria-selected={index === chosen}
            aria-controls="client-code"
            tabIndex={index === chosen ? 0 : -1}
            onClick={() => setChosen(index)}
          >
            {snippet.name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="client-code" aria-labelledby={`client-${chosen}`}>
        <Code text={snippets[chosen]?.code ?? ""} label={`${snippets[chosen]?.name} example`} />
      </div>
      <p class="address">
        Base URL of every provider's own SDK: <code>{base}/…</code> <Copy text={base} label="Copy base URL" />
      </p>
    </>
  );
}
