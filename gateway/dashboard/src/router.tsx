/** Addresses: the browser's own history, one hook to read it, links that use it. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

const BASE = "/dashboard";
const CHANGED = "gateway:went";

export interface Place {
  /** Segments below `/dashboard`, decoded. */
  parts: string[];
  query: URLSearchParams;
}

function here(): Place {
  const parts = location.pathname.slice(BASE.length).split("/").filter(Boolean);
  return { parts: parts.map(decoded), query: new URLSearchParams(location.search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function href(...parts: string[]): string {
  return `${BASE}/${parts.map(encodeURIComponent).join("/")}`;
}

let unsaved = 0;
let shown = location.href;

/** While `on`, leaving the page asks first: within the dashboard, back and forward, and away from it. */
export function useUnsaved(on: boolean): void {
  useEffect(() => {
    if (!on) return;
    const asked = (event: BeforeUnloadEvent) => event.preventDefault();
    unsaved++;
    addEventListener("beforeunload", asked);
    return () => {
      unsaved--;
      removeEventListener("beforeunload", asked);
    };
  }, [on]);
}

function mayLeave(): boolean {
  return !unsaved || confirm("Your changes on this page are not saved. Leave without saving?");
}

/** `sure`: what was done leads there, and nothing is left to save. */
export function go(to: string, how: "push" | "replace" = "push", sure = false): void {
  if (!sure && how === "push" && !mayLeave()) return;
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  shown = location.href;
  dispatchEvent(new Event(CHANGED));
}

/** The browser has gone back or forward already: a person who would rather stay is brought back. */
addEventListener("popstate", () => {
  if (mayLeave()) shown = location.href;
  else history.pushState(null, "", shown);
  dispatchEvent(new Event(CHANGED));
});

export function usePlace(): Place {
  const [place, setPlace] = useState(here);
  useEffect(() => {
    const changed = () => setPlace(here());
    addEventListener(CHANGED, changed);
    return () => removeEventListener(CHANGED, changed);
  }, []);
  return place;
}

interface LinkProps {
  to: string;
  class?: string;
  current?: boolean;
  label?: string;
  children: ComponentChildren;
}

export function Link({ to, current, label, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={to} aria-label={label} aria-current={current ? "page" : undefined} onClick={follow}>
      {children}
    </a>
  );
}
