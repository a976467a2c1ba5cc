/** Short messages. A popover, so that they stand above a dialog and what it dims. */

import { useLayoutEffect, useRef } from "preact/hooks";

export interface Message {
  text: string;
  kind: "done" | "failed";
}

/** To the top of what the browser draws last: whatever was opened later lies above it. */
export function raiseMessages(): void {
  const element = document.getElementById("messages");
  if (!element?.textContent) return;
  if (element.matches(":popover-open")) element.hidePopover();
  element.showPopover();
}

export function Messages({ message }: { message: Message | null }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!element.current?.matches(":popover-open")) element.current?.showPopover();
    raiseMessages();
  }, [message]);
  return (
    <div ref={element} id="messages" class="messages" popover="manual" role="status" aria-live="polite">
      {message && <p class={`message ${message.kind}`}>{message.text}</p>}
    </div>
  );
}
