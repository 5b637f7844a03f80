import { Rejection } from '#libs/domain/rejection.js';
import type { SageMakerWorld } from './world.js';

/** What waits to be associated is in a project that people see as well. */
const title = 'Trial components without a trial';

export async function unplaced(world: SageMakerWorld): Promise<string> {
  const known = await world.findProject((each) => each.title === title);
  if (known) return known.name;
  const subject = await world.keyFor(title);
  const data = { description: '', tags: {}, world: world.name, title };
  try {
    await world.log.command({ name: 'ProjectCreated', subject, data });
  } catch (error) {
    // somebody was faster
    if (!(error instanceof Rejection && error.code === 'ALREADY_EXISTS')) throw error;
  }
  world.projectsChanged();
  return (await world.findProject((each) => each.title === title))?.name ?? subject;
}
