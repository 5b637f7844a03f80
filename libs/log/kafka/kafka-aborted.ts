export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}
export interface TransactionalMessage {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly isControlRecord?: boolean;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction?: boolean };
}

/**
 * What was committed, or written without a transaction, in the order of offsets. A broker sends aborted records all the same, with a list of
 * the transactions they belong to: one of a producer ends with its mark.
 */
export function withoutAborted<Message extends TransactionalMessage>(
  messages: readonly Message[],
  aborted: readonly AbortedTransaction[],
): readonly Message[] {
  if (aborted.length === 0) return messages.filter(({ isControlRecord }) => isControlRecord !== true);
  const ahead = aborted
    .map(({ producerId, firstOffset }) => ({ producer: String(producerId), first: Number(firstOffset) }))
    .sort((a, b) => a.first - b.first);
  const open = new Set<string>();
  return messages.filter(({ offset, isControlRecord, batchContext }) => {
    while (ahead.length > 0 && ahead[0]!.first <= Number(offset)) open.add(ahead.shift()!.producer);
    const producer = String(batchContext?.producerId);
    if (isControlRecord === true) {
      open.delete(producer);
      return false;
    }
    return !(batchContext?.inTransaction === true && open.has(producer));
  });
}
