/** The request log: live or page by page, filtered, downloaded, deleted. One request a page. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Button, Empty, Failure, Icon, Waiting } from "../parts/basics";
import { Confirm } from "../parts/Dialog";
import { FilterBar } from "../parts/FilterBar";
import { LogTable } from "../parts/LogTable";
import { filtersIn, queryOf, type Filters } from "../filters";
import { exactly } from "../format";
import { go, href, usePlace } from "../router";
import { messageOf, useApp, useEvery, useLoaded } from "../state";
import { LogDetail } from "./LogDetail";

const PER_PAGE = 50;
const LIVE_S = 1.5;
const MOST_DOWNLOADED = 50_000;

export function Logs({ gateway, detail }: { gateway: string; detail: string | undefined }) {
  const { api, may } = useApp();
  const { query } = usePlace();
  const filters = filtersIn(query);
  const page = Math.max(1, Number(query.get("page")) || 1);
  const [live, setLive] = useState(true);
  const [deleting, setDeleting] = useState(false);
  const asked = { ...queryOf(filters), page, per_page: PER_PAGE };
  const key = JSON.stringify(asked);
  const logs = useLoaded(() => api.logs(gateway).list(asked), [gateway, key]);
  const [tail, setTail] = useState<{ key: string; value: NonNullable<typeof logs.value> } | null>(null);
  useEvery(LIVE_S, live && page === 1 && logs.value !== undefined, async () => {
    const value = await api.logs(gateway).list(asked, true);
    setTail({ key, value });
  });
  const shown = tail?.key === key ? tail.value : logs.value;
  const fresh = useFresh(shown?.items.map((log) => log.id), key);
  const root = href("gateways", gateway, "logs");
  const move = (changed: Filters, to = 1) => {
    const text = new URLSearchParams({ ...changed, ...(to > 1 ? { page: String(to) } : {}) }).toString();
    go(text ? `${root}?${text}` : root);
  };
  const refresh = async () => {
    setTail(null);
    await logs.again();
  };
  const pages = Math.max(1, Math.ceil((shown?.total ?? 0) / PER_PAGE));
  return (
    <>
      <div class="toolbar">
        <FilterBar key={key} filters={filters} onChange={(changed) => move(changed)} />
        <div class="tools">
          <Button aria-pressed={live} onClick={() => setLive(!live)} title="New requests appear by themselves">
            <Icon name="live" />
            Live
          </Button>
          <Download gateway={gateway} filters={filters} />
          {may("AI Gateway Write", gateway) && (
            <Button onClick={() => setDeleting(true)} disabled={!shown?.total}>
              <Icon name="trash" />
              Delete
            </Button>
          )}
        </div>
      </div>
      <Failure error={logs.error} />
      {!shown && !logs.error && <Waiting />}
      {shown?.items.length === 0 && (
        <Empty title={Object.keys(filters).length ? "No request matches" : "No requests yet"}>
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
              {exactly(shown.total)} {shown.total === 1 ? "request" : "requests"}
            </span>
            <Button disabled={page <= 1} onClick={() => move(filters, page - 1)}>
              Newer
            </Button>
            <span>
              {page} / {exactly(pages)}
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
      {deleting && (
        <Confirm
          title="Delete logs"
          action="Delete"
          danger
          typed={gateway}
          onClose={() => setDeleting(false)}
          work={async () => {
            await api.logs(gateway).remove(queryOf(filters));
            await refresh();
          }}
        >
          <p>
            {Object.keys(filters).length
              ? `The ${exactly(shown?.total ?? 0)} logs that match the filter are deleted for good.`
              : `All ${exactly(shown?.total ?? 0)} logs of this gateway are deleted for good.`}
          </p>
        </Confirm>
      )}
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

function Download({ gateway, filters }: { gateway: string; filters: Filters }) {
  const { api, say } = useApp();
  const [done, setDone] = useState<number | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const run = async () => {
    const control = (stop.current = new AbortController());
    setDone(0);
    try {
      const lines: string[] = [];
      // Up to the moment of the click: rows that come meanwhile must not shift the pages.
      const upTo = { ...filters, before: filters.before ?? new Date().toISOString() };
      for (let page = 1; lines.length < MOST_DOWNLOADED; page++) {
        const { items, total } = await api
          .logs(gateway)
          .list({ ...queryOf(upTo), page, per_page: PER_PAGE }, false, control.signal);
        lines.push(...items.map((log) => JSON.stringify(log)));
        setDone(lines.length);
        if (!items.length || lines.length >= total) break;
      }
      save(`${gateway}-logs.jsonl`, `${lines.join("\n")}\n`);
    } catch (error) {
      if (!control.signal.aborted) say(messageOf(error), "failed");
    } finally {
      setDone(null);
    }
  };
  return (
    <Button onClick={done === null ? run : () => stop.current?.abort()}>
      <Icon name="download" />
      {done === null ? "JSONL" : `${exactly(done)}… stop`}
    </Button>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
