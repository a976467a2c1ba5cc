/** One gateway: its head and tabs, and the page of the tab. */

import { Empty, Failure, Waiting } from "../parts/basics";
import { href, Link } from "../router";
import { useApp, useLoaded } from "../state";
import { AnalyticsPage } from "./AnalyticsPage";
import { AuthenticationBadge } from "./Gateways";
import { Logs } from "./Logs";
import { ProviderKeys } from "./ProviderKeys";
import { Settings } from "./Settings";
import { Start } from "./Start";

const TABS = [
  ["", "Start"],
  ["logs", "Logs"],
  ["analytics", "Analytics"],
  ["keys", "Provider keys"],
  ["settings", "Settings"],
] as const;

export function GatewayPage({ name, rest }: { name: string; rest: string[] }) {
  const { api } = useApp();
  const gateway = useLoaded(() => api.gateways.get(name), [api, name]);
  const [tab = "", detail] = rest;
  return (
    <>
      <header class="page-head">
        <div>
          <Link to={href()} class="crumb">
            Gateways
          </Link>
          <h1>
            {name} {gateway.value && <AuthenticationBadge on={gateway.value.authentication} />}
          </h1>
        </div>
      </header>
      <nav class="tabs" aria-label="Gateway">
        {TABS.map(([path, label]) => (
          <Link key={path} to={href("gateways", name, ...(path ? [path] : []))} current={tab === path}>
            {label}
          </Link>
        ))}
      </nav>
      <Failure error={gateway.error} />
      {!gateway.value && !gateway.error && <Waiting />}
      {gateway.value && tab === "" && <Start gateway={gateway.value} />}
      {gateway.value && tab === "logs" && <Logs gateway={name} detail={detail} />}
      {gateway.value && tab === "analytics" && <AnalyticsPage gateway={name} />}
      {gateway.value && tab === "keys" && <ProviderKeys gateway={name} />}
      {gateway.value && tab === "settings" && <Settings gateway={gateway.value} onChanged={gateway.again} />}
      {!TABS.some(([path]) => path === tab) && <Empty title="There is no such page" />}
    </>
  );
}
