// What the contract's schemas do not say: values that make a request one that succeeds.

import { toFile } from 'openai';

export const MODEL = 'gpt-5.1';

/** Where the objects are that a field refers to whose name does not say it. */
export const REFERENCES = {
  input_file_id: '/files',
  training_file: '/files',
};

/** Values of path parameters whose objects no operation makes. */
export const PATH_VALUES = {
  model: MODEL,
  version: '1',
};

const lines = (...objects) => Buffer.from(objects.map((each) => JSON.stringify(each) + '\n').join(''));
const messages = [{ role: 'user', content: 'Say hello.' }];

const conversation = { messages: [...messages, { role: 'assistant', content: 'Hello.' }] };
const bytes = 'some bytes';
export const skill = () => toFile(Buffer.from('---\nname: tides\ndescription: Tells tides.\n---\n'), 'SKILL.md');
const video = async () => ({ video: await toFile(Buffer.from(bytes), 'video.mp4') });

/** Fields that are laid over the smallest body of an operation; `need(collection)` gives an id. */
export const BODIES = {
  addUploadPart: async () => ({ data: await toFile(Buffer.from(bytes), 'part') }),
  completeUpload: async (need) => ({ part_ids: [await need(`/uploads/${await need('/uploads')}/parts`)] }),
  createChatCompletion: () => ({ model: MODEL, messages, store: true }),
  createFile: async () => ({ file: await toFile(lines(conversation), 'sample.jsonl'), purpose: 'fine-tune' }),
  createFineTuningJob: () => ({ model: 'gpt-4.1' }),
  createImageEdit: async () => ({ image: await toFile(Buffer.from(bytes), 'image.png'), prompt: 'A hat.' }),
  'create-realtime-call': () => ({ sdp: 'v=0\r\n' }),
  // The relay fills in a model where there is none, and the answer tells it; some cannot do without.
  'create-realtime-session': () => ({ model: 'gpt-realtime' }),
  Compactconversation: () => ({ model: MODEL, input: 'Say hello.' }),
  beta_Compactconversation: () => ({ model: MODEL, input: 'Say hello.' }),
  createResponse: () => ({ model: MODEL, input: 'Say hello.', background: true }),
  CreateContainerFile: async () => ({ file: await toFile(Buffer.from(bytes), 'sample.txt') }),
  CreateSkill: async () => ({ files: await skill() }),
  CreateSkillVersion: async () => ({ files: await skill() }),
  createVectorStoreFileBatch: async (need) => ({ file_ids: [await need('/files')] }),
  CreateVideoEdit: video,
  CreateVideoExtend: video,
  UpdateSkillDefaultVersion: () => ({ default_version: '1' }),
  createUpload: () => ({ bytes: bytes.length, mime_type: 'text/plain' }),
};
