import { createHash } from 'node:crypto';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { isObject } from '#libs/domain/plain-json.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import { readLooseJson } from '../loose-json.js';

/** A world of its own for what a tenant keeps of one sort: no other door lists it. */
export function worldFor(sort: 'artifacts' | 'objects' | 'records', tenant: string): string {
  const name = tenant === '' ? `wandb-${sort}` : `wandb-${sort}.${tenant}`;
  return name.length <= limits.worldCharsMax ? name : `wandb-${sort}.${sha256(tenant).slice(0, 40)}`;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const bad = (field: string, message: string): Rejection =>
  new Rejection('INVALID_ARGUMENT', `${field}: ${message}`, field);

/** A collection as the registry names it: "vision/ds" is the artifacts "ds" of the project "vision". */
export const modelNameOf = (project: ProjectState, collection: string): string => `${project.name}/${collection}`;
export const collectionNameOf = (modelName: string): string => modelName.slice(modelName.lastIndexOf('/') + 1);

/** What W&B lets be the name of a collection, of a type and of an alias. */
export function checkCollection(name: string): string {
  if (!/^[\p{L}\p{N}_\-. ]{1,128}$/u.test(name) || name.trim() === '' || /^\.+$/.test(name))
    throw bad(
      'artifactCollectionName',
      `invalid artifact name "${name.slice(0, 80)}": 1 to 128 letters, digits, "-", "_" and "."`,
    );
  return name;
}
export function checkType(name: string): string {
  if (name.trim() === '' || name.length > 128 || /[/:\u0000-\u001f\u007f]|\p{Surrogate}/u.test(name))
    throw bad('artifactTypeName', `invalid artifact type "${name.slice(0, 80)}": 1 to 128 characters, none of / and :`);
  return name;
}
export function checkAlias(alias: string): string {
  if (alias.trim() === '' || alias.length > 128 || /[/:\u0000-\u001f\u007f]|\p{Surrogate}/u.test(alias))
    throw bad('aliases', `invalid alias "${alias.slice(0, 80)}": 1 to 128 characters, none of / and :`);
  if (/^v\d+$/.test(alias))
    throw bad('aliases', `"${alias.slice(0, 80)}" is the number of a version and can't be an alias`);
  return alias;
}
export function checkTag(tag: string): string {
  if (!/^[\p{L}\p{N}_-][\p{L}\p{N}_ -]{0,127}$/u.test(tag))
    throw bad('tags', `invalid tag "${tag.slice(0, 80)}": 1 to 128 letters, digits, "-", "_" and blanks`);
  return tag;
}

/** A file within an artifact: a path below it, short enough to stand behind the artifact's name. */
export function checkEntry(path: string): string {
  const parts = path.split('/');
  if (
    path.length > 800 ||
    /[\\\u0000-\u001f\u007f]|\p{Surrogate}/u.test(path) ||
    parts.some((part) => part === '' || part === '.' || part === '..')
  )
    throw bad('name', `"${path.slice(0, 100)}" is not a path below the artifact`);
  return path;
}

/** The metadata as JSON text; null where there is none. */
export function checkMetadata(text: string | null | undefined): string | null {
  if (text === null || text === undefined || text === '') return null;
  if (text.length > limits.longTagCharsMax)
    throw bad('metadata', `has ${text.length} characters; at most ${limits.longTagCharsMax} are allowed`);
  if (!isObject(readLooseJson(text))) throw bad('metadata', 'is not a JSON object');
  return text;
}

/** "XrY7u+Ae7tCTyyK7j1rNww==" -> its 32 hex digits; a text of any other form is refused. */
export function hexOfMd5(base64: string, field = 'md5'): string {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== base64)
    throw bad(field, `"${base64.slice(0, 60)}" is not an MD5 in base64`);
  return bytes.toString('hex');
}
export const isHexMd5 = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);

/**
 * The id of an artifact says whose it is, for clients ask for it without its entity. Clients write it in base64 and in hex: it is the
 * same in both ways.
 */
export const artifactIdOf = (number: string, tenant: string): string =>
  Buffer.from(`artifact:${number}:${tenant}`).toString('base64');
export function readArtifactId(id: string): { readonly number: string; readonly tenant: string } {
  const match = /^artifact:([0-9a-f]{24}):([a-z0-9._-]*)$/.exec(Buffer.from(id, 'base64').toString('latin1'));
  if (!match || artifactIdOf(match[1]!, match[2]!) !== id) throw noArtifact(id);
  return { number: match[1]!, tenant: match[2]! };
}
export const noArtifact = (id: string): Rejection =>
  new Rejection('NOT_FOUND', `there is no artifact with the id ${id.slice(0, 200)}`, 'artifactID');

/** "ds:best" -> the collection and what is asked of it; without an alias the latest is meant. */
export function readArtifactName(name: string): { readonly collection: string; readonly alias: string } {
  const [collection = '', alias = 'latest', ...more] = name.slice(name.lastIndexOf('/') + 1).split(':');
  return { collection: checkCollection(collection), alias: more.length > 0 ? '' : alias };
}

/** What of a run is an artifact: "ds:v0" of its own project, "entity/project/ds:v0" of another. What lies in it is "ds:v0/a.txt". */
export const shownName = (collection: string, version: number): string => `${collection}:v${version - 1}`;
const shown = /^(?:([^/:]+)\/([^/:]+)\/)?([^/:]+):v(\d+)$/;
export function readShownName(name: string) {
  const [, entity, project, collection, index] = shown.exec(name) ?? [];
  if (collection === undefined) return null;
  return { entity: entity ?? null, project: project ?? null, collection, version: Number(index) + 1 };
}
/** Whether it is part of an artifact, or one. */
export const isOfArtifact = (name: string): boolean => /^(?:[^/:]+\/[^/:]+\/)?[^/:]+:v\d+(?:\/|$)/.test(name);
