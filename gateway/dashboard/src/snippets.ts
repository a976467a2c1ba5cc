/** First requests, ready to paste: this gateway's address filled in, the token from the environment. */

export interface Snippet {
  name: string;
  code: string;
}

export function snippetsFor(origin: string, account: string, gateway: string): Snippet[] {
  const rest = `${origin}/client/v4/accounts/${account}/ai/v1`;
  const native = `${origin}/v1/${account}/${gateway}`;
  const named = gateway === "default" ? "" : gateway;
  const header = named ? `\n  --header "cf-aig-gateway-id: ${named}" \\` : "";
  const js = named ? `\n  defaultHeaders: { "cf-aig-gateway-id": "${named}" },` : "";
  const vercel = named ? `\n  headers: { "cf-aig-gateway-id": "${named}" },` : "";
  const python = named ? `\n    default_headers={"cf-aig-gateway-id": "${named}"},` : "";
  return [
    {
      name: "curl",
      code: `curl "${rest}/chat/completions" \\
  --header "Authorization: Bearer $AIG_TOKEN" \\${header}
  --header "Content-Type: application/json" \\
  --data '{"model": "openai/gpt-4.1-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
    {
      name: "OpenAI Python",
      code: `import os
from openai import OpenAI

client = OpenAI(
    api_key=os.environ["AIG_TOKEN"],
    base_url="${rest}",${python}
)
answer = client.chat.completions.create(
    model="openai/gpt-4.1-mini",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
    },
    {
      name: "OpenAI JS",
      code: `import OpenAI from "openai";

const openai = new OpenAI({
  apiKey: process.env.AIG_TOKEN,
  baseURL: "${rest}",${js}
});
const answer = await openai.chat.completions.create({
  model: "openai/gpt-4.1-mini",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`,
    },
    {
      name: "Vercel AI SDK",
      code: `import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";

const openai = createOpenAI({
  apiKey: process.env.AIG_TOKEN,
  baseURL: "${rest}",${vercel}
});
const { text } = await generateText({ model: openai("openai/gpt-4.1-mini"), prompt: "Hello" });
console.log(text);`,
    },
    {
      name: "Anthropic",
      code: `import os
from anthropic import Anthropic

client = Anthropic(
    api_key=os.environ["ANTHROPIC_API_KEY"],
    base_url="${native}/anthropic",
    default_headers={"cf-aig-authorization": f"Bearer {os.environ['AIG_TOKEN']}"},
)
answer = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=100,
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.content[0].text)`,
    },
    {
      name: "Claude Code",
      code: `export ANTHROPIC_BASE_URL="${native}/anthropic"
export ANTHROPIC_CUSTOM_HEADERS="cf-aig-authorization: Bearer $AIG_TOKEN"
claude`,
    },
  ];
}
