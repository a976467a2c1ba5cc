/** Requests, errors, tokens, cost and latency over time, and who they went to. */

import { useMemo, useState } from "preact/hooks";
import { analyticsOf, type Analytics, type Figures, type Group, type Point, type Span } from "../analytics";
import { Button, Failure, Waiting } from "../parts/basics";
import { Chart, type Series } from "../parts/Chart";
import { count, dollars, duration, percent } from "../format";
import { go, href, usePlace } from "../router";
import { useApp, useLoaded } from "../state";
import { Figure } from "./Gateways";

const DAY_S = 86_400;
const RANGES: [label: string, seconds: number][] = [
  ["Hour", 3600],
  ["Day", 86_400],
  ["Week", 7 * 86_400],
  ["Month", 30 * 86_400],
  ["Year", 365 * 86_400],
];

function rangeIn(name: string | null): number {
  return RANGES.find(([label]) => label.toLowerCase() === name)?.[1] ?? DAY_S;
}

function minute(since1970: number): string {
  return new Date(since1970 * 60_000).toISOString();
}

function last(seconds: number): Span {
  const end = Math.ceil(Date.now() / 60_000) * 60;
  return { start: end - seconds, end };
}

export function AnalyticsPage({ gateway }: { gateway: string }) {
  const { api } = useApp();
  const { query } = usePlace();
  const range = rangeIn(query.get("range"));
  const from = Date.parse(query.get("start") ?? "") / 1000;
  const until = Date.parse(query.get("end") ?? "") / 1000;
  const zoomed = from < until;
  // What is shown lies in the address; `turn` asks for the same range up to now.
  const [turn, setTurn] = useState(0);
  const span = useMemo(() => (zoomed ? { start: from, end: until } : last(range)), [zoomed, from, until, range, turn]);
  const key = `${gateway} ${span.start} ${span.end}`;
  const figures = useLoaded(() => analyticsOf(api, gateway, span, "provider"), [key]);
  const models = useLoaded(() => analyticsOf(api, gateway, span, "model"), [key]);
  const root = href("gateways", gateway, "analytics");
  const named = (seconds: number) => RANGES.find(([, one]) => one === seconds)?.[0].toLowerCase() ?? "day";
  const choose = (seconds: number) => {
    setTurn((old) => old + 1);
    go(`${root}?range=${named(seconds)}`, "replace");
  };
  const zoom = (start: number, end: number) => {
    const times = { start: minute(Math.floor(start / 60)), end: minute(Math.ceil(end / 60)) };
    go(`${root}?${new URLSearchParams({ range: named(range), ...times })}`);
  };
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="Time range">
          {RANGES.map(([label, seconds]) => (
            <button key={label} type="button" aria-pressed={!zoomed && seconds === range} onClick={() => choose(seconds)}>
              {label}
            </button>
          ))}
        </div>
        <div class="tools">
          {zoomed && <Button onClick={() => choose(range)}>Reset zoom</Button>}
          <Button onClick={() => (zoomed ? figures.again() : choose(range))}>Refresh</Button>
        </div>
      </div>
      <Failure error={figures.error} />
      {!figures.value && !figures.error && <Waiting />}
      {figures.value && <Totals figures={figures.value} />}
      {figures.value && <Charts figures={figures.value} span={span} onZoom={zoom} onReset={() => choose(range)} />}
      <div class="columns wide-gap">
        <GroupTable title="By provider" groups={figures.value?.groups} />
        <GroupTable title="By model" groups={models.value?.groups} />
      </div>
    </>
  );
}

function Totals({ figures: { totals } }: { figures: Analytics }) {
  return (
    <dl class="figures totals">
      <Figure name="Requests" value={count(totals.requests)} />
      <Figure name="Errors" value={percent(totals.errors, totals.requests)} />
      <Figure name="Without a token" value={count(totals.unauthenticated)} />
      <Figure name="Cached" value={percent(totals.cached, totals.requests)} />
      <Figure name="Tokens in" value={count(totals.tokens_in)} />
      <Figure name="Tokens out" value={count(totals.tokens_out)} />
      <Figure name="Cost" value={dollars(totals.cost)} />
      <Figure name="Duration p95" value={duration(totals.duration_ms.p95)} />
    </dl>
  );
}

