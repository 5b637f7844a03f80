import { keyOf, readArn, seconds, type ArnKind } from './arns.js';
import { stampOf, writeUser, type Answer, type Call } from './call.js';
import { componentName, findComponent } from './components.js';
import { experimentName, tagsOf } from './experiment-facts.js';
import * as records from './lineage-records.js';
import { compareTexts, pageOf, sortRows } from './pages.js';
import { invalid } from './read-input.js';
import { metadataTexts, type Input } from './shapes.js';
import { missing } from './world.js';

/** Made again with the same source it is the same one: clients do so at every close. */
export async function createArtifact(call: Call, input: Input<'CreateArtifact'>): Promise<Answer> {
  const { world } = call;
  const id = records.artifactIdOf(input.Source);
  return world.inTurn(`artifact ${id}`, async () => {
    if (!(await records.findArtifact(world, id))) {
      const { at, by } = stampOf(call);
      await records.saveArtifact(world, {
        ...{ id, name: input.ArtifactName ?? null, type: input.ArtifactType, uri: input.Source.SourceUri },
        sourceTypes: input.Source.SourceTypes ?? [],
        properties: { ...input.Properties },
        ...{ metadata: metadataTexts(input.MetadataProperties), tags: tagsOf(input.Tags) },
        ...{ createdAt: at, createdBy: by, modifiedAt: at, modifiedBy: by },
      });
    }
    return { ArtifactArn: call.arnOf('artifact', id) };
  });
}

const nameOf = (arn: string): string => readArn(arn).name;

function writeArtifact(call: Call, artifact: records.Artifact): Answer {
  return {
    ...(artifact.name === null ? {} : { ArtifactName: artifact.name }),
    ArtifactArn: call.arnOf('artifact', artifact.id),
    Source: { SourceUri: artifact.uri, SourceTypes: artifact.sourceTypes },
    ArtifactType: artifact.type,
    CreationTime: seconds(artifact.createdAt),
    LastModifiedTime: seconds(artifact.modifiedAt),
  };
}

export async function describeArtifact(call: Call, input: Input<'DescribeArtifact'>): Promise<Answer> {
  const artifact = await records.artifactOf(call.world, nameOf(input.ArtifactArn));
  const { metadata } = artifact;
  return {
    ...writeArtifact(call, artifact),
    Properties: artifact.properties,
    ...(Object.keys(metadata).length > 0 ? { MetadataProperties: metadata } : {}),
    CreatedBy: writeUser(call, artifact.createdBy),
    LastModifiedBy: writeUser(call, artifact.modifiedBy),
  };
}

export async function listArtifacts(call: Call, input: Input<'ListArtifacts'>): Promise<Answer> {
  const { SourceUri: uri, ArtifactType: type } = input;
  const all = await records.allArtifacts(call.world);
  const wanted = all.filter((each) => (uri ?? each.uri) === each.uri && (type ?? each.type) === each.type);
  const sorted = sortRows(wanted, input, { name: ({ id }) => id, createdAt: ({ createdAt }) => createdAt });
  const { rows, next } = pageOf(sorted, input, `artifacts ${uri ?? ''} ${type ?? ''}`);
  return { ArtifactSummaries: rows.map((each) => writeArtifact(call, each)), ...next };
}

export async function updateArtifact(call: Call, input: Input<'UpdateArtifact'>): Promise<Answer> {
  const { world } = call;
  const id = nameOf(input.ArtifactArn);
  return world.inTurn(`artifact ${id}`, async () => {
    const artifact = await records.artifactOf(world, id);
    const gone = new Set(input.PropertiesToRemove ?? []);
    const kept = Object.entries(artifact.properties).filter(([key]) => !gone.has(key));
    const properties = Object.fromEntries([...kept, ...Object.entries(input.Properties ?? {})]);
    const { at, by } = stampOf(call);
    const name = input.ArtifactName ?? artifact.name;
    await records.saveArtifact(world, { ...artifact, name, properties, modifiedAt: at, modifiedBy: by });
    return { ArtifactArn: call.arnOf('artifact', id) };
  });
}

