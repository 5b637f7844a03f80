import { keyOf, readArn } from './arns.js';
import type { Answer, Call } from './call.js';
import { tagged } from './component-changes.js';
import { findComponent } from './components.js';
import { publicTags, tagsOf } from './experiment-facts.js';
import { setTags } from './experiments.js';
import { artifactOf, saveArtifact } from './lineage-records.js';
import { pageOf } from './pages.js';
import { invalid } from './read-input.js';
import type { Input } from './shapes.js';
import { saveTrial, trialNamed } from './trial-records.js';

const tagsMax = 50;
type Tags = Readonly<Record<string, string>>;

/** Where the tags of a resource are, and how they are changed. */
interface Tagged {
  readonly tags: Tags;
  readonly change: (set: Tags, removed: readonly string[]) => Promise<void>;
}

async function taggedOf({ world }: Call, arn: string): Promise<Tagged> {
  const { kind, name } = readArn(arn);
  const changed = (tags: Tags, set: Tags, removed: readonly string[]): Tags =>
    Object.fromEntries([...Object.entries(tags).filter(([key]) => !removed.includes(key)), ...Object.entries(set)]);
  switch (kind) {
    case 'experiment': {
      const project = await world.experiment(name);
      return {
        tags: Object.fromEntries(publicTags(project.tags)),
        change: async (set, removed) => {
          await world.born(project);
          await setTags(world, project, set, removed);
        },
      };
    }
    case 'experiment-trial': {
      const trial = await trialNamed(world, name);
      return {
        tags: trial.tags,
        change: (set, removed) => saveTrial(world, { ...trial, tags: changed(trial.tags, set, removed) }),
      };
    }
    case 'experiment-trial-component': {
      const { state } = await findComponent(world, name);
      return {
        tags: Object.fromEntries(
          publicTags(Object.fromEntries(Object.entries(state.tags).map(([key, { value }]) => [key, value]))),
        ),
        change: async (set, removed) => {
          await world.log.command(tagged(state.id, set, removed));
        },
      };
    }
    case 'artifact': {
      const artifact = await artifactOf(world, name);
      return {
        tags: artifact.tags,
        change: (set, removed) => saveArtifact(world, { ...artifact, tags: changed(artifact.tags, set, removed) }),
      };
    }
    default:
      throw invalid(`'${arn}' is not a resource that has tags here.`);
  }
}

const write = (tags: Tags): readonly Answer[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

export async function addTags(call: Call, { ResourceArn: arn, Tags: list }: Input<'AddTags'>): Promise<Answer> {
  return call.world.inTurn(`tags ${keyOf(arn)}`, async () => {
    const { tags, change } = await taggedOf(call, arn);
    const set = tagsOf(list);
    const all = { ...tags, ...set };
    if (Object.keys(all).length > tagsMax) throw invalid(`A resource has at most ${tagsMax} tags.`);
    if (Object.entries(set).some(([key, value]) => tags[key] !== value)) await change(set, []);
    return { Tags: write(all) };
  });
}

export async function listTags(call: Call, input: Input<'ListTags'>): Promise<Answer> {
  const { tags } = await taggedOf(call, input.ResourceArn);
  const { rows, next } = pageOf(
    write(tags),
    { ...input, MaxResults: input.MaxResults ?? tagsMax },
    `tags ${input.ResourceArn}`,
  );
  return { Tags: rows, ...next };
}

export async function deleteTags(
  call: Call,
  { ResourceArn: arn, TagKeys: keys }: Input<'DeleteTags'>,
): Promise<Answer> {
  return call.world.inTurn(`tags ${keyOf(arn)}`, async () => {
    const { tags, change } = await taggedOf(call, arn);
    const gone = keys.filter((key) => Object.hasOwn(tags, key));
    if (gone.length > 0) await change({}, gone);
    return {};
  });
}
