import { generateText, streamText } from "ai";
import { createAiGateway } from "ai-gateway-provider";
import { createOpenAI } from "ai-gateway-provider/providers/openai";
import { answer, failure, given, tell } from "./given.mjs";

// The library's only address is Cloudflare's: send what goes there to the service under test, changed in nothing but the origin.
const direct = globalThis.fetch;
const theirs = "https://gateway.ai.cloudflare.com";
globalThis.fetch = (target, init) => {
  const url = String(target instanceof Request ? target.url : target);
  if (!url.startsWith(theirs)) throw new Error(`a request elsewhere: ${url}`);
  const moved = given.origin + url.slice(theirs.length);
  return direct(target instanceof Request ? new Request(moved, target) : moved, init);
};

const gateway = createAiGateway({ accountId: given.account, gateway: given.gateway, apiKey: given.token });
const openai = createOpenAI({ apiKey: given.apiKey });
const model = gateway(given.models.map((name) => openai.chat(name)));
const asked = { model, prompt: "What is a gateway?", maxRetries: 0 };

const work = {
  async generate() {
    return { text: (await generateText(asked)).text };
  },
  async stream() {
    await tell(streamText(asked).textStream, (piece) => piece);
  },
  refused: () => failure(() => generateText(asked)),
};

answer(await work[given.operation]());
