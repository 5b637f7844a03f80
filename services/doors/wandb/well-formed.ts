/** Halves of characters, which JSON can say and no UTF-8 can, as the sign for what is none. */
export const wellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
