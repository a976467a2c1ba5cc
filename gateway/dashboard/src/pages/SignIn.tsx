import { useEffect, useRef } from "preact/hooks";
import { ApiError, session } from "../api";
import { Button, Failure, Field } from "../parts/basics";
import { useWork } from "../state";
import type { Session } from "../types";

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export function SignIn({ ended, onSignedIn }: { ended: boolean; onSignedIn: (session: Session) => void }) {
  const { busy, failure, run } = useWork();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const open = (event: Event) => {
    event.preventDefault();
    const field = input.current;
    void run(async () => {
      try {
        onSignedIn(await session.open(field?.value ?? ""));
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) throw new Error("This token is not valid.");
        throw error;
      } finally {
        if (field) field.value = "";
      }
    });
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={open}>
        <img src="/dashboard/icon.svg" alt="" width="44" height="44" />
        <h1>Sign in</h1>
        {ended && <p role="status">Your session has ended. Sign in again to go on where you were.</p>}
        <Field
          label="API token"
          hint={
            <>
              The first one is in the file <code>bootstrap-token</code> of the gateway's data directory.
            </>
          }
        >
          {(control) => (
            <input {...control} ref={input} type="password" required maxLength={256} autocomplete="off" spellcheck={false} placeholder="agw_…" />
          )}
        </Field>
        <Failure error={failure} />
        <Button type="submit" kind="main" disabled={busy}>
          Sign in
        </Button>
        {location.protocol === "http:" && !LOOPBACK.test(location.hostname) && (
          <p class="caution">This connection is not encrypted: others on the network could read the token.</p>
        )}
      </form>
    </main>
  );
}
