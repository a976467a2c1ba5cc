/** From nothing to the first answer in four steps, and after that the addresses. */

import { useState } from "preact/hooks";
import { Button, Code, Copy } from "../parts/basics";
import { CreateToken } from "../parts/CreateToken";
import { LogTable } from "../parts/LogTable";
import { failed, TestKey } from "../parts/TestKey";
import { href, Link } from "../router";
import { snippetsFor } from "../snippets";
import { useApp, useEvery, useLoaded } from "../state";
import type { Gateway } from "../types";
import { KeyDialog } from "./ProviderKeys";

export function Start({ gateway }: { gateway: Gateway }) {
  const { api, may } = useApp();
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState(false);
  const [storing, setStoring] = useState(false);
  const [refused, setRefused] = useState(false);
  const keys = useLoaded(() => api.keys(gateway.id).list(), [gateway.id]);
  const answered = useLoaded(() => api.logs(gateway.id).list({ per_page: 5, success: true }), [gateway.id]);
  const logs = useLoaded(() => api.logs(gateway.id).list({ per_page: 5 }), [gateway.id]);
  const [arrived, setArrived] = useState(false);
  const done = !!answered.value?.items.length;
  useEvery(1, logs.value !== undefined && !done, async () => {
    const { items } = await api.logs(gateway.id).list({ per_page: 5 }, true);
    if (items[0]?.id === logs.value?.items[0]?.id) return;
    if (items.some((log) => log.success)) setArrived(true);
    await Promise.all([logs.again(), answered.again()]);
  });
  const latest = logs.value?.items ?? [];
  const stored = keys.value ?? [];
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
      <li class={stored.length && !refused ? "card done" : "card"}>
        <h2>Store a provider's key</h2>
        <p>
          {stored.length
            ? `Stored for ${[...new Set(stored.map((key) => key.provider_slug))].join(", ")}. `
            : "The gateway lends it to authenticated requests. Without one, each request must bring its own. "}
          <Link to={href("gateways", gateway.id, "keys")}>All provider keys</Link>
        </p>
        <Button kind={stored.length ? "plain" : "main"} onClick={() => setStoring(true)} disabled={!may("Secrets Store Write", gateway.id)}>
          Add provider key
        </Button>
        {may("Secrets Store Write", gateway.id) &&
          stored.map((key) => (
            <div key={key.id + key.modified_at} class="row-main">
              <p class="soft">
                {key.provider_slug} · {key.alias} · <code>{key.secret_preview}</code>
              </p>
              <TestKey gateway={gateway.id} of={key} onTested={(test) => setRefused(failed(test))} />
            </div>
          ))}
      </li>
      <li class={done ? "card done" : "card"}>
        <h2>Send a request</h2>
        <p>
          Put the token into <code>AIG_TOKEN</code>, and paste one of these.
        </p>
        <Snippets gateway={gateway} />
      </li>
      <li class={done ? "card done" : "card"}>
        <h2>See the answer here</h2>
        <div aria-live="polite">
          {latest.length === 0 && (
            <p class="waiting">
              <span class="pulse" /> Waiting for your first request…
            </p>
          )}
          {latest.length > 0 && !done && (
            <p class="waiting">
              <span class="pulse" /> Requests arrive, and none was answered yet. Each says why:
            </p>
          )}
          {latest.length > 0 && done && <p>{arrived ? "Your first answer has arrived:" : "The latest requests:"}</p>}
        </div>
        {latest.length > 0 && <LogTable gateway={gateway.id} logs={latest} brief />}
      </li>
      {storing && (
        <KeyDialog
          gateway={gateway.id}
          onClose={() => setStoring(false)}
          onDone={() => {
            setStoring(false);
            void keys.again();
          }}
        />
      )}
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
