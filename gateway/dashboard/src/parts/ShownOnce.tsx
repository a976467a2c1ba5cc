/** A secret's only appearance: in this component's memory, until the person says that it is kept elsewhere. */

import { useEffect } from "preact/hooks";
import { Button, Copy } from "./basics";
import { Dialog } from "./Dialog";

let shown = 0;

/** While one is on the screen, nothing may take it away, not even the end of the session. */
export function secretIsShown(): boolean {
  return shown > 0;
}

export function ShownOnce({ title, value, onClose }: { title: string; value: string; onClose: () => void }) {
  useEffect(() => {
    shown++;
    return () => void shown--;
  }, []);
  return (
    <Dialog title={title} onClose={onClose} stays>
      <p>
        Copy the token now and keep it where your application reads its secrets. <strong>It will not be shown again.</strong>
      </p>
      <div class="secret">
        <code data-secret tabIndex={0} aria-label="Token value">
          {value}
        </code>
        <Copy text={value} label="Copy token" />
      </div>
      <p class="hint">
        REST API: <code>Authorization: Bearer …</code> · provider-native endpoints: <code>cf-aig-authorization: Bearer …</code>
      </p>
      <footer>
        <Button kind="main" onClick={onClose}>
          I have saved it
        </Button>
      </footer>
    </Dialog>
  );
}
