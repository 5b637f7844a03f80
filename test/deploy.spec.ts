import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sqlSettings, lowerableLimits } from '#libs/clickhouse/clickhouse-config.js';
import { readConfiguration } from '#libs/config/configuration.js';
import { viewNames } from '#libs/metrics/tables/clickhouse-schema.js';
import { createInstruments } from '#libs/observability/instruments.js';

const read = (file: string): string => readFileSync(file, 'utf8');

/** What `deploy/` says of the program, held against the program. Its form is checked by tools/check-deploy.mjs. */
describe('deployment files', () => {
  it('ask Prometheus only for metrics that we have', async () => {
    const { registry } = createInstruments();
    const have = new Set((await registry.getMetricsAsJSON()).map(({ name }) => name));
    const asked = (text: string): string[] => [...new Set(text.match(/\brunstream_[a-z0-9_]+/g))];
    const metric = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
    for (const file of [
      'deploy/grafana/runstream.json',
      'deploy/prometheus/alerts.yml',
      'deploy/helm/runstream/values.yaml',
    ]) {
      const names = asked(read(file));
      expect(names.length, file).toBeGreaterThan(0);
      expect(
        names.filter((name) => !have.has(name) && !have.has(metric(name))),
        file,
      ).toEqual([]);
    }
    for (const { name } of await registry.getMetricsAsJSON())
      if (!/^runstream_(process|nodejs)_/.test(name)) expect(read('deploy/grafana/runstream.json')).toContain(name);
  });

  it('give the roles addresses that the configuration takes', () => {
    const compose = read('docker-compose.yml');
    const environment: Record<string, string> = {};
    for (const [, name, value] of compose.matchAll(/^ {2}(RUNSTREAM_\w+): (.+)$/gm))
      environment[name!] = value!.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
    expect(Object.keys(environment)).toContain('RUNSTREAM_METRICS');
    for (const role of ['ingest', 'projector', 'gateway'] as const)
      expect(readConfiguration({ ...environment, RUNSTREAM_ROLES: role }, '/')).toMatchObject({
        log: { kind: 'kafka' },
        runs: { kind: 'postgres' },
        metrics: { kind: 'clickhouse' },
        artifacts: { kind: 's3', address: { bucket: 'runstream', endpoint: 'http://minio:9000' } },
        roles: [role],
      });
  });

  it("give people's SQL the rights and limits of the embedded engine", () => {
    const users = read('deploy/clickhouse/reader.xml');
    const granted = [...users.matchAll(/GRANT SELECT ON runstream\.([^<]+)</g)].map(([, name]) => name);
    expect(granted).toEqual([...viewNames]);
    const { max_rows_to_read: _, implicit_select: __, ...limits } = sqlSettings;
    for (const [name, value] of Object.entries(limits)) expect(users, name).toContain(`<${name}>${value}</${name}>`);
    for (const name of lowerableLimits) expect(users).toContain(`<${name}><changeable_in_readonly/>`);
  });

  it('run the version that the package has', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('deploy/helm/runstream/Chart.yaml')).toContain(`appVersion: ${version}`);
    expect(read('docker-compose.yml')).toContain(`image: runstream:${version}`);
  });
});
