/** One request: what was asked, what was answered, where the time went. Logged bytes are shown as text, whatever they are. */

import { useState } from "preact/hooks";
import { ApiError, type Body } from "../api";
import { answerOf, pretty, promptOf, type Turn } from "../conversation";
import { bytes, count, dollars, duration, fullMoment } from "../format";
import { Button, Code, Copy, Failure, Icon, Waiting } from "../parts/basics";
import { Dialog } from "../parts/Dialog";
import { LogStatus, Why } from "../parts/LogTable";
import { messageOf, useApp, useLoaded } from "../state";
import type { Log } from "../types";

interface LogDetailProps {
  gateway: string;
  id: string;
  onClose: () => void;
  onChanged: () => Promise<void>;
}

export function LogDetail({ gateway, id, onClose, onChanged }: LogDetailProps) {
  const { api } = useApp();
  const log = useLoaded(() => api.logs(gateway).get(id), [gateway, id]);
  const request = useLoaded(() => kept(api.logs(gateway).request(id)), [gateway, id]);
  const response = useLoaded(() => kept(api.logs(gateway).response(id)), [gateway, id]);
  const changed = async () => {
    await Promise.all([log.again(), onChanged()]);
  };
  return (
    <Dialog title="Request" side onClose={onClose}>
      <Failure error={log.error} />
      {!log.value && !log.error && <Waiting />}
      {log.value && (
        <>
          <Summary log={log.value} />
          <Feedback gateway={gateway} log={log.value} onChanged={changed} />
          <Waterfall log={log.value} />
          <Prompt body={request.value} error={request.error} />
          <Answer body={response.value} error={response.error} />
          <Facts log={log.value} />
        </>
      )}
    </Dialog>
  );
}

