/** Requests, errors, tokens, cost and latency over time, and who they went to. */

import { useMemo, useState } from "preact/hooks";
import { analyticsOf, type Analytics, type Group, type Point, type Span } from "../analytics";
import { Button, Failure, Waiting } from "../parts/basics";
import { Chart, type Series } from "../parts/Chart";
import { count, dollars, duration, percent } from "../format";
import { useApp, useLoaded } from "../state";
import { Figure } from "./Gateways";

const RANGES: [label: string, seconds: number][] = [
  ["Hour", 3600],
  ["Day", 86_400],
  ["Week", 7 * 86_400],
  ["Month", 30 * 86_400],
  ["Year", 365 * 86_400],
];

function last(seconds: number): Span {
  const end = Math.ceil(Date.now() / 60_000) * 60;
  return { start: end - seconds, end };
}

export function AnalyticsPage({ gateway }: { gateway: string }) {
  const { api } = useApp();
  const [range, setRange] = useState(86_400);
  const [span, setSpan] = useState(() => last(range));
  const [zoomed, setZoomed] = useState(false);
  const key = `${gateway} ${span.start} ${span.end}`;
  const figures = useLoaded(() => analyticsOf(api, gateway, span, "provider"), [key]);
  const models = useLoaded(() => analyticsOf(api, gateway, span, "model"), [key]);
  const choose = (seconds: number) => {
    setRange(seconds);
    setSpan(last(seconds));
    setZoomed(false);
  };
  const zoom = (start: number, end: number) => {
    setSpan({ start: Math.floor(start / 60) * 60, end: Math.ceil(end / 60) * 60 });
    setZoomed(true);
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
  const charts = useMemo(() => chartsOf(figures.series), [figures]);
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

function chartsOf(points: Point[]): { title: string; series: Series[]; show: (value: number | null) => string }[] {
  const line = (label: string, colour: string, pick: (point: Point) => number | null, dashed = false): Series => ({
    label,
    colour,
    dashed,
    values: points.map(pick),
  });
  return [
    {
      title: "Requests",
      show: count,
      series: [
        line("All", "chart-1", (one) => one.requests),
        line("Cached", "chart-2", (one) => one.cached),
        line("Errors", "chart-bad", (one) => one.errors),
        line("Refused without a token", "chart-3", (one) => one.unauthenticated, true),
      ],
    },
    {
      title: "Tokens",
      show: count,
      series: [line("In", "chart-1", (one) => one.tokens_in), line("Out", "chart-3", (one) => one.tokens_out)],
    },
    { title: "Cost", show: dollars, series: [line("Cost", "chart-2", (one) => one.cost)] },
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
                  {(group.model === undefined ? group.provider : `${group.provider}/${group.model}`) || "–"}
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
