import OpenAI, { AuthenticationError } from "openai";
import { answer, failure, given, tell } from "./given.mjs";

const client = new OpenAI({ apiKey: given.apiKey, baseURL: given.baseURL, defaultHeaders: given.headers, maxRetries: 0 });
const messages = [{ role: "user", content: "What is a gateway?" }];
const { model } = given;

const work = {
  async chat() {
    const completion = await client.chat.completions.create({ model, messages });
    return { text: completion.choices[0].message.content, tokens: completion.usage.total_tokens };
  },
  async stream() {
    const chunks = await client.chat.completions.create({ model, messages, stream: true });
    await tell(chunks, (chunk) => chunk.choices[0]?.delta?.content);
  },
  async responses() {
    return { text: (await client.responses.create({ model, input: "What is a gateway?" })).output_text };
  },
  async responsesStream() {
    const events = await client.responses.create({ model, input: "What is a gateway?", stream: true });
    await tell(events, (event) => (event.type === "response.output_text.delta" ? event.delta : null));
  },
  async embeddings() {
    const made = await client.embeddings.create({ model, input: "text" });
    return { vector: [...made.data[0].embedding] };
  },
  async refused() {
    const error = await failure(() => client.chat.completions.create({ model, messages }));
    return { ...error, typed: error.name === AuthenticationError.name };
  },
};

answer(await work[given.operation]());
