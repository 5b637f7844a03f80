import { CombinedError, stringifyDocument, type TypedDocumentNode } from 'urql';
import { apiKey } from './api-key.js';
import { at } from './base.js';

const columnsType = 'application/vnd.runstream.columns';

/** An answer whose columns are binary, as docs/protocol.md lays it out. Columns that are the same numbers are one array. */
export function readColumns(bytes: ArrayBuffer): unknown {
  const length = new DataView(bytes).getUint32(0, true);
  const start = Math.ceil((4 + length) / 8) * 8;
  const numbers = new Float64Array(bytes, start);
  const read = new Map<string, number[]>();
  let mark: string | null = null;
  const parsed: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)), (_key, value: unknown) => {
    // the mark is the first thing of the text that is read, so it is known to whatever stands behind it
    if (mark === null) mark = String(value);
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, mark)) return value;
    const [from = 0, count = 0] = (value as Record<string, [number, number]>)[mark] ?? [];
    const name = `${from} ${count}`;
    const column = read.get(name) ?? Array.from(numbers.subarray(from, from + count));
    read.set(name, column);
    return column;
  });
  return (parsed as [string, unknown])[1];
}

/** A question with many numbers in its answer. */
export async function askColumns<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<{ data?: Data | undefined; error?: CombinedError | undefined }> {
  let response: Response | undefined;
  try {
    const key = apiKey();
    response = await fetch(at('/graphql'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: `${columnsType}, application/json`,
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ query: stringifyDocument(document), variables }),
    });
    const binary = response.headers.get('content-type')?.startsWith(columnsType) === true;
    const answer = (binary ? readColumns(await response.arrayBuffer()) : await response.json()) as {
      data?: Data;
      errors?: { message: string; extensions?: Record<string, unknown> }[];
    };
    if (response.ok && answer.errors === undefined) return { data: answer.data };
    const { errors: graphQLErrors } = answer;
    const why = graphQLErrors ? { graphQLErrors } : { networkError: new Error(response.statusText) };
    return { error: new CombinedError({ ...why, response }) };
  } catch (error) {
    return { error: new CombinedError({ networkError: error as Error, response }) };
  }
}