interface ChartsProps {
  figures: Analytics;
  span: Span;
  onZoom: (start: number, end: number) => void;
  onReset: () => void;
}

function Charts({ figures, span, onZoom, onReset }: ChartsProps) {
  const charts = useMemo(() => chartsOf(figures), [figures]);
  const times = useMemo(() => figures.series.map((point) => Date.parse(point.start) / 1000), [figures]);
  return (
    <>
      <div class="charts">
        {charts.map(({ title, series, show }) => (
          <Chart key={title} title={title} times={times} series={series} show={show} range={[span.start, span.end]} onZoom={onZoom} onReset={onReset} />
        ))}
      </div>
      <p class="hint">Drag across a chart to zoom, double-click to go back.</p>
    </>
  );
}

/** Nothing where nothing was asked is none; where something was, what is not known stays unknown. */
function summed(point: Point, value: number | null): number | null {
  return point.requests || value ? value : 0;
}

function chartsOf({ series: points, totals }: Analytics): { title: string; series: Series[]; show: (value: number | null) => string }[] {
  const line = (label: string, colour: string, pick: (point: Figures) => number | null, dashed = false): Series => ({
    label,
    colour,
    dashed,
    values: points.map(pick),
    total: pick(totals),
  });
  const bars = (label: string, colour: string, pick: (point: Figures) => number | null): Series => ({
    label,
    colour,
    bars: true,
    values: points.map((point) => summed(point, pick(point))),
    total: pick(totals) ?? (totals.requests ? null : 0),
  });
  const both = points.map((point) => summed(point, point.tokens_in === null && point.tokens_out === null ? null : (point.tokens_in ?? 0) + (point.tokens_out ?? 0)));
  return [
    {
      title: "Requests",
      show: count,
      series: [
        bars("All", "chart-1", (one) => one.requests),
        bars("Cached", "chart-2", (one) => one.cached),
        bars("Errors", "chart-bad", (one) => one.errors),
        line("Refused without a token", "chart-3", (one) => one.unauthenticated, true),
      ],
    },
    {
      title: "Tokens",
      show: count,
      series: [{ ...bars("Out", "chart-3", (one) => one.tokens_out), drawn: both }, bars("In", "chart-1", (one) => one.tokens_in)],
    },
    { title: "Cost", show: dollars, series: [bars("Cost", "chart-2", (one) => one.cost)] },
    {
      title: "Latency",
      show: duration,
      series: [
        line("p50", "chart-1", (one) => one.duration_ms.p50),
        line("p95", "chart-3", (one) => one.duration_ms.p95),
        line("p99", "chart-bad", (one) => one.duration_ms.p99),
        line("First byte p50", "chart-2", (one) => one.first_byte_ms.p50, true),
      ],
    },
  ];
}

/** Who got the requests; those that named nobody, or went nowhere, are told as that. */
function nameOf({ provider, model }: Group): string {
  if (!provider) return model ? model : "No provider named";
  if (model === undefined) return provider;
  return model ? `${provider}/${model}` : `${provider}, no model named`;
}

function GroupTable({ title, groups }: { title: string; groups: Group[] | undefined }) {
  if (!groups?.length) return null;
  const most = Math.max(...groups.map((group) => group.requests), 1);
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      <div class="table-frame" tabIndex={0} role="region" aria-label={title}>
        <table class="groups">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="number">
                Requests
              </th>
              <th scope="col" class="number">
                Errors
              </th>
              <th scope="col" class="number">
                Tokens
              </th>
              <th scope="col" class="number">
                Cost
              </th>
              <th scope="col" class="number">
                p95
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map((group) => (
              <tr key={`${group.provider}/${group.model}`}>
                <td>
                  {nameOf(group)}
                  <meter min={0} max={most} value={group.requests} aria-hidden="true" />
                </td>
                <td class="number">{count(group.requests)}</td>
                <td class="number">{percent(group.errors, group.requests)}</td>
                <td class="number">{count(group.tokens_in === null ? null : group.tokens_in + (group.tokens_out ?? 0))}</td>
                <td class="number">{dollars(group.cost)}</td>
                <td class="number">{duration(group.duration_ms.p95)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
