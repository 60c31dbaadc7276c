// The library's methods that are more than one request each, and those that make none.

import { toFile } from 'openai';
import { MODEL, skill } from './values.mjs';

const POLL = { pollIntervalMs: 1 };
const messages = [{ role: 'user', content: 'Say hello.' }];
const format = {
  name: 'greeting',
  strict: true,
  schema: {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
    additionalProperties: false,
  },
};
const lookUp = {
  type: 'function',
  function: {
    name: 'look_up',
    parameters: { type: 'object', properties: {} },
    parse: JSON.parse,
    function: () => 'found',
  },
};

const sampleFile = () => toFile(Buffer.from('some text'), 'sample.txt');

/** Every event of a helper that emits them, then what it came to. */
export async function emitted(stream, final) {
  const events = [];
  for await (const event of stream) events.push(event);
  return { events, final: await final?.() };
}

async function storeFile(need) {
  const store = await need('/vector_stores');
  return { store, file: await need(`/vector_stores/${store}/files`) };
}

async function storeBatch(need) {
  const store = await need('/vector_stores');
  return { store, batch: await need(`/vector_stores/${store}/file_batches`) };
}

async function threadRun(need) {
  const thread = await need('/threads');
  return { thread, assistant: await need('/assistants'), run: await need(`/threads/${thread}/runs`) };
}

const run = ({ assistant }) => ({ assistant_id: assistant });

/** A run that waits for its tool, by its id, and what it waits for. */
async function waiting(client, { assistant }) {
  const { name, parameters } = lookUp.function;
  const tools = [{ type: 'function', function: { name, parameters } }];
  const asked = { assistant_id: assistant, tools, tool_choice: 'required' };
  const made = await client.beta.threads.createAndRunPoll(asked, POLL);
  const calls = made.required_action.submit_tool_outputs.tool_calls;
  return [made.id, { thread_id: made.thread_id, tool_outputs: calls.map(({ id }) => ({ tool_call_id: id, output: 'found' })) }];
}

