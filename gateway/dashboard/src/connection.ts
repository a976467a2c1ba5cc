/** Whether the gateway answers: every request says so, and while it does not somebody goes on asking. */

import { useEffect, useState } from "preact/hooks";

/** `unreachable`: no answer at all. `unavailable`: it answers, and what stands behind it does not. */
export type Connection = "good" | "unreachable" | "unavailable";

const CHANGED = "gateway:connection";
const BACK = "gateway:back";
let now: Connection = "good";

export function tell(next: Connection): void {
  if (next === now) return;
  const back = next === "good";
  now = next;
  dispatchEvent(new Event(CHANGED));
  if (back) dispatchEvent(new Event(BACK));
}

/** How the edge tells of a control process that restarts, or control of a store that is away. */
const AWAY = [502, 503, 504];

export function heard(status: number): void {
  tell(AWAY.includes(status) ? "unavailable" : "good");
}

/** Whether a request failed for want of an answer, which says nothing of what was asked. */
export function isAway(error: unknown): boolean {
  return error instanceof Error && "status" in error && [0, ...AWAY].includes(error.status as number);
}

addEventListener("offline", () => tell("unreachable"));

export function useConnection(): Connection {
  const [connection, setConnection] = useState(now);
  useEffect(() => {
    const changed = () => setConnection(now);
    changed();
    addEventListener(CHANGED, changed);
    return () => removeEventListener(CHANGED, changed);
  }, []);
  return connection;
}

/** Calls `work` when the gateway answers again. */
export function whenBack(work: () => void): () => void {
  addEventListener(BACK, work);
  return () => removeEventListener(BACK, work);
}
