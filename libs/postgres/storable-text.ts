/** PostgreSQL text holds no NUL; nothing stored has one (libs/domain/wire/storable-texts.ts), so nothing is found by one. */
export const storableText = (text: string): string => text.replaceAll('\u0000', '\ufffd');