/** By method: `needs` gives the ids that it works on, `call` what it is called with on either side. */
export const HELPERS = {
  'files.waitForProcessing': {
    needs: async (need) => need('/files'),
    call: (client, file) => client.files.waitForProcessing(file, { pollInterval: 1 }),
  },
  'chat.completions.parse': {
    call: (client) =>
      client.chat.completions.parse({
        model: MODEL,
        messages,
        response_format: { type: 'json_schema', json_schema: format },
      }),
  },
  'chat.completions.runTools': {
    call: async (client) => {
      const runner = client.chat.completions.runTools({ model: MODEL, messages, tools: [lookUp] });
      await runner.done();
      return runner.messages;
    },
  },
  'chat.completions.stream': {
    call: (client) => {
      const stream = client.chat.completions.stream({ model: MODEL, messages });
      return emitted(stream, () => stream.finalChatCompletion());
    },
  },
  'responses.parse': {
    call: (client) =>
      client.responses.parse({
        model: MODEL,
        input: 'Say hello.',
        text: { format: { type: 'json_schema', ...format } },
      }),
  },
  'responses.stream': {
    call: (client) => {
      const stream = client.responses.stream({ model: MODEL, input: 'Say hello.' });
      return emitted(stream, () => stream.finalResponse());
    },
  },
  'batches.create': {
    call: async (client) => {
      const body = { model: MODEL, input: 'some text' };
      const line = JSON.stringify({ custom_id: '1', method: 'POST', url: '/v1/embeddings', body });
      const file = await client.files.create({ file: await toFile(Buffer.from(line), 'in.jsonl'), purpose: 'batch' });
      return client.batches.create({ input_file_id: file.id, endpoint: '/v1/embeddings', completion_window: '24h' });
    },
  },
  'skills.versions.delete': {
    needs: async (need) => need('/skills'),
    call: async (client, id) => {
      // The default version cannot be deleted.
      const { version } = await client.skills.versions.create(id, { files: await skill() });
      return client.skills.versions.delete(version, { skill_id: id });
    },
  },
  'vectorStores.fileBatches.cancel': {
    needs: async (need) => ({ store: await need('/vector_stores'), file: await need('/files') }),
    call: async (client, { store, file }) => {
      // One that was looked at is completed.
      const { id } = await client.vectorStores.fileBatches.create(store, { file_ids: [file] });
      return client.vectorStores.fileBatches.cancel(id, { vector_store_id: store });
    },
  },
  'videos.downloadContent': {
    needs: async (need) => need('/videos'),
    call: async (client, video) => {
      for (let looks = 0; looks < 2; looks += 1) await client.videos.retrieve(video);
      return client.videos.downloadContent(video);
    },
  },
  'vectorStores.files.createAndPoll': {
    needs: async (need) => ({ store: await need('/vector_stores'), file: await need('/files') }),
    call: (client, { store, file }) => client.vectorStores.files.createAndPoll(store, { file_id: file }, POLL),
  },
  'vectorStores.files.poll': {
    needs: storeFile,
    call: (client, { store, file }) => client.vectorStores.files.poll(store, file, POLL),
  },
  'vectorStores.files.upload': {
    needs: async (need) => need('/vector_stores'),
    call: async (client, store) => client.vectorStores.files.upload(store, await sampleFile()),
  },
  'vectorStores.files.uploadAndPoll': {
    needs: async (need) => need('/vector_stores'),
    call: async (client, store) => client.vectorStores.files.uploadAndPoll(store, await sampleFile(), POLL),
  },
  'vectorStores.fileBatches.createAndPoll': {
    needs: async (need) => ({ store: await need('/vector_stores'), file: await need('/files') }),
    call: (client, { store, file }) => client.vectorStores.fileBatches.createAndPoll(store, { file_ids: [file] }, POLL),
  },
  'vectorStores.fileBatches.poll': {
    needs: storeBatch,
    call: (client, { store, batch }) => client.vectorStores.fileBatches.poll(store, batch, POLL),
  },
  'vectorStores.fileBatches.uploadAndPoll': {
    needs: async (need) => need('/vector_stores'),
    call: async (client, store) =>
      client.vectorStores.fileBatches.uploadAndPoll(store, { files: [await sampleFile()] }, POLL),
  },
  'beta.threads.createAndRunPoll': {
    needs: threadRun,
    call: (client, ids) => client.beta.threads.createAndRunPoll(run(ids), POLL),
  },
  'beta.threads.createAndRunStream': {
    needs: threadRun,
    call: (client, ids) => emitted(client.beta.threads.createAndRunStream(run(ids))),
  },
  'beta.threads.runs.createAndPoll': {
    needs: threadRun,
    call: (client, ids) => client.beta.threads.runs.createAndPoll(ids.thread, run(ids), POLL),
  },
  'beta.threads.runs.createAndStream': {
    needs: threadRun,
    call: (client, ids) => emitted(client.beta.threads.runs.createAndStream(ids.thread, run(ids))),
  },
  'beta.threads.runs.stream': {
    needs: threadRun,
    call: (client, ids) => emitted(client.beta.threads.runs.stream(ids.thread, run(ids))),
  },
  'beta.threads.runs.poll': {
    needs: threadRun,
    call: (client, ids) => client.beta.threads.runs.poll(ids.run, { thread_id: ids.thread }, POLL),
  },
  'beta.threads.runs.submitToolOutputsAndPoll': {
    needs: threadRun,
    call: async (client, ids) =>
      client.beta.threads.runs.submitToolOutputsAndPoll(...(await waiting(client, ids)), POLL),
  },
  'beta.threads.runs.submitToolOutputsStream': {
    needs: threadRun,
    call: async (client, ids) =>
      emitted(client.beta.threads.runs.submitToolOutputsStream(...(await waiting(client, ids)))),
  },
  'beta.agents.environments.files.prepare': {
    call: async (client) => client.beta.agents.environments.files.prepare({ '/workspace/a.txt': await sampleFile() }),
  },
  'beta.agents.environments.files.upload': {
    call: async (client) => {
      const file = await sampleFile();
      return client.beta.agents.environments.files.upload('env_1', { path: '/workspace/a.txt', file });
    },
  },
  'beta.agents.sessions.stream': {
    call: (client) => client.beta.agents.sessions.stream('session_1', { input: 'Say hello.' }),
  },
};

/** Methods that make no request, and why. */
export const WITHOUT_REQUEST = {
  'webhooks.unwrap': 'checks and parses what a webhook received',
  'webhooks.verifySignature': 'checks what a webhook received',
  'beta.agents.sessions.artifacts.forResult': 'makes an object whose methods are those of its resource',
};
