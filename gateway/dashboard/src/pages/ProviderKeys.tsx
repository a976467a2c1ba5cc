/** Providers' keys that the gateway keeps: sealed, lent to authenticated callers, never shown again. */

import { useState } from "preact/hooks";
import { Badge, Button, Empty, Failure, Field, Icon, valueOf, Waiting } from "../parts/basics";
import { Confirm, Dialog } from "../parts/Dialog";
import { TestKey } from "../parts/TestKey";
import { ago, fullMoment } from "../format";
import { useApp, useLoaded, useWork } from "../state";
import type { ProviderKey } from "../types";

const PROVIDERS = [
  "anthropic", "azure-openai", "cerebras", "cohere", "deepseek", "elevenlabs", "fireworks", "google-ai-studio", "grok", "groq",
  "huggingface", "mistral", "openai", "openrouter", "perplexity-ai", "replicate", "workers-ai",
]; // prettier-ignore

type Asking = { what: "add" } | { what: "rotate" | "delete"; key: ProviderKey } | null;

export function ProviderKeys({ gateway }: { gateway: string }) {
  const { api, may } = useApp();
  const keys = useLoaded(() => api.keys(gateway).list(), [gateway]);
  const [asking, setAsking] = useState<Asking>(null);
  const writable = may("Secrets Store Write", gateway);
  const done = () => {
    setAsking(null);
    void keys.again();
  };
  return (
    <>
      <div class="toolbar">
        <p class="soft">Stored keys are encrypted, and lent to authenticated requests only. They are never shown again.</p>
        {writable && (
          <Button kind="main" onClick={() => setAsking({ what: "add" })}>
            <Icon name="plus" />
            Add key
          </Button>
        )}
      </div>
      <Failure error={keys.error} />
      {!keys.value && !keys.error && <Waiting />}
      {keys.value?.length === 0 && (
        <Empty title="No provider keys">
          <p>Without one, each request brings its own.</p>
        </Empty>
      )}
      <ul class="rows">
        {keys.value?.map((key) => (
          <li key={key.id} class="card row">
            <div class="row-main">
              <h2>
                {key.provider_slug} {key.default_config && <Badge kind="good">default</Badge>}
              </h2>
              <p class="soft">
                {key.alias} · <code>{key.secret_preview}</code> · <span title={fullMoment(key.modified_at)}>changed {ago(key.modified_at)}</span>
              </p>
            </div>
            {writable && (
              <div class="row-actions">
                <TestKey key={key.modified_at} gateway={gateway} of={key} />
                <Button onClick={() => setAsking({ what: "rotate", key })}>Rotate</Button>
                <Button kind="danger" onClick={() => setAsking({ what: "delete", key })}>
                  Delete
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {asking?.what === "add" && <KeyDialog gateway={gateway} onClose={() => setAsking(null)} onDone={done} />}
      {asking?.what === "rotate" && <KeyDialog gateway={gateway} rotated={asking.key} onClose={() => setAsking(null)} onDone={done} />}
      {asking?.what === "delete" && (
        <Confirm
          title={`Delete the key ${asking.key.alias} of ${asking.key.provider_slug}?`}
          action="Delete key"
          danger
          work={() => api.keys(gateway).remove(asking.key.id)}
          onClose={done}
        >
          <p>Requests that rely on it fail from now on.</p>
        </Confirm>
      )}
    </>
  );
}

const HOST_IN_REQUEST = ["azure-openai", "azure", "baseten", "fal"];

interface KeyDialogProps {
  gateway: string;
  rotated?: ProviderKey;
  onClose: () => void;
  onDone: () => void;
}

export function KeyDialog({ gateway, rotated, onClose, onDone }: KeyDialogProps) {
  const { api } = useApp();
  const { busy, failure, run } = useWork();
  const [provider, setProvider] = useState("");
  const [alias, setAlias] = useState("default");
  const [secret, setSecret] = useState("");
  const [hosts, setHosts] = useState("");
  const named = HOST_IN_REQUEST.includes(provider);
  const save = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const keys = api.keys(gateway);
      if (rotated) await keys.rotate(rotated.id, secret);
      else {
        const added = named && hosts.trim() ? { hosts: hosts.trim().split(/[\s,]+/) } : {};
        await keys.create({ provider_slug: provider, alias, default_config: alias === "default", secret, ...added });
      }
      onDone();
    });
  };
  return (
    <Dialog title={rotated ? `Rotate ${rotated.provider_slug} (${rotated.alias})` : "Add provider key"} onClose={onClose}>
      <form onSubmit={save}>
        {!rotated && (
          <div class="columns">
            <Field label="Provider" hint="Such as openai or anthropic; custom-… for your own.">
              {(control) => (
                <>
                  <input {...control} required list="providers" pattern="[A-Za-z0-9\-]{1,71}" value={provider} onInput={(event) => setProvider(valueOf(event))} autocomplete="off" />
                  <datalist id="providers">
                    {PROVIDERS.map((slug) => (
                      <option key={slug} value={slug} />
                    ))}
                  </datalist>
                </>
              )}
            </Field>
            <Field label="Alias" hint="Requests choose another than default with cf-aig-byok-alias.">
              {(control) => <input {...control} required maxLength={64} value={alias} onInput={(event) => setAlias(valueOf(event))} autocomplete="off" />}
            </Field>
          </div>
        )}
        {!rotated && named && (
          <Field label="Hosts" hint="Requests name this provider's host. The key goes to these, such as my-resource.openai.azure.com, and to the vendor's shared ones.">
            {(control) => <input {...control} value={hosts} onInput={(event) => setHosts(valueOf(event))} autocomplete="off" spellcheck={false} />}
          </Field>
        )}
        <Field label={rotated ? "New key" : "Key"}>
          {(control) => (
            <input {...control} type="password" required value={secret} onInput={(event) => setSecret(valueOf(event))} autocomplete="off" spellcheck={false} />
          )}
        </Field>
        <Failure error={failure} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" disabled={busy}>
            {rotated ? "Rotate" : "Add key"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
