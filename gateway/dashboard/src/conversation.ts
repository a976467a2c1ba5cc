/** What was said, out of what was sent: prompts and answers of the providers' dialects as plain text, streamed ones put together.
 * Everything here treats logged bytes as data that may be anything. */

export interface Turn {
  role: string;
  text: string;
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner) && typeof key === "number") return inner[key];
    return isObject(inner) ? inner[key] : undefined;
  }, value);
}

function str(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Text of a content that is a string, a list of parts, or nested. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(textOf).filter(Boolean).join("\n");
  if (!isObject(content)) return "";
  for (const key of ["text", "thinking", "content", "parts", "output", "arguments"]) {
    const text = textOf(content[key]);
    if (text) return text;
  }
  if (content.functionCall || content.type === "tool_use") return JSON.stringify(content.functionCall ?? content.input, null, 2);
  return content.type ? `[${String(content.type)}]` : "";
}

/** The turns of a request body; empty when it is of no dialect known here. */
export function promptOf(body: string): Turn[] {
  const asked = parsed(body);
  if (Array.isArray(asked)) return asked.flatMap((step) => turnsOf(at(step, "query")));
  return turnsOf(asked);
}

function turnsOf(asked: unknown): Turn[] {
  if (!isObject(asked)) return [];
  const turns: Turn[] = [];
  const system = asked.system ?? asked.instructions ?? asked.systemInstruction ?? asked.system_instruction;
  if (system) turns.push({ role: "system", text: textOf(system) });
  for (const turn of list(asked.messages ?? asked.contents ?? asked.input)) {
    if (typeof turn === "string") turns.push({ role: "user", text: turn });
    else turns.push({ role: str(at(turn, "role")) || str(at(turn, "type")) || "user", text: messageText(turn) });
  }
  for (const key of ["prompt", "input"]) {
    if (typeof asked[key] === "string") turns.push({ role: "user", text: asked[key] });
  }
  return turns;
}

function messageText(turn: unknown): string {
  const text = textOf(at(turn, "content") ?? at(turn, "parts") ?? turn);
  const calls = list(at(turn, "tool_calls")).map((call) => `${str(at(call, "function", "name"))}(${str(at(call, "function", "arguments"))})`);
  return [text, ...calls].filter(Boolean).join("\n");
}

export interface Said {
  text: string;
  reasoning: string;
  tools: string;
  error: string;
  /** Events of a stream, 0 for a whole answer. */
  events: number;
}

export function answerOf(body: string, contentType: string): Said | null {
  const streamed = contentType.includes("event-stream") || /^\s*(event|data|id|retry)?:/.test(body);
  const said: Said = { text: "", reasoning: "", tools: "", error: "", events: 0 };
  if (streamed) {
    for (const event of eventsOf(body)) {
      said.events++;
      hear(said, event);
    }
    return said;
  }
  const whole = parsed(body);
  for (const item of Array.isArray(whole) ? whole : [whole]) hearWhole(said, item);
  return said.text || said.reasoning || said.tools || said.error ? said : null;
}

function* eventsOf(body: string): Generator<unknown> {
  for (const block of body.split(/\r\n\r\n|\n\n|\r\r/)) {
    const data = block
      .split(/\r\n|\n|\r/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(line[5] === " " ? 6 : 5))
      .join("\n");
    if (data && data !== "[DONE]") yield parsed(data);
  }
}

/** One event: OpenAI chat, OpenAI Responses, Anthropic, Gemini, Cohere. */
function hear(said: Said, event: unknown): void {
  for (const choice of list(at(event, "choices"))) {
    said.text += str(at(choice, "delta", "content")) || str(at(choice, "text"));
    said.reasoning += str(at(choice, "delta", "reasoning_content")) || str(at(choice, "delta", "reasoning"));
    for (const call of list(at(choice, "delta", "tool_calls"))) {
      const name = str(at(call, "function", "name"));
      said.tools += (name ? `${said.tools ? "\n" : ""}${name} ` : "") + str(at(call, "function", "arguments"));
    }
  }
  const type = str(at(event, "type"));
  if (type === "response.output_text.delta") said.text += str(at(event, "delta"));
  if (type.startsWith("response.reasoning") && type.endsWith(".delta")) said.reasoning += str(at(event, "delta"));
  if (type === "response.function_call_arguments.delta") said.tools += str(at(event, "delta"));
  if (type === "content_block_start" && at(event, "content_block", "type") === "tool_use") {
    said.tools += `${said.tools ? "\n" : ""}${str(at(event, "content_block", "name"))} `;
  }
  if (type === "content_block_delta") {
    said.text += str(at(event, "delta", "text"));
    said.reasoning += str(at(event, "delta", "thinking"));
    said.tools += str(at(event, "delta", "partial_json"));
  }
  if (type === "content-delta") said.text += str(at(event, "delta", "message", "content", "text"));
  hearGemini(said, event);
  hearError(said, event);
}

function hearGemini(said: Said, answer: unknown): void {
  for (const candidate of list(at(answer, "candidates"))) {
    for (const part of list(at(candidate, "content", "parts"))) {
      if (at(part, "thought") === true) said.reasoning += str(at(part, "text"));
      else said.text += str(at(part, "text"));
      if (at(part, "functionCall")) said.tools += JSON.stringify(at(part, "functionCall"));
    }
  }
}

function hearError(said: Said, answer: unknown): void {
  const error = at(answer, "error");
  said.error += str(at(error, "message")) || str(at(list(error), 0, "message")) || (typeof error === "string" ? error : "");
}

function hearWhole(said: Said, answer: unknown): void {
  for (const choice of list(at(answer, "choices"))) {
    said.text += messageText(at(choice, "message")) || str(at(choice, "text"));
    said.reasoning += str(at(choice, "message", "reasoning_content"));
  }
  for (const item of list(at(answer, "output"))) {
    const heard = textOf(at(item, "content") ?? at(item, "summary") ?? item);
    if (at(item, "type") === "reasoning") said.reasoning += heard;
    else said.text += heard;
  }
  if (!at(answer, "choices")) said.text += textOf(at(answer, "content") ?? at(answer, "message", "content"));
  said.text += str(at(answer, "result", "response"));
  hearGemini(said, answer);
  hearError(said, answer);
}

/** JSON with indentation; anything else as it is. */
export function pretty(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 2);
}
