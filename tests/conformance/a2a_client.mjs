// The npm package @a2a-js/sdk, unmodified: fetches a card, sends a message, streams a message. Prints one JSON object.
// usage: node a2a_client.mjs BASE_URL TEXT        (the key in AGENTNET_API_KEY)

import { randomUUID } from "node:crypto";
import { Role, TaskState } from "@a2a-js/sdk";
import {
  ClientFactory,
  ClientFactoryOptions,
  createAuthenticatingFetchWithRetry,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";

const [baseUrl, text, binding = "JSONRPC"] = process.argv.slice(2);
const headers = async () => ({ Authorization: `Bearer ${process.env.AGENTNET_API_KEY}` });
const fetchImpl = createAuthenticatingFetchWithRetry(fetch, { headers, shouldRetryWithHeaders: async () => undefined });

const factory = new ClientFactory(
  ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
    transports: [new JsonRpcTransportFactory({ fetchImpl }), new RestTransportFactory({ fetchImpl })],
    preferredTransports: [binding],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
  }),
);

const message = () => ({
  messageId: randomUUID(),
  role: Role.ROLE_USER,
  parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "text/plain" }],
  contextId: "",
  taskId: "",
  extensions: [],
  metadata: undefined,
  referenceTaskIds: [],
});

const client = await factory.createFromUrl(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`);
const card = await client.getAgentCard();
const sent = await client.sendMessage({ message: message(), configuration: undefined, metadata: undefined, tenant: "" });
const task = sent.id ? await client.getTask({ id: sent.id, tenant: "" }) : sent;

const events = [];
let last;
for await (const event of client.sendMessageStream({ message: message(), configuration: undefined, metadata: undefined, tenant: "" })) {
  events.push(event.payload?.$case ?? Object.keys(event)[0]);
  last = event.payload?.value?.status?.state ?? last;
}

console.log(JSON.stringify({
  card: card.name,
  skills: card.skills.length,
  state: TaskState[task.status.state],
  text: task.artifacts.flatMap((artifact) => artifact.parts).map((part) => part.content?.value ?? "").filter((value) => typeof value === "string").join("\n"),
  events,
  streamedState: TaskState[last],
}));
