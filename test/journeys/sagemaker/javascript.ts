import {
  AssociateTrialComponentCommand,
  CreateExperimentCommand,
  CreateTrialCommand,
  CreateTrialComponentCommand,
  DeleteExperimentCommand,
  DescribeTrialComponentCommand,
  ListTrialComponentsCommand,
  paginateListExperiments,
  SageMakerClient,
  SearchCommand,
  UpdateTrialComponentCommand,
  type SageMakerClientConfig,
} from '@aws-sdk/client-sagemaker';
import { expect } from 'vitest';
import type { AwsPair } from '../../rigs/sagemaker-rig.js';

const open = (url: string, { keyId, secret }: AwsPair, more: SageMakerClientConfig = {}): SageMakerClient =>
  new SageMakerClient({
    region: 'eu-central-1',
    endpoint: `${url}/sagemaker`,
    credentials: { accessKeyId: keyId, secretAccessKey: secret },
    ...more,
  });

/** AWS's SDK for JavaScript, whose signatures cover more headers than botocore's. */
export async function useJavaScript(url: string, pair: AwsPair): Promise<void> {
  const client = open(url, pair);
  const [ExperimentName, TrialName, TrialComponentName] = ['js-trees', 'js-oaks', 'JS-Oak-1'];
  await client.send(new CreateExperimentCommand({ ExperimentName, Tags: [{ Key: 'team', Value: 'wood' }] }));
  await expect(client.send(new CreateExperimentCommand({ ExperimentName }))).rejects.toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining('already exists') as string,
  });
  await client.send(new CreateTrialCommand({ TrialName, ExperimentName }));
  const StartTime = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  const { TrialComponentArn } = await client.send(
    new CreateTrialComponentCommand({
      TrialComponentName,
      StartTime,
      Parameters: { height: { NumberValue: Infinity } },
    }),
  );
  await client.send(new AssociateTrialComponentCommand({ TrialComponentName, TrialName }));
  await client.send(
    new UpdateTrialComponentCommand({
      TrialComponentName,
      Status: { PrimaryStatus: 'InProgress' },
      Parameters: { 'kind of': { StringValue: 'größe' } },
    }),
  );
  for (const Step of [0, 1, 2]) await putMetric(client, url, TrialComponentName.toLowerCase(), Step);
  const described = await client.send(new DescribeTrialComponentCommand({ TrialComponentName }));
  expect(described).toMatchObject({
    ...{ TrialComponentName, TrialComponentArn, StartTime },
    Parameters: { height: { NumberValue: Infinity }, 'kind of': { StringValue: 'größe' } },
    Metrics: [{ MetricName: 'rings', Count: 3, Min: 0, Max: 20, Avg: 10, Last: 20 }],
  });
  const listed = await client.send(new ListTrialComponentsCommand({ ExperimentName }));
  expect(listed.TrialComponentSummaries?.map((each) => each.TrialComponentName)).toEqual([TrialComponentName]);
  const Filters = [
    { Name: 'Parents.ExperimentName', Operator: 'Equals', Value: ExperimentName },
    { Name: 'Metrics.rings.Max', Operator: 'GreaterThan', Value: '19' },
  ] as const;
  const found = await client.send(
    new SearchCommand({ Resource: 'ExperimentTrialComponent', SearchExpression: { Filters: [...Filters] } }),
  );
  expect(found.Results).toMatchObject([{ TrialComponent: { TrialComponentName, Parents: [{ TrialName }] } }]);
  const names: (string | undefined)[] = [];
  for await (const page of paginateListExperiments({ client, pageSize: 2 }, {}))
    names.push(...(page.ExperimentSummaries ?? []).map((each) => each.ExperimentName));
  expect(names).toContain(ExperimentName);
  await expect(client.send(new DeleteExperimentCommand({ ExperimentName }))).rejects.toThrow('trials');
  const other = open(url, { ...pair, secret: `${pair.secret}x` }, { maxAttempts: 1 });
  await expect(other.send(new CreateExperimentCommand({ ExperimentName: 'js-other' }))).rejects.toMatchObject({
    name: 'InvalidSignatureException',
    $metadata: { httpStatusCode: 403 },
  });
}

/** There is no client of sagemaker-metrics on npm: its call by hand, with the signer of the other. */
async function putMetric(
  client: SageMakerClient,
  url: string,
  TrialComponentName: string,
  Step: number,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const MetricData = [{ MetricName: 'rings', Timestamp: Math.floor(Date.now() / 1_000), Step, Value: Step * 10 }];
  const body = JSON.stringify({ TrialComponentName, MetricData });
  const signer = await client.config.signer({
    ...{ name: 'sigv4', signingName: 'sagemaker', signingRegion: 'eu-central-1', properties: {} },
  });
  const headers = { host: `${hostname}:${port}`, 'content-type': 'application/json' };
  const path = '/sagemaker/BatchPutMetrics';
  const request = { method: 'PUT', protocol: 'http:', hostname, port: Number(port), path, query: {}, headers, body };
  const signed = await signer.sign(request as never);
  const sent = { method: 'PUT', headers: (signed as typeof request).headers, body };
  const answer = await fetch(`${url}${path}`, sent);
  expect([answer.status, await answer.text()]).toEqual([200, '{}']);
}
