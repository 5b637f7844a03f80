import { shapes } from '../../../services/doors/sagemaker/shapes.js';

const entries = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, { NumberValue: i }]));
const deep = (levels: number): string => `${'{"SubExpressions":['.repeat(levels)}${']}'.repeat(levels)}`;

/** Bodies that are no input of any operation, or too much of one. */
const bodies: readonly string[] = [
  ...['', '{', 'null', '[]', '"x"', '1e999', '{"a":}', '\u0000', '{"__proto__":{"x":1}}', 'ü'.repeat(50)],
  ...[JSON.stringify({ ExperimentName: 1 }), JSON.stringify({ TrialComponentName: ['x'], TrialName: {} })],
  JSON.stringify({ ExperimentName: '', TrialName: 'bad name!', TrialComponentName: 'x'.repeat(10_000) }),
  JSON.stringify({ TrialComponentName: 'no name!', Parameters: entries(5_000) }),
  JSON.stringify({ TrialComponentName: 'no name!', Parameters: { x: { NumberValue: 'many' } }, StartTime: 'soon' }),
  JSON.stringify({ ResourceArn: 'arn:aws:nothing', Tags: [{ Key: '' }], TagKeys: [1], Source: { SourceUri: 3 } }),
  JSON.stringify({ SourceArn: 'x', DestinationArn: '\ud800', StartArns: [1, 2], MaxResults: -1, NextToken: '\u0000' }),
  JSON.stringify({ TrialComponentName: 'no name!', MetricData: [{ MetricName: 'm', Timestamp: 1e300, Value: '1' }] }),
  JSON.stringify({ MetricQueries: [{ MetricName: 'm', ResourceArn: 'x', MetricStat: 'Sum' }] }),
  `{"Resource":"ExperimentTrialComponent","SearchExpression":${deep(60)}}`,
  `{"Resource":"ExperimentTrialComponent","SearchExpression":${deep(20_000)}}`,
];
const documents: readonly string[] = [
  ...['', '<', '<Delete>', '<Delete><Object><Key>&#x110000;&nope;</Key></Object>', '\u0000\ufffe', '{}'],
  '<CompleteMultipartUpload><Part><PartNumber>-1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>',
  '<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>',
  `<!DOCTYPE a [<!ENTITY b "${'c'.repeat(1_000)}">]><Delete><Object><Key>&b;</Key></Object></Delete>`,
  '<a>'.repeat(50_000),
];

/** What the server answers to each, as lines of those that are wrong: anything but a refusal in AWS's words. */
export async function badInputs(url: string): Promise<readonly string[]> {
  const wrong: string[] = [];
  const look = async (what: string, path: string, init: RequestInit, code: RegExp, may200: boolean): Promise<void> => {
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    const refused = answer.status >= 400 && answer.status < 500 && code.test(text);
    if (!refused && !(may200 && answer.status < 300)) wrong.push(`${what}: ${answer.status} ${text.slice(0, 200)}`);
  };
  const json = /"__type":"\w+"/;
  const type = 'application/x-amz-json-1.1';
  const call = (target: string, body: string, may200 = false): Promise<void> => {
    const headers = { 'x-amz-target': target, 'content-type': type };
    return look(`${target} ${body.slice(0, 60)}`, '/sagemaker', { method: 'POST', headers, body }, json, may200);
  };
  const operations = Object.keys(shapes);
  for (const operation of operations)
    // lists take an empty input, and leave what they do not know
    for (const body of bodies) await call(`SageMaker.${operation}`, body, /^(List|Search|Query)/.test(operation));
  for (const target of [
    '',
    'SageMaker.',
    'SageMaker.Nothing',
    'Other.CreateTrial',
    'SageMaker.__proto__',
    'SageMaker.constructor',
  ])
    await call(target, '{}');
  for (const body of bodies)
    for (const [method, name] of [
      ['PUT', 'BatchPutMetrics'],
      ['POST', 'BatchGetMetrics'],
      ['POST', 'BatchPutMetrics'],
      ['PUT', 'BatchGetMetrics'],
    ] as const)
      await look(
        `${method} ${name} ${body.slice(0, 60)}`,
        `/sagemaker/${name}`,
        { method, body },
        json,
        name === 'BatchGetMetrics',
      );
  await fetch(`${url}/s3/fuzz`, { method: 'PUT' });
  const xml = /<Code>\w+<\/Code>/;
  for (const body of documents) {
    // a document that names no key deletes none
    await look(`delete ${body.slice(0, 40)}`, '/s3/fuzz?delete', { method: 'POST', body }, xml, true);
    await look(`complete ${body.slice(0, 40)}`, '/s3/fuzz/k?uploadId=none', { method: 'POST', body }, xml, false);
  }
  for (const path of ['/s3/x', '/s3/UPPER', '/s3/fuzz/%00', '/s3/fuzz?acl', `/s3/fuzz/${'k'.repeat(1_100)}`])
    await look(path, path, {}, xml, false);
  for (const query of ['partNumber=x&uploadId=y', 'partNumber=1', 'max-keys=-1', 'versionId=1', 'tagging'])
    await look(query, `/s3/fuzz/k?${query}`, { method: 'PUT', body: 'x' }, xml, false);
  return wrong;
}
