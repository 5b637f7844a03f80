import { expect, it } from 'vitest';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import { toHttpError } from './http-errors.js';

it('says when to come again in the words of every client, and only to those who may', () => {
  const paced = (seconds: string) => ({
    'retry-after': seconds,
    'ratelimit-remaining': '0',
    'ratelimit-reset': seconds,
  });
  expect(toHttpError(new Rejection('LIMIT_EXCEEDED', 'too much'))).toMatchObject({ status: 429, headers: paced('1') });
  expect(toHttpError(new Unavailable('away', 2_500))).toMatchObject({ status: 503, headers: paced('3') });
  expect(toHttpError(new Rejection('INVALID_ARGUMENT', 'wrong'))?.headers).toEqual({});
});
