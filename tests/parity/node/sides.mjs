// The same client twice: straight to one sandbox, and through the relay to another.

import { createHash } from 'node:crypto';
import OpenAI from 'openai';
import { operationOf } from './contract.mjs';

const NOT_COMPARED = /^(date|connection|keep-alive|transfer-encoding|x-relay-.*)$/;

const MOST_EXCHANGES = 30;

/** One way to an upstream, and the exchanges that were made over it since `take` was last called. */
export class Side {
  #exchanges = [];

  constructor(baseURL, apiKey) {
    this.baseURL = baseURL;
    this.options = { baseURL, apiKey, adminAPIKey: apiKey, maxRetries: 0, fetch: this.#fetch.bind(this) };
    this.client = new OpenAI(this.options);
  }

  async #fetch(url, init) {
    if (this.#exchanges.length === MOST_EXCHANGES) throw new Error('it asks for ever');
    const response = await fetch(url, init);
    if (url.startsWith('data:')) return response;
    const path = url.slice(this.baseURL.length);
    const method = (init?.method ?? 'get').toUpperCase();
    const hash = createHash('sha256');
    const exchange = { method, path, status: response.status, headers: [...response.headers], hash };
    this.#exchanges.push(exchange);
    if (response.body === null) return response;
    const watched = new TransformStream({
      transform(chunk, controller) {
        hash.update(chunk);
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(watched), response);
  }

  /** The exchanges so far, as plain values; from here on they are counted anew. */
  take() {
    return this.#exchanges.splice(0).map(({ hash, headers, path, ...rest }) => ({
      ...rest,
      path,
      operation: operationOf(rest.method, path.split('?')[0])?.id,
      headers: headers.filter(([name]) => !NOT_COMPARED.test(name)),
      body: hash.digest('hex'),
    }));
  }
}

/** What a call came to, as a plain value: its result, its events, its bytes, or its error. */
export async function outcome(call) {
  try {
    return await plain(await call());
  } catch (error) {
    return told(error);
  }
}

function told(error) {
  const { status, code, type, param, message, requestID, rejections } = error;
  const within = rejections?.map(told);
  return { error: error.constructor.name, status, code, type, param, message, requestID, within };
}

async function plain(value) {
  if (value instanceof Response) {
    const content = Buffer.from(await value.arrayBuffer()).toString('base64');
    const [type, location] = ['content-type', 'location'].map((name) => value.headers.get(name));
    return { status: value.status, type, location, content };
  }
  if (typeof value?.getPaginatedItems === 'function') {
    const items = JSON.parse(JSON.stringify(value.getPaginatedItems()));
    return { page: value.constructor.name, items, more: value.hasNextPage() };
  }
  if (typeof value?.[Symbol.asyncIterator] === 'function') {
    const events = [];
    for await (const event of value) events.push(event);
    return { events };
  }
  if (typeof value !== 'object' || value === null) return { value: value ?? null };
  return { ...JSON.parse(JSON.stringify(value)), _request_id: value._request_id };
}
