import { bodyOf, mutatedText, pick, type FuzzRequest, type Random } from './fuzz-cases.js';

const arn = 'arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/fuzz';
const filter = { Name: 'Parents.ExperimentName', Operator: 'Equals', Value: 'fuzz' };

/** Every operation, with what it takes when it is used well. */
const operations: readonly (readonly [name: string, body: unknown])[] = [
  ['CreateExperiment', { ExperimentName: 'fuzz', Description: 'd', Tags: [{ Key: 'a', Value: 'b' }] }],
  ['UpdateExperiment', { ExperimentName: 'fuzz', DisplayName: 'x', Description: 'e' }],
  ['ListExperiments', { SortBy: 'Name', SortOrder: 'Ascending', MaxResults: 3, CreatedAfter: 1.5, NextToken: 'e30' }],
  ['DeleteExperiment', { ExperimentName: 'fuzz' }],
  ['CreateTrial', { TrialName: 'fuzz', ExperimentName: 'fuzz', MetadataProperties: { CommitId: 'a' } }],
  ['ListTrials', { ExperimentName: 'fuzz', TrialComponentName: 'fuzz' }],
  ['DeleteTrial', { TrialName: 'fuzz' }],
  [
    'CreateTrialComponent',
    {
      TrialComponentName: 'fuzz',
      StartTime: 1_700_000_000.5,
      Status: { PrimaryStatus: 'InProgress', Message: 'm' },
      Parameters: { lr: { NumberValue: 0.1 }, name: { StringValue: 'x' }, odd: { NumberValue: 'NaN' } },
      InputArtifacts: { data: { MediaType: 'text/plain', Value: 's3://b/k' } },
    },
  ],
  [
    'UpdateTrialComponent',
    {
      TrialComponentName: 'fuzz',
      EndTime: 1_700_000_001,
      Status: { PrimaryStatus: 'Failed', Message: 'm' },
      Parameters: { lr: { NumberValue: true } },
      ParametersToRemove: ['name'],
      OutputArtifactsToRemove: ['x'],
    },
  ],
  ['DescribeTrialComponent', { TrialComponentName: arn }],
  ['ListTrialComponents', { TrialName: 'fuzz' }],
  ['AssociateTrialComponent', { TrialComponentName: 'fuzz', TrialName: 'fuzz' }],
  ['DisassociateTrialComponent', { TrialComponentName: 'fuzz', TrialName: 'fuzz' }],
  ['DeleteTrialComponent', { TrialComponentName: 'fuzz' }],
  [
    'Search',
    {
      Resource: 'ExperimentTrialComponent',
      SearchExpression: {
        Operator: 'Or',
        Filters: [filter, { Name: 'Metrics.loss.Max', Operator: 'GreaterThan', Value: '0.5' }],
        NestedFilters: [{ NestedPropertyName: 'Parents', Filters: [filter] }],
        SubExpressions: [{ Filters: [{ Name: 'Parameters.lr', Operator: 'In', Value: '1,2' }] }],
      },
      SortBy: 'CreationTime',
      MaxResults: 5,
    },
  ],
  ['Search', { Resource: 'Experiment', SearchExpression: { Filters: [{ Name: 'Tags.a', Operator: 'Exists' }] } }],
  ['AddTags', { ResourceArn: arn, Tags: [{ Key: 'k', Value: 'v' }] }],
  ['ListTags', { ResourceArn: arn }],
  ['DeleteTags', { ResourceArn: arn, TagKeys: ['k'] }],
  ['CreateArtifact', { Source: { SourceUri: 's3://b/k' }, ArtifactType: 'T', Properties: { a: 'b' } }],
  ['ListArtifacts', { ArtifactType: 'T' }],
  ['AddAssociation', { SourceArn: arn, DestinationArn: arn, AssociationType: 'Produced' }],
  ['ListAssociations', { SourceArn: arn }],
  [
    'QueryLineage',
    { StartArns: [arn], Direction: 'Both', MaxDepth: 3, Filters: { Types: ['T'], Properties: { a: 'b' } } },
  ],
  ['Nonsense', {}],
];
const point = { MetricName: 'loss', Timestamp: 1_700_000_000, Value: 0.5, Step: 1 };
const query = { MetricName: 'loss', ResourceArn: arn, MetricStat: 'Avg', Period: 'OneMinute', XAxisType: 'Timestamp' };
const xml =
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;x&quot;</ETag></Part></CompleteMultipartUpload>';
const paths: readonly (readonly [method: string, path: string, body: unknown])[] = [
  ['PUT', '/BatchPutMetrics', { TrialComponentName: 'fuzz', MetricData: [point, { ...point, Step: null }] }],
  ['POST', '/sagemaker/BatchGetMetrics', { MetricQueries: [query, { ...query, Start: 1, End: 2 }] }],
  ['GET', '/s3', null],
  ['PUT', '/s3/fuzz', '<CreateBucketConfiguration/>'],
  ['GET', '/s3/fuzz?list-type=2&prefix=a&delimiter=/&max-keys=2&continuation-token=YQ&encoding-type=url', null],
  ['PUT', '/s3/fuzz/a/b%20c', 'bytes'],
  ['GET', '/s3/fuzz/a/b%20c', null],
  ['HEAD', '/t/team/s3/fuzz/a', null],
  ['POST', '/s3/fuzz/big?uploads', null],
  ['PUT', '/s3/fuzz/big?partNumber=1&uploadId=x', 'part'],
  ['POST', '/s3/fuzz/big?uploadId=x', xml],
  ['POST', '/s3/fuzz?delete', '<Delete><Object><Key>a&#x110000;</Key></Object></Delete>'],
  ['DELETE', '/s3/fuzz/a/b%20c', null],
];
const signature = `Signature=${'0'.repeat(64)}`;
const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  {},
  {},
  {},
  { 'amz-sdk-invocation-id': 'the-same' },
  { authorization: 'AWS4-HMAC-SHA256 nonsense' },
  {
    authorization: `AWS4-HMAC-SHA256 Credential=a/20260101/eu/sagemaker/aws4_request, SignedHeaders=host, ${signature}`,
  },
  { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '5' },
  { 'content-md5': 'nonsense' },
  { 'x-amz-meta-a': 'b' },
  { range: 'bytes=9-' },
];

/** One request to a door that speaks AWS, nearly right. */
export function awsRequest(random: Random): FuzzRequest {
  if (random() < 0.4) {
    const [method, path, body] = pick(random, paths);
    const odd = random() < 0.3 ? encodeURI(mutatedText(random, path).replace(/\p{Surrogate}/gu, '')) : path;
    return { method, path: odd.replace(/%25/g, '%'), headers: pick(random, oddHeaders), body: bodyOf(random, body) };
  }
  const [name, body] = pick(random, operations);
  const target = `SageMaker.${name}`;
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target, ...pick(random, oddHeaders) };
  return {
    method: 'POST',
    path: pick(random, ['/', '/sagemaker', '/t/team/sagemaker']),
    headers,
    body: bodyOf(random, body),
  };
}
