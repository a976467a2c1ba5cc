import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import { answer, failure, given, tell } from "./given.mjs";

const create = given.dialect === "anthropic" ? createAnthropic : createOpenAI;
const provider = create({ apiKey: given.apiKey, baseURL: given.baseURL, headers: given.headers });
const model = given.chat ? provider.chat(given.model) : provider(given.model);
const asked = { model, prompt: "What is a gateway?", maxRetries: 0 };

const work = {
  async generate() {
    const { text, usage } = await generateText(asked);
    return { text, tokensIn: usage.inputTokens, tokensOut: usage.outputTokens };
  },
  async stream() {
    await tell(streamText(asked).textStream, (piece) => piece);
  },
  refused: () => failure(() => generateText(asked)),
};

answer(await work[given.operation]());
