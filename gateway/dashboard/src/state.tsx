/** What every page may ask for: who is signed in, on which account, and short messages. */

import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, type AccountApi } from "./api";
import { whenBack } from "./connection";
import type { Account, Session } from "./types";

export interface App {
  api: AccountApi;
  session: Session;
  accounts: Account[];
  may: (permission: string, gateway?: string) => boolean;
  /** Says something for a few seconds, and to screen readers. */
  say: (message: string, kind?: "done" | "failed") => void;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("outside of the signed-in application");
  return app;
}

export function permits(session: Session, account: string, permission: string, gateway?: string): boolean {
  const held = session.permissions[account] ?? session.permissions["*"] ?? {};
  const limits = held[permission];
  return limits === null || (limits !== undefined && gateway !== undefined && limits.includes(gateway));
}

export function messageOf(error: unknown): string {
  // The API's general word for it; what it says in particular is told as it is.
  if (error instanceof ApiError && error.status === 403 && error.message === "Authentication error")
    return "The token you signed in with does not permit this.";
  return error instanceof Error ? error.message : "Something went wrong";
}

export interface Loaded<T> {
  value: T | undefined;
  error: unknown;
  again: () => Promise<void>;
}

/** The value of a request, asked anew when `keys` change or on `again`; an answer that was overtaken is dropped. */
export function useLoaded<T>(load: () => Promise<T>, keys: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: unknown }>({});
  const turn = useRef(0);
  const latest = useRef(load);
  latest.current = load;
  const again = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const value = await latest.current();
      if (mine === turn.current) setState({ value });
    } catch (error) {
      if (mine === turn.current) setState((old) => ({ ...old, error }));
    }
  }, []);
  useEffect(() => {
    setState({});
    void again();
    const stop = whenBack(() => void again());
    return () => {
      stop();
      turn.current++;
    };
  }, keys);
  return { value: state.value, error: state.error, again };
}

/** Calls `work` every `seconds` while `on` and the page is seen, one call at a time. */
export function useEvery(seconds: number, on: boolean, work: () => Promise<unknown>): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    if (!on) return;
    let timer = 0;
    let stopped = false;
    const next = () => {
      timer = window.setTimeout(async () => {
        if (!document.hidden) await latest.current().catch(() => {});
        if (!stopped) next();
      }, seconds * 1000);
    };
    next();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [seconds, on]);
}

/** Runs one change at a time: busy while it runs, its failure in words. */
export function useWork(): { busy: boolean; failure: string; run: (work: () => Promise<unknown>) => Promise<boolean> } {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const run = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setFailure("");
    try {
      await work();
      return true;
    } catch (error) {
      setFailure(messageOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, failure, run };
}
