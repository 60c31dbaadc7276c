// What a client in TypeScript writes against the served document. Each line below an @ts-expect-error is one that
// the types have to refuse: the compiler takes none that it would accept.

import type { components, operations, paths } from './openapi';

type Schemas = components['schemas'];
type Body<Path extends keyof paths> = paths[Path] extends {
  post: { requestBody: { content: { 'application/json': infer Json } } };
}
  ? Json
  : never;

export const asked: Body<'/v1/chat/completions'> = {
  model: 'gpt-5.1',
  messages: [{ role: 'user', content: 'Hello' }],
  stop: null,
  logit_bias: { '50256': -100 },
};

// @ts-expect-error a request without messages
export const silent: Body<'/v1/chat/completions'> = { model: 'gpt-5.1' };

export const odd: Body<'/v1/chat/completions'> = {
  model: 'gpt-5.1',
  // @ts-expect-error no role goes by that name
  messages: [{ role: 'nobody', content: 'Hello' }],
};

export const embedded: Body<'/v1/embeddings'> = { model: 'text-embedding-3-small', input: ['a', 'b'] };

// @ts-expect-error null is no input
export const nothing: Body<'/v1/embeddings'> = { model: 'text-embedding-3-small', input: null };

type Listed = operations['listFiles']['responses'][200]['content']['application/json'];
export const names = (listed: Listed): string[] => listed.data.map((file) => file.filename);

// @ts-expect-error a file has no such member
export const colours = (listed: Listed): string[] => listed.data.map((file) => file.colour);

export const file = (upload: Schemas['Upload']): string | undefined => upload.file?.filename;

// @ts-expect-error there may be no file yet
export const early = (upload: Schemas['Upload']): string => upload.file.filename;

type Health = paths['/health']['get']['responses'][200]['content']['application/json'];
export const running = (health: Health): 'ok' => health.status;

// @ts-expect-error a health without what it has to tell
export const ill: Health = { object: 'health', status: 'ok' };

type Tagged = paths['/openapi.json']['get']['responses'][304]['headers'];
export const tag = (headers: Tagged): string | undefined => headers.ETag;

export const uploaded: Body<'/v1/actions/files/upload'> = { purpose: 'batch', filename: 'a.jsonl', data_base64: '' };

// @ts-expect-error a door is strict
export const closed: Body<'/v1/actions/files/upload'> = { purpose: 'batch', colour: 'red' };

// @ts-expect-error nothing is served there
export type Elsewhere = paths['/v1/nothing'];