/** A body, or null for one that was not logged. */
async function kept(asking: Promise<Body>): Promise<Body | null> {
  try {
    const body = await asking;
    return body.text ? body : null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function Summary({ log }: { log: Log }) {
  return (
    <div class="summary">
      <p class="summary-title">
        <LogStatus log={log} /> <strong class="model">{log.model || log.path}</strong>
      </p>
      {!log.success && <Why log={log} />}
      <p class="soft">
        {log.provider} · <time dateTime={log.created_at}>{fullMoment(log.created_at)}</time> · {log.outcome.replaceAll("_", " ")}
      </p>
      <dl class="figures wide">
        {(
          [
            ["Duration", duration(log.duration)],
            ["First byte", duration(log.first_byte_ms)],
            ["Tokens in", count(log.tokens_in)],
            ["Tokens out", count(log.tokens_out)],
            ["Cost", dollars(log.cost)],
          ] as const
        ).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Feedback({ gateway, log, onChanged }: { gateway: string; log: Log; onChanged: () => Promise<void> }) {
  const { api, say } = useApp();
  const rate = async (feedback: number) => {
    try {
      await api.logs(gateway).rate(log.id, log.feedback === feedback ? 0 : feedback);
      await onChanged();
    } catch (error) {
      say(messageOf(error), "failed");
    }
  };
  return (
    <div class="feedback" role="group" aria-label="Feedback">
      <Button aria-pressed={log.feedback === 1} aria-label="Good answer" onClick={() => rate(1)}>
        <Icon name="up" />
      </Button>
      <Button aria-pressed={log.feedback === -1} aria-label="Bad answer" onClick={() => rate(-1)}>
        <Icon name="down" />
      </Button>
    </div>
  );
}

/** Time to the first byte, of which some is ours, and the time the answer took to arrive. */
function Waterfall({ log }: { log: Log }) {
  const total = Math.max(log.duration, 1);
  // A request that went to no provider waited for none.
  const asked = log.asked ?? true;
  const first = Math.min(log.first_byte_ms ?? total, total);
  const own = Math.min((log.overhead_us ?? 0) / 1000, first);
  const rows: [string, string, number, number][] = asked
    ? [
        ["Gateway", "own", 0, own],
        ["Waiting for the provider", "wait", own, first],
        ["Receiving the answer", "pour", first, total],
      ]
    : [["Gateway", "own", 0, total]];
  return (
    <section aria-label="Timing">
      <h3>Timing</h3>
      {!asked && <p class="soft small">No provider was asked.</p>}
      <div class="waterfall">
        {rows.map(([name, kind, from, to]) => (
          <div key={kind} class="waterfall-row">
            <span>{name}</span>
            <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
              <rect class={kind} x={(1000 * from) / total} width={Math.max((1000 * (to - from)) / total, 2)} height="10" rx="2" />
            </svg>
            <span class="number">{duration(to - from)}</span>
          </div>
        ))}
      </div>
    </section>
  );
}

interface BodyProps {
  body: Body | null | undefined;
  error: unknown;
}

function Prompt({ body, error }: BodyProps) {
  const turns = body ? promptOf(body.text) : [];
  return <Shown title="Prompt" body={body} error={error} turns={turns} />;
}

function Answer({ body, error }: BodyProps) {
  const said = body ? answerOf(body.text, body.type) : null;
  const turns: Turn[] = [];
  if (said?.reasoning) turns.push({ role: "reasoning", text: said.reasoning });
  if (said?.text) turns.push({ role: "assistant", text: said.text });
  if (said?.tools) turns.push({ role: "tools", text: said.tools });
  if (said?.error) turns.push({ role: "error", text: said.error });
  const note = said?.events ? `Put together from ${said.events} events` : "";
  return <Shown title="Answer" body={body} error={error} turns={turns} note={note} />;
}

interface ShownProps extends BodyProps {
  title: string;
  turns: Turn[];
  note?: string;
}

function Shown({ title, body, error, turns, note = "" }: ShownProps) {
  const [raw, setRaw] = useState(false);
  const asText = raw || !turns.length;
  return (
    <section aria-label={title}>
      <div class="section-head">
        <h3>{title}</h3>
        {note && <span class="soft small">{note}</span>}
        {body && turns.length > 0 && (
          <Button kind="quiet" aria-pressed={raw} onClick={() => setRaw(!raw)}>
            Raw
          </Button>
        )}
        {body && <Copy text={body.text} />}
      </div>
      <Failure error={error} />
      {body === null && <p class="soft">Not logged.</p>}
      {body && asText && (
        <pre class="body" dir="auto" tabIndex={0} aria-label={`${title}, raw`}>
          {pretty(body.text)}
        </pre>
      )}
      {body &&
        !asText &&
        turns.map((turn, index) => (
          <div key={index} class={`turn ${turn.role === "assistant" || turn.role === "model" ? "answer" : ""}`}>
            <span class="role">{turn.role}</span>
            <div class="text" dir="auto">
              {turn.text}
            </div>
          </div>
        ))}
    </section>
  );
}

function Facts({ log }: { log: Log }) {
  const facts: [string, string | number | null | undefined][] = [
    ["Log id", log.id],
    ["Request", `${log.method ?? ""} ${log.path}`],
    ["User agent", log.user_agent],
    ["Token", log.token_id],
    ["Authentication", log.authentication ? "asked for" : "off"],
    ["Usage", log.usage_exactness],
    ["Cached tokens", log.tokens_cached],
    ["Reasoning tokens", log.tokens_reasoning],
    ["Request size", `${bytes(log.request_size)} ${log.request_content_type}`],
    ["Response size", `${bytes(log.response_size)} ${log.response_content_type}`],
    ["Events", log.events],
    ["Event id", log.event_id],
    ["Step", log.step],
    ["Metadata", log.metadata],
  ];
  const headers = [
    ["Request headers", log.request_headers],
    ["Response headers", log.response_headers],
  ] as const;
  return (
    <section aria-label="Details">
      <h3>Details</h3>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== null && value !== undefined && value !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd dir="auto">{String(value)}</dd>
            </div>
          ))}
      </dl>
      {headers.map(
        ([name, fields]) =>
          fields && (
            <details key={name}>
              <summary>{name}</summary>
              <Code
                label={name}
                text={Object.entries(fields)
                  .map(([field, value]) => `${field}: ${value}`)
                  .join("\n")}
              />
            </details>
          ),
      )}
    </section>
  );
}
