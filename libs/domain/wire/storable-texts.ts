/**
 * Texts as every store can keep them: a NUL becomes U+FFFD, here, where events are decoded, and nowhere else. If each store replaced
 * it by itself, state that is folded in memory would differ from state that was stored in between, and no rebuild would ever equal
 * the live tables. Changes `value` in place; answers it.
 */
export function withStorableTexts(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\u0000') ? value.replaceAll('\u0000', '\ufffd') : value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = withStorableTexts(value[i]);
    return value;
  }
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const storable = withStorableTexts(fields[key]);
    const name = withStorableTexts(key) as string;
    if (name !== key) Reflect.deleteProperty(fields, key);
    // a key such as "__proto__" must be an ordinary one
    if (name !== key || storable !== fields[key])
      Object.defineProperty(fields, name, { value: storable, writable: true, enumerable: true, configurable: true });
  }
  return value;
}
