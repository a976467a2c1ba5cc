/** Modal windows on the browser's own `<dialog>`: it keeps the focus inside, gives it back, and closes on Escape. */

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, Failure, Field, Icon, valueOf } from "./basics";
import { raiseMessages } from "./Messages";
import { useWork } from "../state";

interface DialogProps {
  title: string;
  onClose: () => void;
  side?: boolean;
  /** For a table. */
  wide?: boolean;
  /** Only an explicit answer closes it: what it shows cannot be shown again. */
  stays?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, side = false, wide = false, stays = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const opened = element.current;
    const before = document.activeElement;
    opened?.showModal();
    raiseMessages();
    return () => {
      opened?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const leave = (event: Event) => {
    event.preventDefault();
    if (!stays) onClose();
  };
  const outside = (event: MouseEvent) => {
    if (event.target === element.current && !stays) onClose();
  };
  return (
    <dialog ref={element} class={`dialog ${side ? "side" : wide ? "wide" : ""}`} aria-labelledby={id} onCancel={leave} onClick={outside}>
      <div class="dialog-inner">
        <header>
          <h2 id={id}>{title}</h2>
          {!stays && (
            <Button kind="quiet" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </Button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  action: string;
  danger?: boolean;
  wide?: boolean;
  /** What must be typed before the action can be chosen. */
  typed?: string;
  disabled?: boolean;
  work: () => Promise<unknown>;
  onClose: () => void;
  children?: ComponentChildren;
}

export function Confirm({ title, action, danger = false, wide = false, typed, disabled = false, work, onClose, children }: ConfirmProps) {
  const { busy, failure, run } = useWork();
  const [text, setText] = useState("");
  const confirm = async (event: Event) => {
    event.preventDefault();
    if (await run(work)) onClose();
  };
  return (
    <Dialog title={title} wide={wide} onClose={onClose}>
      <form onSubmit={confirm}>
        {children}
        {typed !== undefined && (
          <Field label={`Type “${typed}” to confirm`}>
            {(control) => (
              <input {...control} value={text} onInput={(event) => setText(valueOf(event))} autocomplete="off" spellcheck={false} />
            )}
          </Field>
        )}
        <Failure error={failure} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind={danger ? "danger" : "main"} disabled={disabled || busy || (typed !== undefined && text !== typed)}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
