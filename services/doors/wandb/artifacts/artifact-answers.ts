import { mimeOf } from '../../shared/mime.js';
import type { Call } from '../call.js';
import { dateOf } from '../known-run.js';
import { readLooseObject } from '../loose-json.js';
import { readFilter } from '../mongo-filter.js';
import { knownRunAnswer } from '../one-run.js';
import { projectAnswer } from '../project-answers.js';
import { knownContents } from './artifact-contents.js';
import { manifestOf, runsUsing } from './artifact-lineage.js';
import { readArtifactId } from './artifact-names.js';
import type { ArtifactRecord } from './artifact-records.js';
import {
  aliasesOf,
  latestOf,
  tagsOf,
  typeOf,
  versionOf,
  versionTags,
  type Collection,
  type Version,
} from './artifact-versions.js';
import { connectionOf, pageOf, type PageAsked } from './pages.js';

const tagAnswer = (name: string) => ({ __typename: 'Tag', id: `tag:${name}`, name });
const typeAnswer = (name: string, createdAt: number) => ({
  __typename: 'ArtifactType',
  id: `type:${name}`,
  name,
  description: null,
  createdAt: dateOf(createdAt),
});
export const collectionId = ({ world, model }: Collection): string =>
  Buffer.from(JSON.stringify([world.name, model.name])).toString('base64');

/** A version of an artifact as clients ask for it. */
export function artifactAnswer(version: Version, call: Call): object {
  const { of, state } = version;
  const { tags } = state;
  const text = (key: keyof typeof versionTags): string | null => tags[versionTags[key]] ?? null;
  return {
    __typename: 'Artifact',
    id: state.source,
    state: 'COMMITTED',
    digest: text('digest') ?? '',
    digestAlgorithm: 'MANIFEST_MD5',
    description: state.description || null,
    metadata: text('metadata'),
    ttlDurationSeconds: text('ttl') === null ? -2 : Number(text('ttl')),
    ttlIsInherited: text('ttl') === null,
    tags: tagsOf(tags).map(tagAnswer),
    historyStep: text('step') === null ? null : Number(text('step')),
    size: Number(text('size') ?? 0),
    fileCount: Number(text('files') ?? 0),
    commitHash: readArtifactId(state.source).number,
    createdAt: dateOf(state.createdAt),
    updatedAt: dateOf(state.updatedAt),
    versionIndex: state.version - 1,
    aliases: () => aliasesOf(version).map((alias) => aliasAnswer(of, alias, call)),
    artifactType: typeAnswer(typeOf(of), of.model.createdAt),
    artifactSequence: () => collectionAnswer(of, call),
    currentManifest: async () => ({
      id: state.location,
      file: await fileOf(
        { name: 'wandb_manifest.json', digest: state.location, sizeBytes: 0, md5: null, at: state.createdAt },
        call,
      ),
    }),
    files: (asked: FilesAsked) => filesAnswer(version, asked, call),
    filesByManifestEntries: ({ entries, ...asked }: PageAsked & { entries?: readonly { name: string }[] | null }) =>
      filesAnswer(version, { ...asked, names: entries ? entries.map(({ name }) => name) : null }, call),
    usedBy: async () => {
      const runs = await Promise.all((await runsUsing(version)).map((id) => knownRunAnswer(call, id)));
      const edges = runs.filter((run) => run !== null).map((node) => ({ cursor: '', node }));
      return { totalCount: edges.length, pageInfo: { endCursor: null, hasNextPage: false }, edges };
    },
    createdBy: () => (state.run === '' ? null : knownRunAnswer(call, state.run)),
    artifactMemberships: () => ({ edges: [{ node: membershipAnswer(version, call) }] }),
  };
}