export async function deleteArtifact(call: Call, input: Input<'DeleteArtifact'>): Promise<Answer> {
  const { world } = call;
  const { ArtifactArn: arn, Source: source } = input;
  if ((arn === undefined) === (source === undefined)) throw invalid('Exactly one of ArtifactArn and Source is needed.');
  const id = arn === undefined ? records.artifactIdOf(source!) : nameOf(arn);
  return world.inTurn(`artifact ${id}`, async () => {
    await records.artifactOf(world, id);
    const node = `artifact/${id}`;
    if ((await records.allAssociations(world)).some((each) => each.source === node || each.destination === node))
      throw invalid(`Artifact '${id}' has associations. Delete them before the artifact.`);
    await records.removeArtifact(world, id);
    return { ArtifactArn: call.arnOf('artifact', id) };
  });
}

/** A thing by its kind and name, as it is written in an edge; it must be there. */
async function nodeOf({ world }: Call, arn: string): Promise<string> {
  const { kind, name } = readArn(arn);
  switch (kind) {
    case 'artifact':
      return `artifact/${(await records.artifactOf(world, name)).id}`;
    case 'experiment-trial-component':
      return `${kind}/${keyOf(componentName(await findComponent(world, name)))}`;
    case 'experiment':
      return `${kind}/${keyOf(experimentName(await world.experiment(name)))}`;
    case 'action':
    case 'context':
      throw missing(`There is no ${kind} '${name.slice(0, 120)}'.`);
    default:
      throw invalid(`'${arn}' can not be associated.`);
  }
}
/** The same without a look: what was associated may be gone. */
function nodeIn(arn: string): string {
  const { kind, name } = readArn(arn);
  return `${kind}/${keyOf(name)}`;
}
function arnOfNode(call: Call, node: string): string {
  const [kind = '', name = ''] = node.split(/\/(.*)/s);
  return call.arnOf(kind as ArnKind, name);
}

export async function addAssociation(call: Call, input: Input<'AddAssociation'>): Promise<Answer> {
  const { world } = call;
  const [source, destination] = [await nodeOf(call, input.SourceArn), await nodeOf(call, input.DestinationArn)];
  if (source === destination) throw invalid('A resource can not be associated with itself.');
  const type = input.AssociationType ?? 'AssociatedWith';
  return world.inTurn(`association ${source} ${destination}`, async () => {
    const known = await records.findAssociation(world, source, destination);
    if (known?.type !== type) {
      const { at, by } = stampOf(call);
      await records.saveAssociation(world, {
        source,
        destination,
        type,
        createdAt: known?.createdAt ?? at,
        createdBy: by,
      });
    }
    return { SourceArn: input.SourceArn, DestinationArn: input.DestinationArn };
  });
}

export async function deleteAssociation(call: Call, input: Input<'DeleteAssociation'>): Promise<Answer> {
  const { world } = call;
  const [source, destination] = [nodeIn(input.SourceArn), nodeIn(input.DestinationArn)];
  return world.inTurn(`association ${source} ${destination}`, async () => {
    if (!(await records.findAssociation(world, source, destination)))
      throw missing(`There is no association from '${input.SourceArn}' to '${input.DestinationArn}'.`);
    await records.removeAssociation(world, source, destination);
    return { SourceArn: input.SourceArn, DestinationArn: input.DestinationArn };
  });
}

const typeNames: Readonly<Record<string, string>> = {
  artifact: 'Artifact',
  experiment: 'Experiment',
  'experiment-trial-component': 'TrialComponent',
};
const kindOf = (node: string): string => node.slice(0, node.indexOf('/'));
const typeOf = (types: ReadonlyMap<string, string>, node: string): string =>
  types.get(node) ?? typeNames[kindOf(node)] ?? kindOf(node);

async function artifactTypes(call: Call): Promise<ReadonlyMap<string, string>> {
  return new Map((await records.allArtifacts(call.world)).map(({ id, type }) => [`artifact/${id}`, type]));
}

