/** Bars and lines over time on uPlot: hover for values, drag to zoom, double-click to go back. Colours come from the style sheet. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Series {
  label: string;
  values: (number | null)[];
  /** Name of a CSS variable. */
  colour: string;
  /** What there was of it in a span of time; otherwise a line through measured points. */
  bars?: boolean;
  dashed?: boolean;
  /** Of the whole period: what the legend says until somebody points at a moment. */
  total: number | null;
  /** Where the bar ends, if it stands on another. */
  drawn?: (number | null)[];
}

interface ChartProps {
  title: string;
  times: number[];
  series: Series[];
  show: (value: number | null) => string;
  range: [number, number];
  onZoom: (start: number, end: number) => void;
  onReset: () => void;
}

export function Chart({ title, times, series, show, range, onZoom, onReset }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const chart = new uPlot(optionsOf(element, series, show, range, (start, end) => zoom.current(start, end)), [
      times,
      ...series.map((one) => one.drawn ?? one.values),
    ]);
    element.replaceChildren(chart.root);
    const size = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    size.observe(element);
    return () => {
      size.disconnect();
      chart.destroy();
    };
  }, [times, series, range[0], range[1], document.documentElement.dataset.theme]);
  const totals = series.map((one) => `${one.label} ${show(one.total)}`).join(", ");
  return (
    <figure class="chart" onDblClick={onReset}>
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title} over time; in all: ${totals}`} />
    </figure>
  );
}

const HEIGHT = 200;
/** A point stands for the span that begins there, so its bar does too; at least two pixels wide, that one in a year is seen. */
const BARS = uPlot.paths.bars!({ size: [0.8, 40, 2], align: 1 });

/** A line needs two neighbours: what stands alone would not be seen without a dot. */
function alone(values: (number | null)[], colour: string): uPlot.Series.Points {
  const known = (index: number) => (values[index] ?? null) !== null;
  const found = values.map((_, index) => index).filter((index) => known(index) && !known(index - 1) && !known(index + 1));
  return { show: true, size: 7, fill: colour, filter: () => found };
}

function optionsOf(
  element: HTMLElement,
  series: Series[],
  show: ChartProps["show"],
  [start, end]: [number, number],
  onZoom: ChartProps["onZoom"],
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour("soft"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth || 400,
    height: HEIGHT,
    padding: [8, 4, 0, 0],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, sync: { key: "analytics" }, points: { size: 7 } },
    legend: { live: true },
    scales: { x: { time: true, range: () => [start, end] }, y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [axis, { ...axis, size: 58, values: (_chart, ticks) => ticks.map((tick) => show(tick)) }],
    series: [
      {},
      ...series.map((one) => ({
        label: one.label,
        stroke: colour(one.colour),
        width: one.bars ? 0 : 2,
        ...(one.bars ? { paths: BARS, fill: colour(one.colour), points: { show: false } } : { points: alone(one.values, colour(one.colour)) }),
        ...(one.dashed ? { dash: [5, 4] } : {}),
        value: (_chart: uPlot, _drawn: number | null, _series: number, at: number | null) => show(at === null ? one.total : (one.values[at] ?? null)),
      })),
    ],
    hooks: {
      setSelect: [
        (chart) => {
          if (chart.select.width < 8) return;
          const [from, to] = [chart.posToVal(chart.select.left, "x"), chart.posToVal(chart.select.left + chart.select.width, "x")];
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onZoom(from, to);
        },
      ],
    },
  };
}

export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const high = Math.max(...values, 1);
  const step = 100 / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(26 - (24 * value) / high).toFixed(1)}`);
  return (
    <svg class="sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={label}>
      <polygon points={`0,28 ${points.join(" ")} 100,28`} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}
