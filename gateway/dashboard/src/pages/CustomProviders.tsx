/** Upstreams that the account adds itself, reached as `custom-{slug}`. */

import { useState } from "preact/hooks";
import { Badge, Button, Empty, Failure, Field, Icon, Switch, valueOf, Waiting } from "../parts/basics";
import { Confirm, Dialog } from "../parts/Dialog";
import { useApp, useLoaded, useWork } from "../state";
import type { CustomProvider } from "../types";

type Asking = { what: "edit"; provider?: CustomProvider } | { what: "delete"; provider: CustomProvider } | null;

export function CustomProviders() {
  const { api, may } = useApp();
  const providers = useLoaded(() => api.custom.list(), [api]);
  const [asking, setAsking] = useState<Asking>(null);
  const writable = may("AI Gateway Write");
  const done = () => {
    setAsking(null);
    void providers.again();
  };
  return (
    <>
      <header class="page-head">
        <div>
          <h1>Custom providers</h1>
          <p class="soft">Any HTTPS API, behind every gateway of the account.</p>
        </div>
        {writable && (
          <Button kind="main" onClick={() => setAsking({ what: "edit" })}>
            <Icon name="plus" />
            Add provider
          </Button>
        )}
      </header>
      <Failure error={providers.error} />
      {!providers.value && !providers.error && <Waiting />}
      {providers.value?.length === 0 && <Empty title="No custom providers" />}
      <ul class="rows">
        {providers.value?.map((provider) => (
          <li key={provider.id} class="card row">
            <div class="row-main">
              <h2>
                {provider.name} <Badge kind={provider.enable ? "good" : "warn"}>{provider.enable ? "enabled" : "disabled"}</Badge>
              </h2>
              <p class="soft">
                <code>custom-{provider.slug}</code> → {provider.base_url}
              </p>
              {provider.description && <p class="soft small">{provider.description}</p>}
            </div>
            {writable && (
              <div class="row-actions">
                <Button onClick={() => setAsking({ what: "edit", provider })}>Edit</Button>
                <Button kind="danger" onClick={() => setAsking({ what: "delete", provider })}>
                  Delete
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {asking?.what === "edit" && <ProviderDialog provider={asking.provider} onClose={() => setAsking(null)} onDone={done} />}
      {asking?.what === "delete" && (
        <Confirm
          title={`Delete ${asking.provider.name}?`}
          action="Delete provider"
          danger
          work={() => api.custom.remove(asking.provider.id)}
          onClose={done}
        >
          <p>Requests to it fail from now on.</p>
        </Confirm>
      )}
    </>
  );
}

interface ProviderDialogProps {
  provider: CustomProvider | undefined;
  onClose: () => void;
  onDone: () => void;
}

function ProviderDialog({ provider, onClose, onDone }: ProviderDialogProps) {
  const { api } = useApp();
  const { busy, failure, run } = useWork();
  const [name, setName] = useState(provider?.name ?? "");
  const [slug, setSlug] = useState(provider?.slug ?? "");
  const [baseUrl, setBaseUrl] = useState(provider?.base_url ?? "");
  const [headers, setHeaders] = useState(provider?.headers ?? "");
  const [enable, setEnable] = useState(provider?.enable ?? true);
  const save = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const body = { name, slug, base_url: baseUrl, enable, headers };
      await (provider ? api.custom.update(provider.id, body) : api.custom.create(body));
      onDone();
    });
  };
  return (
    <Dialog title={provider ? `Edit ${provider.name}` : "Add custom provider"} onClose={onClose}>
      <form onSubmit={save}>
        <div class="columns">
          <Field label="Name">
            {(control) => <input {...control} required maxLength={120} value={name} onInput={(event) => setName(valueOf(event))} autocomplete="off" />}
          </Field>
          <Field label="Slug" hint={`Requests go to custom-${slug || "…"}.`}>
            {(control) => (
              <input {...control} required pattern="[A-Za-z0-9\-]{1,64}" value={slug} onInput={(event) => setSlug(valueOf(event))} autocomplete="off" />
            )}
          </Field>
        </div>
        <Field label="Base URL">
          {(control) => (
            <input {...control} type="url" required value={baseUrl} onInput={(event) => setBaseUrl(valueOf(event))} placeholder="https://api.example.com/v1" autocomplete="off" />
          )}
        </Field>
        <Field label="Extra headers (optional)" hint="A JSON object. Values are stored sealed and shown as ***; *** keeps a value.">
          {(control) => <textarea {...control} rows={3} value={headers} onInput={(event) => setHeaders(valueOf(event))} spellcheck={false} placeholder='{"x-team": "blue"}' />}
        </Field>
        <Switch label="Enabled" on={enable} onChange={setEnable} />
        <Failure error={failure} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" disabled={busy}>
            {provider ? "Save" : "Add provider"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
