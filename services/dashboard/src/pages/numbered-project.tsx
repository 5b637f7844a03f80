import type { ReactElement } from 'react';
import { Navigate, useParams, useSearchParams } from 'react-router';
import { NumberedProjectDocument } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { NotFound } from './not-found.js';

/** A project by the number that MLflow's clients know it by. */
export function NumberedProject(): ReactElement | null {
  const { number = '' } = useParams();
  const [search] = useSearchParams();
  const { data } = useGraph(NumberedProjectDocument, { number: Number(number), tenant: search.get('tenant') ?? '' });
  if (data === undefined) return null;
  return data.experiment === null ? (
    <NotFound />
  ) : (
    <Navigate to={`/projects/${encodeURIComponent(data.experiment.name)}`} replace />
  );
}
