// Holds conversations over WebSockets with OpenAI's library, straight to a sandbox and through a relay over
// another one, and says in one line of JSON each what was heard:
// node --experimental-websocket talk.mjs SANDBOX RELAY RELAY_KEY < the conversations of tests/clients/talk.py

import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeTranslationWS } from 'openai/realtime/translations/ws';
import { ResponsesWS } from 'openai/resources/responses/ws';

const [directUrl, relayUrl, relayKey] = process.argv.slice(2);
const talks = JSON.parse(readFileSync(0, 'utf8'));

/** By name: how the library opens a connection, and the conversation that is held over it. */
const CLIENTS = {
  OpenAIRealtimeWS: ['realtime', (client, opening) => OpenAIRealtimeWS.create(client, opening)],
  OpenAIRealtimeWebSocket: ['realtime', (client, opening) => OpenAIRealtimeWebSocket.create(client, opening)],
  OpenAIRealtimeTranslationWS: [
    'realtime.translations',
    (client, opening) => OpenAIRealtimeTranslationWS.create(client, opening),
  ],
  ResponsesWS: ['responses', (client) => new ResponsesWS(client)],
};

/** A connection of the library's: what was heard over it, what the library called an error, how it ended. */
class Held {
  heard = [];
  errors = [];
  #inbox = [];
  #over = false;
  #wake = () => {};

  constructor(connection) {
    this.connection = connection;
    const socket = connection.socket.platformSocket ?? connection.socket;
    this.opened = new Promise((resolve) => socket.addEventListener('open', resolve));
    this.closed = new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
    this.closed.then(() => this.#put());
    connection.on('event', (event) => this.#put(event));
    this.failed = new Promise((resolve) => {
      connection.on('error', (error) => resolve(this.errors.push(error.message)));
    });
  }

  #put(event) {
    if (event) this.#inbox.push(event);
    else this.#over = true;
    this.#wake();
  }

  /** Wait for the next event of a type. */
  async hear(type) {
    do this.heard.push(await this.#next(type));
    while (this.heard.at(-1).type !== type);
  }

  async #next(type) {
    while (!this.#inbox.length) {
      if (this.#over) throw new Error(`it ended before ${type}`);
      await new Promise((resolve) => (this.#wake = resolve));
    }
    return this.#inbox.shift();
  }
}

/** An event with the ids of the call and of the response that came last where it has marks for them. */
function filled(event, heard) {
  const call = heard.findLast((one) => one.call_id)?.call_id;
  const response = heard.findLast((one) => one.response)?.response.id;
  return JSON.parse(JSON.stringify(event).replace('$call', call).replace('$response', response));
}

async function hold(held, { first, turns }) {
  await (first ? held.hear(first) : held.opened);
  for (const [event, until] of turns) {
    held.connection.send(filled(event, held.heard));
    if (until) await held.hear(until);
  }
  held.connection.close();
  return held.closed;
}

function opened(name, baseURL, apiKey) {
  const [kind, open] = CLIENTS[name];
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  return open(client, talks[kind].opening);
}

async function told(line, connection, talk) {
  const held = new Held(await connection);
  // Node 20's own WebSocket says no more than that an upgrade failed.
  const closed = talk ? await hold(held, talk) : await held.failed.then(() => null);
  process.stdout.write(JSON.stringify({ ...line, heard: held.heard, errors: held.errors, closed }) + '\n');
}

async function secret() {
  const client = new OpenAI({ baseURL: relayUrl, apiKey: relayKey, maxRetries: 0 });
  return (await client.realtime.clientSecrets.create()).value;
}

const SIDES = { direct: [directUrl, 'any'], relay: [relayUrl, relayKey] };
for (const [name, [kind]] of Object.entries(CLIENTS)) {
  for (const [side, way] of Object.entries(SIDES)) await told({ name, side }, opened(name, ...way), talks[kind]);
}
// What the sandboxes make is numbered: from here on they have heard different things.
for (const [name, [kind]] of Object.entries(CLIENTS)) {
  await told({ name, side: 'a wrong key' }, opened(name, relayUrl, 'wrong'));
  if (kind === 'realtime') await told({ name, side: 'a secret' }, opened(name, relayUrl, await secret()), talks[kind]);
}
