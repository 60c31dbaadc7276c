// What the library is used for beyond one plain call of each method.

import { Readable } from 'node:stream';
import { toFile } from 'openai';
import { emitted } from './helpers.mjs';
import { MODEL } from './values.mjs';

const chat = { model: MODEL, messages: [{ role: 'user', content: 'Say hello to everybody.' }] };
const response = { model: MODEL, input: 'Say hello to everybody.' };
const unhurried = { headers: { 'x-sandbox-delay-ms': '50' } };
const parts = ['first half, ', 'second half'].map((text) => Buffer.from(text));

async function firstEventOf(stream) {
  for await (const event of stream) {
    // The library then closes the connection, in the midst of the answer.
    stream.controller.abort();
    return { event };
  }
  return { event: undefined };
}

async function uploadInParts(client) {
  const bytes = parts[0].length + parts[1].length;
  const { id } = await client.uploads.create({ bytes, filename: 'a.txt', mime_type: 'text/plain', purpose: 'assistants' });
  const made = [];
  for (const part of parts) {
    made.push(await client.uploads.parts.create(id, { data: await toFile(part, 'part') }));
  }
  return client.uploads.complete(id, { part_ids: made.map((part) => part.id) });
}

async function uploadAndDownload(client) {
  const file = await toFile(Readable.from(parts), 'täglich "1".txt');
  const made = await client.files.create({ file, purpose: 'batch' });
  return client.files.content(made.id);
}

/** By name: what is done on either side; it gives what is compared, besides the exchanges themselves. */
export const SCENES = {
  'chat.completions.create streams': (client) => client.chat.completions.create({ ...chat, stream: true }),
  'chat.completions.create streams its usage': (client) =>
    client.chat.completions.create({ ...chat, stream: true, stream_options: { include_usage: true } }),
  'responses.create streams': (client) => client.responses.create({ ...response, stream: true }),
  'completions.create streams': (client) => client.completions.create({ model: MODEL, prompt: 'Say', stream: true }),
  'a stream becomes a ReadableStream': async (client) => {
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    return new Response(stream.toReadableStream());
  },
  'chat.completions.stream tells its parts': (client) => {
    const stream = client.chat.completions.stream(chat);
    return emitted(stream, () => stream.finalContent());
  },
  'a stream of chat.completions.create is aborted': async (client) =>
    firstEventOf(await client.chat.completions.create({ ...chat, stream: true }, unhurried)),
  'a stream of responses.create is aborted': async (client) =>
    firstEventOf(await client.responses.create({ ...response, stream: true }, unhurried)),
  'files.create takes a stream, files.content gives it back': uploadAndDownload,
  'files.create takes a Response': async (client) =>
    client.files.create({ file: await toFile(new Response('some text'), 'a.txt'), purpose: 'assistants' }),
  'uploads take parts': uploadInParts,
  'asResponse gives the raw answer': (client) => client.chat.completions.create(chat).asResponse(),
  'asResponse gives the raw stream': (client) => client.chat.completions.create({ ...chat, stream: true }).asResponse(),
  'withResponse gives result and answer': async (client) => {
    const { data, request_id, response: answer } = await client.models.list().withResponse();
    return { first: data.data[0], request_id, status: answer.status };
  },
  'a list is paged through': async (client) => {
    const models = [];
    for await (const model of client.models.list()) models.push(model.id);
    return { models };
  },
  'embeddings come as base64 and are decoded': (client) =>
    client.embeddings.create({ model: 'text-embedding-3-small', input: 'hello' }),
  'any path can be asked for': (client) => client.get('/models', { query: { some: ['ä', 'b c'] } }),
};

/** By name of an error: what ends in it. */
export const ERRORS = {
  NotFoundError: (client) => client.models.retrieve('no-such-model'),
  BadRequestError: (client) => client.chat.completions.create({ ...chat, temperature: 9 }),
};
