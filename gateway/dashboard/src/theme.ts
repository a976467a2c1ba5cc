/** Light or dark: what the system says, unless the person says otherwise in this browser. */

export type Theme = "light" | "dark";
const KEY = "gateway-theme";

export function currentTheme(): Theme {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function applyTheme(theme: Theme, keep = false): void {
  document.documentElement.dataset.theme = theme;
  if (keep) localStorage.setItem(KEY, theme);
}
