/** The request log: live or page by page, filtered, downloaded, deleted. One request a page. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Paged } from "../api";
import { Button, Empty, Failure, Icon, Waiting } from "../parts/basics";
import { FilterBar } from "../parts/FilterBar";
import { DeleteLogs } from "../parts/DeleteLogs";
import { Download } from "../parts/Download";
import { LogTable } from "../parts/LogTable";
import { filtersIn, queryOf, wrongIn, type Filters } from "../filters";
import { howMany, isExact } from "../format";
import { go, href, usePlace } from "../router";
import { useApp, useEvery, useLoaded } from "../state";
import type { Log } from "../types";
import { LogDetail } from "./LogDetail";

const PER_PAGE = 50;
const LIVE_S = 1.5;
const NOTHING: Paged<Log> = { items: [], total: 0 };
/** Far beyond any page that there is, and what the API takes. */
const LAST_PAGE = 1_000_000;

export function Logs({ gateway, detail }: { gateway: string; detail: string | undefined }) {
  const { api, may } = useApp();
  const { query } = usePlace();
  const filters = filtersIn(query);
  const wrong = wrongIn(filters);
  const page = Math.min(Math.max(1, Math.floor(Number(query.get("page"))) || 1), LAST_PAGE);
  const [live, setLive] = useState(true);
  const [deleting, setDeleting] = useState(false);
  const asked = { ...(wrong ? {} : queryOf(filters)), page, per_page: PER_PAGE };
  const key = JSON.stringify(asked);
  const logs = useLoaded(() => (wrong ? Promise.resolve(NOTHING) : api.logs(gateway).list(asked)), [gateway, key, wrong]);
  const [tail, setTail] = useState<{ key: string; value: NonNullable<typeof logs.value> } | null>(null);
  useEvery(LIVE_S, live && page === 1 && logs.value !== undefined && !wrong, async () => {
    const value = await api.logs(gateway).list(asked, true);
    setTail({ key, value });
  });
  const shown = tail?.key === key ? tail.value : logs.value;
  const fresh = useFresh(shown?.items.map((log) => log.id), key);
  const root = href("gateways", gateway, "logs");
  const move = (changed: Filters, to = 1, how: "push" | "replace" = "push") => {
    const text = new URLSearchParams({ ...changed, ...(to > 1 ? { page: String(to) } : {}) }).toString();
    go(text ? `${root}?${text}` : root, how);
  };
  const refresh = async () => {
    setTail(null);
    await logs.again();
  };
  const filtered = Object.keys(filters).length > 0;
  const total = shown?.total ?? 0;
  const pages = Math.max(1, Math.ceil(total / PER_PAGE));
  const beyond = shown !== undefined && page > pages;
  useEffect(() => {
    if (beyond) move(filters, pages, "replace");
  }, [beyond, pages]);
  return (
    <>
      <div class="toolbar">
        <FilterBar key={location.search} filters={filters} onChange={(changed) => move(changed)} />
        <div class="tools">
          <Button aria-pressed={live} onClick={() => setLive(!live)} title="New requests appear by themselves">
            <Icon name="live" />
            Live
          </Button>
          {!wrong && <Download gateway={gateway} filters={filters} onOlder={(before) => move({ ...filters, before })} />}
          {may("AI Gateway Write", gateway) && (
            <Button onClick={() => setDeleting(true)} disabled={!total}>
              <Icon name="trash" />
              Delete
            </Button>
          )}
        </div>
      </div>
      <Failure error={logs.error || wrong} />
      {!shown && !logs.error && <Waiting />}
      {shown?.items.length === 0 && !wrong && (
        <Empty title={filtered ? "No request matches" : "No requests yet"}>
          {live && page === 1 && (
            <p class="waiting">
              <span class="pulse" /> New ones appear here by themselves.
            </p>
          )}
        </Empty>
      )}
      {shown && shown.items.length > 0 && (
        <>
          <LogTable gateway={gateway} logs={shown.items} fresh={fresh} query={location.search} />
          <nav class="pager" aria-label="Pages">
            <span class="soft">
              {howMany(total, "request", filtered, (page - 1) * PER_PAGE)}
            </span>
            <Button disabled={page <= 1} onClick={() => move(filters, page - 1)}>
              Newer
            </Button>
            <span>
              {page} / {pages}
              {!isExact(total, filtered, (page - 1) * PER_PAGE) && "+"}
            </span>
            <Button disabled={page >= pages} onClick={() => move(filters, page + 1)}>
              Older
            </Button>
          </nav>
        </>
      )}
      {detail !== undefined && (
        <LogDetail key={detail} gateway={gateway} id={detail} onClose={() => go(root + location.search)} onChanged={refresh} />
      )}
      {deleting && <DeleteLogs gateway={gateway} filters={filters} onClose={() => setDeleting(false)} onDone={refresh} />}
    </>
  );
}

/** Ids that were not there at the first look. */
function useFresh(ids: string[] | undefined, key: string): ReadonlySet<string> {
  const first = useRef<{ key: string; ids: Set<string> } | null>(null);
  if (ids && first.current?.key !== key) first.current = { key, ids: new Set(ids) };
  const seen = first.current?.ids;
  return new Set((ids ?? []).filter((id) => seen && !seen.has(id)));
}
