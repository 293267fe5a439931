// Drives one official SDK of npm against a running weir, and prints what the SDK saw: as `drive.py` does, with the
// same options and lines. fetch lies too deep to be watched: attempts are counted by weir.
//
//     drive.mjs openai --base http://127.0.0.1:8900 --task spent --case plain --case stream
//
// By proxy the caller sets Node's own variables, for the library of its fetch reads them once.

import { parseArgs } from "node:util";

// A case that hangs is a defect.
const PATIENCE_MS = 60_000;

async function openai({ base, key, model, prompt }) {
  const { default: OpenAI, RateLimitError } = await import("openai");
  const client = new OpenAI({ apiKey: key, ...(base && { baseURL: `${base}/openai/v1` }) });
  const request = { model, max_tokens: 10, messages: [{ role: "user", content: prompt }] };
  return {
    isRateLimit: (error) => error instanceof RateLimitError,
    plain: async () => (await client.chat.completions.create(request)).choices[0].message.content,
    stream: async () => {
      let text = "";
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
      return text;
    },
  };
}

async function anthropic({ base, key, model, prompt }) {
  const { default: Anthropic, RateLimitError } = await import("@anthropic-ai/sdk");
  const client = new Anthropic({ apiKey: key, ...(base && { baseURL: `${base}/anthropic` }) });
  const request = { model, max_tokens: 10, messages: [{ role: "user", content: prompt }] };
  const told = (message) => message.content.map((block) => block.text ?? "").join("");
  return {
    isRateLimit: (error) => error instanceof RateLimitError,
    plain: async () => told(await client.messages.create(request)),
    stream: async () => told(await client.messages.stream(request).finalMessage()),
  };
}

async function gemini({ base, key, model, prompt }) {
  const { GoogleGenAI, ApiError } = await import("@google/genai");
  const client = new GoogleGenAI({
    apiKey: key,
    ...(base && { httpOptions: { baseUrl: `${base}/gemini` } }),
  });
  const request = { model, contents: prompt, config: { maxOutputTokens: 10 } };
  return {
    isRateLimit: (error) => error instanceof ApiError && error.status === 429,
    plain: async () => (await client.models.generateContent(request)).text,
    stream: async () => {
      let text = "";
      for await (const chunk of await client.models.generateContentStream(request)) {
        text += chunk.text ?? "";
      }
      return text;
    },
  };
}

// The client of realtime sessions: what its socket tells of a budget. It speaks TLS alone, and goes by a proxy only
// where it is given an agent that does.
async function realtime({ key, model }) {
  const { default: OpenAI } = await import("openai");
  const { OpenAIRealtimeWS } = await import("openai/realtime/ws");
  const { Agent } = await import("node:https");
  const client = new OpenAI({ apiKey: key });
  const options = { agent: new Agent({ proxyEnv: process.env }) };
  const session = () =>
    new Promise((resolve, reject) => {
      const connection = new OpenAIRealtimeWS({ model, options }, client);
      connection.on("error", reject);
      connection.on("session.created", () => connection.send({ type: "response.create" }));
      connection.on("response.done", () => connection.send({ type: "response.create" }));
      connection.socket.on("close", (code, reason) => resolve(`${code} ${reason}`));
    });
  return {
    isRateLimit: (error) => String(error.message).includes("429"),
    plain: session,
  };
}

const SDKS = { openai, anthropic, gemini, realtime };

// One case as one flat object; `exception` is null where the SDK raised nothing.
async function run(sdk, name, task) {
  const line = { case: name, task, text: null, exception: null, message: null };
  Object.assign(line, { is_rate_limit: false, status: null, headers: {} });
  try {
    line.text = await sdk[name]();
  } catch (error) {
    line.exception = error.constructor.name;
    line.message = error.message;
    line.is_rate_limit = sdk.isRateLimit(error);
    line.status = error.status ?? null;
    line.headers = Object.fromEntries(error.headers ?? []);
  }
  return line;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: "string" },
    case: { type: "string", multiple: true },
    task: { type: "string", multiple: true, default: [""] },
    model: { type: "string" },
    prompt: { type: "string", default: "Say hello." },
    "api-key": { type: "string", default: "sk-weir-test" },
  },
});
setTimeout(() => {
  console.error("a case hangs");
  process.exit(2);
}, PATIENCE_MS).unref();
for (const task of values.task) {
  const base = values.base && (task ? `${values.base}/@task=${task}` : values.base);
  const sdk = await SDKS[positionals[0]]({ ...values, base, key: values["api-key"] });
  for (const name of values.case) {
    console.log(JSON.stringify(await run(sdk, name, task || null)));
  }
}
// Sockets that an SDK keeps open do not keep the test waiting.
process.exit(0);
