// Where two values differ.

const MOST = 5;

/** The places where two plain values differ, such as `data[0].id: 1 | 2`; at most five. */
export function differences(direct, relayed, place = '') {
  if (Object.is(direct, relayed)) return [];
  if (!isObject(direct) || !isObject(relayed)) return [`${place}: ${shown(direct)} | ${shown(relayed)}`];
  const names = new Set([...Object.keys(direct), ...Object.keys(relayed)]);
  return [...names].flatMap((name) => differences(direct[name], relayed[name], `${place}.${name}`)).slice(0, MOST);
}

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

function shown(value) {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 120);
}
