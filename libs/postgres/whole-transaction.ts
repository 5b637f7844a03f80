import type { SqlSession } from './sql-database.js';

/**
 * PostgreSQL answers the commit of a transaction in which a statement failed by rolling back, and calls that no error: so a failure
 * that the work passed over is thrown when the work is done, before the commit.
 */
export async function workWhole<T>(session: SqlSession, work: (session: SqlSession) => Promise<T>): Promise<T> {
  const failures: unknown[] = [];
  const heard: SqlSession = {
    query: async <Row>(text: string, parameters?: readonly unknown[]) => {
      try {
        return await session.query<Row>(text, parameters);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    },
  };
  const result = await work(heard);
  if (failures.length > 0) throw failures[0] as Error;
  return result;
}