/** One that is not committed, or was deleted. */
export function recordAnswer(said: ArtifactRecord, state: 'PENDING' | 'DELETED', sequence: () => object): object {
  return {
    __typename: 'Artifact',
    ...{ id: said.id, state, digest: said.digest, digestAlgorithm: 'MANIFEST_MD5' },
    description: said.description || null,
    metadata: said.metadata,
    ...{ ttlDurationSeconds: -2, ttlIsInherited: true, tags: [], historyStep: said.step, size: 0, fileCount: 0 },
    commitHash: null,
    createdAt: dateOf(said.createdAt),
    updatedAt: dateOf(said.createdAt),
    ...{ versionIndex: null, aliases: [], currentManifest: null, createdBy: null },
    artifactType: typeAnswer(said.type, said.createdAt),
    artifactSequence: sequence,
    ...{ files: null, filesByManifestEntries: null, usedBy: null, artifactMemberships: { edges: [] } },
  };
}

const aliasAnswer = (of: Collection, alias: string, call: Call) => ({
  __typename: 'ArtifactAlias',
  id: `alias:${alias}`,
  alias,
  artifactCollectionName: of.name,
  artifactCollection: () => collectionAnswer(of, call),
});

export function collectionAnswer(of: Collection, call: Call): object {
  const { model, versions } = of;
  return {
    __typename: 'ArtifactSequence',
    id: collectionId(of),
    name: of.name,
    state: 'READY',
    description: model.description || null,
    createdAt: dateOf(model.createdAt),
    updatedAt: dateOf(model.updatedAt),
    project: () => projectAnswer(of.world, of.project),
    defaultArtifactType: typeAnswer(typeOf(of), model.createdAt),
    tags: { edges: tagsOf(model.tags).map((name) => ({ node: tagAnswer(name) })) },
    digestAlgorithm: 'MANIFEST_MD5',
    latestArtifact: () => {
      const latest = latestOf(of);
      return latest && artifactAnswer(latest, call);
    },
    aliases: (asked: PageAsked) =>
      connectionOf(Object.keys(model.aliases), asked, (alias) => ({ node: aliasAnswer(of, alias, call) })),
    artifacts: ({ filters, order, ...asked }: ListAsked) => {
      const accepts = readFilter(filters);
      const wanted = versions.filter((state) => accepts((path) => versionFact({ of, state }, path)));
      // newest first, as W&B has them
      const all = order && !order.startsWith('-') ? wanted : wanted.toReversed();
      return connectionOf(all, asked, (state) => ({
        version: `v${state.version - 1}`,
        node: artifactAnswer({ of, state }, call),
      }));
    },
    artifactMembership: ({ aliasName }: { aliasName: string }) => {
      const version = versionOf(of, aliasName);
      return version && membershipAnswer(version, call);
    },
  };
}

export function membershipAnswer(version: Version, call: Call): object {
  const { of, state } = version;
  return {
    __typename: 'ArtifactCollectionMembership',
    id: `membership:${state.source}`,
    versionIndex: state.version - 1,
    createdAt: dateOf(state.createdAt),
    aliases: aliasesOf(version).map((alias) => aliasAnswer(of, alias, call)),
    artifactCollection: () => collectionAnswer(of, call),
    artifact: () => artifactAnswer(version, call),
    files: (asked: FilesAsked) => filesAnswer(version, asked, call),
  };
}

/** The types of a project, each since its first collection. */
export function typeAnswers(collections: readonly Collection[], call: Call) {
  const types = new Map<string, Collection[]>();
  for (const of of collections) types.set(typeOf(of), [...(types.get(typeOf(of)) ?? []), of]);
  return [...types].map(([name, own]) => ({
    ...typeAnswer(name, Math.min(...own.map(({ model }) => model.createdAt))),
    artifactCollections: (asked: ListAsked) => collectionsAnswer(own, asked, call),
    artifactCollection: ({ name: wanted }: { name: string }) => {
      const of = own.find((each) => each.name === wanted);
      return of ? collectionAnswer(of, call) : null;
    },
  }));
}