export async function listAssociations(call: Call, input: Input<'ListAssociations'>): Promise<Answer> {
  const { world } = call;
  const [from, to] = [input.SourceArn && nodeIn(input.SourceArn), input.DestinationArn && nodeIn(input.DestinationArn)];
  const all = from === undefined ? await records.allAssociations(world) : await records.associationsFrom(world, from);
  const types = await artifactTypes(call);
  const wanted = all.filter(
    ({ source, destination, type }) =>
      (from ?? source) === source &&
      (to ?? destination) === destination &&
      (input.AssociationType ?? type) === type &&
      (input.SourceType ?? typeOf(types, source)) === typeOf(types, source) &&
      (input.DestinationType ?? typeOf(types, destination)) === typeOf(types, destination),
  );
  const field: (each: records.Association) => string = ({ source, destination }) =>
    ({
      SourceArn: source,
      DestinationArn: destination,
      SourceType: typeOf(types, source),
      DestinationType: typeOf(types, destination),
    })[input.SortBy as string] ?? '';
  const byTime = sortRows(wanted, input, { name: field, createdAt: ({ createdAt }) => createdAt });
  const sign = input.SortOrder === 'Ascending' ? 1 : -1;
  const sorted =
    input.SortBy === undefined || input.SortBy === 'CreationTime'
      ? byTime
      : byTime.toSorted((a, b) => sign * compareTexts(field(a), field(b)));
  const { rows, next } = pageOf(sorted, input, `associations ${from ?? ''} ${to ?? ''}`);
  const summaries = rows.map(({ source, destination, type, createdAt, createdBy }) => ({
    SourceArn: arnOfNode(call, source),
    DestinationArn: arnOfNode(call, destination),
    SourceType: typeOf(types, source),
    DestinationType: typeOf(types, destination),
    AssociationType: type,
    CreationTime: seconds(createdAt),
    CreatedBy: writeUser(call, createdBy),
  }));
  return { AssociationSummaries: summaries, ...next };
}

const depthDefault = 10;
const lineageTypes: Readonly<Record<string, string>> = {
  artifact: 'Artifact',
  'experiment-trial-component': 'TrialComponent',
};

/** Walks the edges from one thing, breadth first. */
export async function queryLineage(call: Call, input: Input<'QueryLineage'>): Promise<Answer> {
  const start = nodeIn(input.StartArns[0]!);
  const edges = await records.allAssociations(call.world);
  const direction = input.Direction ?? 'Both';
  const seen = new Set([start]);
  const walked = new Set<records.Association>();
  let front = [start];
  for (let depth = 0; depth < (input.MaxDepth ?? depthDefault) && front.length > 0; depth++) {
    const next: string[] = [];
    for (const edge of edges) {
      const { source, destination } = edge;
      const down = direction !== 'Ascendants' && front.includes(source);
      const up = direction !== 'Descendants' && front.includes(destination);
      if (down || up) walked.add(edge);
      for (const node of [...(down ? [destination] : []), ...(up ? [source] : [])])
        if (!seen.has(node)) {
          seen.add(node);
          next.push(node);
        }
    }
    front = next;
  }
  const artifacts = new Map((await records.allArtifacts(call.world)).map((each) => [`artifact/${each.id}`, each]));
  const {
    Types,
    LineageTypes,
    CreatedAfter = -Infinity,
    CreatedBefore = Infinity,
    Properties = {},
  } = input.Filters ?? {};
  const types = await artifactTypes(call);
  const vertices = [...seen].filter((node) => {
    if (node === start) return false;
    const artifact = artifacts.get(node);
    const lineage = lineageTypes[kindOf(node)];
    return (
      (Types === undefined || Types.includes(typeOf(types, node))) &&
      (LineageTypes === undefined || LineageTypes.some((each) => each === lineage)) &&
      (!artifact || (artifact.createdAt >= CreatedAfter && artifact.createdAt <= CreatedBefore)) &&
      Object.entries(Properties).every(([key, value]) => artifact?.properties[key] === value)
    );
  });
  const { rows, next } = pageOf(
    vertices,
    { ...input, MaxResults: input.MaxResults ?? 50 },
    `lineage ${start} ${direction}`,
  );
  const shown = rows.map((node) => ({
    Arn: arnOfNode(call, node),
    Type: typeOf(types, node),
    ...(lineageTypes[kindOf(node)] === undefined ? {} : { LineageType: lineageTypes[kindOf(node)] }),
  }));
  const lines = [...walked].map(({ source, destination, type }) => ({
    SourceArn: arnOfNode(call, source),
    DestinationArn: arnOfNode(call, destination),
    AssociationType: type,
  }));
  return { Vertices: shown, ...(input.IncludeEdges === false ? {} : { Edges: lines }), ...next };
}
