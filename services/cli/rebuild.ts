import { setTimeout as sleep } from 'node:timers/promises';
import { openBackend } from '#libs/backend/open-backend.js';
import type { Configuration } from '#libs/config/configuration.js';
import { createLogger } from '#libs/observability/logger.js';
import { dropOthers, holdLive, othersGoOverMs, rebuild, type RebuildReport } from '#libs/projecting/rebuild.js';
import { askRunningServer } from './running-server.js';

interface RebuildOptions {
  readonly force: boolean;
  readonly dropOld: boolean;
}

export async function rebuildCommand(
  configuration: Configuration,
  projection: string | undefined,
  options: RebuildOptions,
): Promise<void> {
  let equal = true;
  for (const name of projection === undefined ? ['runs', 'points'] : [projection]) {
    const report =
      (await askRunningServer<RebuildReport>(configuration, '/v1/admin/rebuild', { projection: name, ...options })) ??
      (await rebuildAlone(configuration, name, options));
    say(report);
    equal &&= report.equal || report.damage.length > 0;
  }
  if (!equal && !options.force) process.exitCode = 2;
}

function say(report: RebuildReport): void {
  const { family, from, to, records, liveDigest, rebuiltDigest, equal, switched, damage } = report;
  console.log(`${family}: ${records} records into generation ${to} beside ${from}`);
  console.log(`  live     ${liveDigest}\n  rebuilt  ${rebuiltDigest}  ${equal ? 'identical' : 'DIFFERENT'}`);
  for (const wrong of damage) console.log(`  damaged: ${wrong}`);
  console.log(switched ? `  generation ${to} is live now` : `  not switched; --force makes generation ${to} live`);
}

async function rebuildAlone(
  configuration: Configuration,
  name: string,
  options: RebuildOptions,
): Promise<RebuildReport> {
  const logger = createLogger('warn', (line) => process.stderr.write(line), Date.now);
  const backend = await openBackend(configuration, { clock: Date.now, logger });
  try {
    const family = backend.families.find((candidate) => candidate.name === name);
    if (!family)
      throw new Error(
        `there is no projection "${name}"; known are ${backend.families.map((known) => known.name).join(', ')}`,
      );
    await backend.catchUp(name);
    const report = await rebuild(backend.log, family, {
      pauseLive: async () =>
        backend.shared ? holdLive(await family.live()) : { claims: null, resume: () => Promise.resolve() },
      force: options.force,
      signal: new AbortController().signal,
    });
    if (options.dropOld && report.switched) {
      if (backend.shared) await sleep(othersGoOverMs);
      await dropOthers(family);
    }
    return report;
  } finally {
    await backend.close();
  }
}