/** What filters call by these names. */
function versionFact(version: Version, path: string): unknown {
  const { state } = version;
  const metadata = /^metadata\.(.+)$/s.exec(path)?.[1];
  if (metadata !== undefined) {
    const said = readLooseObject(state.tags[versionTags.metadata] ?? '{}');
    return said && Object.hasOwn(said, metadata) ? said[metadata] : undefined;
  }
  const facts: Readonly<Record<string, unknown>> = {
    state: 'COMMITTED',
    digest: state.tags[versionTags.digest],
    description: state.description || null,
    versionIndex: state.version - 1,
    version: `v${state.version - 1}`,
    createdAt: dateOf(state.createdAt),
    updatedAt: dateOf(state.updatedAt),
    tags: tagsOf(state.tags),
    tag: tagsOf(state.tags),
    aliases: aliasesOf(version),
    alias: aliasesOf(version),
  };
  return Object.hasOwn(facts, path) ? facts[path] : undefined;
}
function collectionFact(of: Collection, path: string): unknown {
  const facts: Readonly<Record<string, unknown>> = {
    name: of.name,
    type: typeOf(of),
    description: of.model.description || null,
    createdAt: dateOf(of.model.createdAt),
    updatedAt: dateOf(of.model.updatedAt),
    tags: tagsOf(of.model.tags),
    tag: tagsOf(of.model.tags),
  };
  return Object.hasOwn(facts, path) ? facts[path] : undefined;
}
export interface ListAsked extends PageAsked {
  readonly filters?: string | null;
  readonly order?: string | null;
}
/** Collections that a filter accepts, by name, or backwards. */
export function collectionsAnswer(all: readonly Collection[], { filters, order, ...asked }: ListAsked, call: Call) {
  const accepts = readFilter(filters);
  const wanted = all.filter((of) => accepts((path) => collectionFact(of, path)));
  const by = order?.replace(/^[+-]/, '') ?? 'name';
  const sorted = wanted.toSorted((a, b) => (String(collectionFact(a, by)) < String(collectionFact(b, by)) ? -1 : 1));
  const turned = order?.startsWith('-') ? sorted.toReversed() : sorted;
  return connectionOf(turned, asked, (of) => ({ node: collectionAnswer(of, call) }));
}

interface FilesAsked extends PageAsked {
  readonly names?: readonly string[] | null;
}
/** The files whose bytes are here, by name; what is only referred to is in the manifest. */
async function filesAnswer(version: Version, asked: FilesAsked, call: Call) {
  const { world } = version.of;
  const names = asked.names && asked.names.length > 0 ? new Set(asked.names) : null;
  const all = Object.entries((await manifestOf(version)).contents)
    .filter(([name, { ref }]) => !ref && (names?.has(name) ?? true))
    .map(([name, { digest }]) => ({ name, base64: digest, md5: Buffer.from(digest, 'base64').toString('hex') }));
  const { from, items, totalCount, pageInfo } = pageOf(all, asked);
  const known = await knownContents(
    world,
    items.map(({ md5 }) => md5),
  );
  const nodes = await Promise.all(
    items.map(({ name, base64, md5 }) => {
      const { digest, sizeBytes } = known.get(md5)!;
      return fileOf({ name, digest, sizeBytes, md5: base64, at: version.state.createdAt }, call);
    }),
  );
  return { totalCount, pageInfo, edges: nodes.map((node, index) => ({ cursor: String(from + index), node })) };
}

interface FileSaid {
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly md5: string | null;
  readonly at: number;
}
async function fileOf({ name, digest, sizeBytes, md5, at }: FileSaid, call: Call) {
  const url = await call.storage.address(call.base, call.keyId, { may: 'get', digest, name });
  return {
    __typename: 'File',
    ...{ id: `${digest}/${name}`, name, displayName: name, url, directUrl: url, sizeBytes },
    ...{ mimetype: mimeOf(name), updatedAt: dateOf(at), digest: md5 ?? digest, md5, storagePath: digest },
  };
}

export const worldOfArtifact = (call: Call, id: string) => call.tenants.get(readArtifactId(id).tenant);
