import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ArtifactSource } from './shapes.js';
import { missing, type SageMakerWorld } from './world.js';

const texts = z.record(z.string(), z.string());
const artifact = z.object({
  id: z.string(),
  name: z.string().nullable(),
  type: z.string(),
  uri: z.string(),
  sourceTypes: z.array(z.object({ SourceIdType: z.string(), Value: z.string() })),
  properties: texts,
  metadata: texts,
  tags: texts,
  createdAt: z.number(),
  createdBy: z.string(),
  modifiedAt: z.number(),
  modifiedBy: z.string(),
});
export type Artifact = z.infer<typeof artifact>;
const association = z.object({
  source: z.string(),
  destination: z.string(),
  type: z.string(),
  createdAt: z.number(),
  createdBy: z.string(),
});
/** An edge between two things by their kinds and names: "artifact/ab12", "experiment-trial-component/a-b". */
export type Association = z.infer<typeof association>;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** The same source is the same artifact, whoever makes it again. */
export const artifactIdOf = ({ SourceUri: uri, SourceTypes: types = [] }: ArtifactSource): string =>
  hash(JSON.stringify([uri, types.map(({ SourceIdType, Value }) => `${SourceIdType} ${Value}`).sort()]));

export const findArtifact = (world: SageMakerWorld, id: string): Promise<Artifact | null> =>
  /^[0-9a-f]{32}$/.test(id) ? world.records.get(artifact, `artifacts/${id}`) : Promise.resolve(null);
export async function artifactOf(world: SageMakerWorld, id: string): Promise<Artifact> {
  const found = await findArtifact(world, id);
  if (!found) throw missing(`Artifact '${id.slice(0, 120)}' does not exist.`);
  return found;
}
export const allArtifacts = (world: SageMakerWorld): Promise<readonly Artifact[]> =>
  world.records.list(artifact, 'artifacts');
export const saveArtifact = (world: SageMakerWorld, record: Artifact): Promise<void> =>
  world.records.put(`artifacts/${record.id}`, record);
export const removeArtifact = (world: SageMakerWorld, id: string): Promise<void> =>
  world.records.remove(`artifacts/${id}`);

const edgePath = (source: string, destination: string): string => `associations/${hash(source)}/${hash(destination)}`;
export const findAssociation = (
  world: SageMakerWorld,
  source: string,
  destination: string,
): Promise<Association | null> => world.records.get(association, edgePath(source, destination));
export const associationsFrom = (world: SageMakerWorld, source: string): Promise<readonly Association[]> =>
  world.records.list(association, `associations/${hash(source)}`);
export const allAssociations = (world: SageMakerWorld): Promise<readonly Association[]> =>
  world.records.list(association, 'associations');
export const saveAssociation = (world: SageMakerWorld, record: Association): Promise<void> =>
  world.records.put(edgePath(record.source, record.destination), record);
export const removeAssociation = (world: SageMakerWorld, source: string, destination: string): Promise<void> =>
  world.records.remove(edgePath(source, destination));
