// Node's official OpenAI SDK as its documentation uses it. Prints one JSON object: the answers, and
// of each refused turn the class, the message and the requests that it took. The requests are
// counted where they leave, by Node's own diagnostics.
import diagnostics from "node:diagnostics_channel";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[2] + "/");
const { default: OpenAI } = await import(pathToFileURL(require.resolve("openai")));

let sent = 0;
diagnostics.subscribe("undici:request:create", ({ request }) => {
  if (request.method !== "CONNECT") sent += 1;
});

const client = new OpenAI();
const question = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }] };
const turns = {
  plain: async () => (await client.chat.completions.create(question)).choices[0].message.content,
  streamed: async () => {
    let text = "";
    const stream = await client.chat.completions.create({ ...question, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    return text;
  },
};

const answers = {};
const refusals = {};
for (const [name, turn] of Object.entries(turns)) answers[name] = await turn();
const before = sent;
for (const [name, turn] of Object.entries(turns)) {
  const start = sent;
  try {
    refusals[name] = { class: "", message: await turn() };
  } catch (error) {
    refusals[name] = {
      class: error instanceof OpenAI.RateLimitError ? "OpenAI.RateLimitError" : error.constructor.name,
      message: error.message,
    };
  }
  refusals[name].requests = sent - start;
}
console.log(JSON.stringify({ answers, refusals, before }));
