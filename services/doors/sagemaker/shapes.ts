import { z } from 'zod';

/** Inputs of the operations with the constraints of AWS's service model. Unknown members are left out, as AWS does. */
const namePattern = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}$/;
const tagPattern = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const arnPattern = /^arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:.+$/;

export const name = z.string().min(1).max(120).regex(namePattern);
/** A name or the ARN that ends in it. */
const nameOrArn = z
  .string()
  .min(1)
  .max(256)
  .regex(/^(arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:[0-9]{12}:[a-z-]+\/)?[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}$/);
const arn = z.string().max(256).regex(arnPattern);
const text = (charsMax: number) => z.string().max(charsMax);
/** Epoch seconds with a fraction; Unix ms inside. */
const time = z
  .number()
  .min(-8.64e12)
  .max(8.64e12)
  .transform((seconds) => Math.round(seconds * 1_000));
const double = z.union([
  z.number(),
  z.boolean().transform(Number),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
]);

const tag = z.object({
  Key: z.string().min(1).max(128).regex(tagPattern),
  Value: z.string().max(256).regex(tagPattern),
});
const tags = z.array(tag).max(50);
const metadata = z.object({
  CommitId: text(1_024).optional(),
  Repository: text(1_024).optional(),
  GeneratedBy: text(1_024).optional(),
  ProjectId: text(1_024).optional(),
});
export const metadataTexts = (given: z.infer<typeof metadata> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(given ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** A map of at most so many entries, whose keys are plain own properties. */
const map = <T extends z.ZodType>(of: T, entriesMax: number, keyCharsMax: number) =>
  z.record(z.string().max(keyCharsMax), of).refine((value) => Object.keys(value).length <= entriesMax, {
    params: { constraint: `Member must have length less than or equal to ${entriesMax}` },
  });
const parameter = z
  .object({ StringValue: text(2_500).optional(), NumberValue: double.optional() })
  .refine(({ StringValue, NumberValue }) => (StringValue === undefined) !== (NumberValue === undefined), {
    params: { constraint: 'Member must have exactly one of StringValue and NumberValue' },
  });
export type Parameter = z.infer<typeof parameter>;
const artifact = z.object({
  MediaType: z
    .string()
    .max(64)
    .regex(/^[-\w]+\/[-\w+]+$/)
    .optional(),
  Value: text(2_048),
});
export type ArtifactValue = z.infer<typeof artifact>;
const status = z.object({
  PrimaryStatus: z.enum(['InProgress', 'Completed', 'Failed', 'Stopping', 'Stopped']).optional(),
  // AWS says 1,024; its own newer SDK sends whole tracebacks, which are cut when they are kept
  Message: text(65_536).optional(),
});
export type Status = z.infer<typeof status>;

const state = {
  DisplayName: name.optional(),
  Status: status.optional(),
  StartTime: time.optional(),
  EndTime: time.optional(),
  Parameters: map(parameter, 300, 320).optional(),
  InputArtifacts: map(artifact, 60, 128).optional(),
  OutputArtifacts: map(artifact, 60, 128).optional(),
};
const keys = z.array(text(256)).optional();
const page = {
  CreatedAfter: time.optional(),
  CreatedBefore: time.optional(),
  SortOrder: z.enum(['Ascending', 'Descending']).optional(),
  MaxResults: z.number().int().min(1).max(100).optional(),
  NextToken: text(8_192).optional(),
};
const sorted = { ...page, SortBy: z.enum(['Name', 'CreationTime']).optional() };

const filter = z.object({
  Name: z.string().min(1).max(255),
  Operator: z
    .enum([
      ...(['Equals', 'NotEquals', 'GreaterThan', 'GreaterThanOrEqualTo', 'LessThan', 'LessThanOrEqualTo'] as const),
      ...(['Contains', 'Exists', 'NotExists', 'In'] as const),
    ])
    .default('Equals'),
  Value: z.string().min(1).max(1_024).optional(),
});
export type Filter = z.infer<typeof filter>;
const nested = z.object({
  NestedPropertyName: z.string().min(1).max(255),
  Filters: z.array(filter).min(1).max(20),
});
export interface Expression {
  readonly Filters?: readonly Filter[] | undefined;
  readonly NestedFilters?: readonly z.infer<typeof nested>[] | undefined;
  readonly SubExpressions?: readonly Expression[] | undefined;
  readonly Operator?: 'And' | 'Or' | undefined;
}
const expression: z.ZodType<Expression> = z.lazy(() =>
  z.object({
    Filters: z.array(filter).min(1).max(20).optional(),
    NestedFilters: z.array(nested).min(1).max(20).optional(),
    SubExpressions: z.array(expression).min(1).max(20).optional(),
    Operator: z.enum(['And', 'Or']).optional(),
  }),
);

const source = z.object({
  SourceUri: z.string().min(1).max(2_048),
  SourceTypes: z
    .array(z.object({ SourceIdType: z.enum(['MD5Hash', 'S3ETag', 'S3Version', 'Custom']), Value: text(256) }))
    .optional(),
});
export type ArtifactSource = z.infer<typeof source>;
const properties = map(text(4_096), 30, 2_500);
const associationType = z.enum(['ContributedTo', 'AssociatedWith', 'DerivedFrom', 'Produced', 'SameAs']);

export const shapes = {
  CreateExperiment: z.object({
    ExperimentName: name,
    DisplayName: name.optional(),
    Description: text(3_072).optional(),
    Tags: tags.optional(),
  }),
  DescribeExperiment: z.object({ ExperimentName: name }),
  UpdateExperiment: z.object({
    ExperimentName: name,
    DisplayName: name.optional(),
    Description: text(3_072).optional(),
  }),
  ListExperiments: z.object(sorted),
  DeleteExperiment: z.object({ ExperimentName: name }),
  CreateTrial: z.object({
    TrialName: name,
    ExperimentName: name,
    DisplayName: name.optional(),
    MetadataProperties: metadata.optional(),
    Tags: tags.optional(),
  }),
  DescribeTrial: z.object({ TrialName: name }),
  UpdateTrial: z.object({ TrialName: name, DisplayName: name.optional() }),
  ListTrials: z.object({ ...sorted, ExperimentName: name.optional(), TrialComponentName: name.optional() }),
  DeleteTrial: z.object({ TrialName: name }),
  CreateTrialComponent: z.object({
    TrialComponentName: name,
    ...state,
    MetadataProperties: metadata.optional(),
    Tags: tags.optional(),
  }),
  DescribeTrialComponent: z.object({ TrialComponentName: nameOrArn }),
  UpdateTrialComponent: z.object({
    TrialComponentName: name,
    ...state,
    ParametersToRemove: keys,
    InputArtifactsToRemove: keys,
    OutputArtifactsToRemove: keys,
  }),
  ListTrialComponents: z.object({
    ...sorted,
    ExperimentName: name.optional(),
    TrialName: name.optional(),
    SourceArn: text(256).optional(),
  }),
  DeleteTrialComponent: z.object({ TrialComponentName: name }),
  AssociateTrialComponent: z.object({ TrialComponentName: name, TrialName: name }),
  DisassociateTrialComponent: z.object({ TrialComponentName: name, TrialName: name }),
  Search: z.object({
    Resource: z.string().min(1).max(255),
    SearchExpression: expression.optional(),
    SortBy: z.string().min(1).max(255).optional(),
    SortOrder: z.enum(['Ascending', 'Descending']).optional(),
    NextToken: text(8_192).optional(),
    MaxResults: z.number().int().min(1).max(100).optional(),
  }),
  AddTags: z.object({ ResourceArn: arn, Tags: tags }),
  ListTags: z.object({
    ResourceArn: arn,
    NextToken: text(8_192).optional(),
    MaxResults: z.number().int().min(50).optional(),
  }),
  DeleteTags: z.object({ ResourceArn: arn, TagKeys: z.array(tag.shape.Key).min(1).max(50) }),
  CreateArtifact: z.object({
    ArtifactName: name.optional(),
    Source: source,
    ArtifactType: text(256),
    Properties: properties.optional(),
    MetadataProperties: metadata.optional(),
    Tags: tags.optional(),
  }),
  DescribeArtifact: z.object({ ArtifactArn: arn }),
  ListArtifacts: z.object({
    ...page,
    SourceUri: z.string().min(1).max(2_048).optional(),
    ArtifactType: text(256).optional(),
    SortBy: z.enum(['CreationTime']).optional(),
  }),
  UpdateArtifact: z.object({
    ArtifactArn: arn,
    ArtifactName: name.optional(),
    Properties: properties.optional(),
    PropertiesToRemove: z.array(text(2_500)).optional(),
  }),
  DeleteArtifact: z.object({ ArtifactArn: arn.optional(), Source: source.optional() }),
  AddAssociation: z.object({ SourceArn: arn, DestinationArn: arn, AssociationType: associationType.optional() }),
  DeleteAssociation: z.object({ SourceArn: arn, DestinationArn: arn }),
  ListAssociations: z.object({
    ...page,
    SourceArn: arn.optional(),
    DestinationArn: arn.optional(),
    SourceType: text(256).optional(),
    DestinationType: text(256).optional(),
    AssociationType: associationType.optional(),
    SortBy: z.enum(['SourceArn', 'DestinationArn', 'SourceType', 'DestinationType', 'CreationTime']).optional(),
  }),
  QueryLineage: z.object({
    StartArns: z.array(arn).min(1).max(1),
    Direction: z.enum(['Both', 'Ascendants', 'Descendants']).optional(),
    IncludeEdges: z.boolean().optional(),
    Filters: z
      .object({
        Types: z.array(text(40)).max(5).optional(),
        LineageTypes: z
          .array(z.enum(['TrialComponent', 'Artifact', 'Context', 'Action']))
          .max(4)
          .optional(),
        CreatedBefore: time.optional(),
        CreatedAfter: time.optional(),
        ModifiedBefore: time.optional(),
        ModifiedAfter: time.optional(),
        Properties: map(text(256), 5, 256).optional(),
      })
      .optional(),
    MaxDepth: z.number().int().min(1).max(10).optional(),
    MaxResults: z.number().int().min(1).max(50).optional(),
    NextToken: text(8_192).optional(),
  }),
  BatchPutMetrics: z.object({
    TrialComponentName: z
      .string()
      .min(1)
      .max(120)
      .regex(/^[a-z0-9](-*[a-z0-9]){0,119}$/),
    MetricData: z
      .array(
        z.object({
          MetricName: z.string().min(1).max(255),
          Timestamp: time,
          Value: double,
          Step: z.number().int().min(0).optional(),
        }),
      )
      .min(1)
      .max(10),
  }),
  BatchGetMetrics: z.object({
    MetricQueries: z
      .array(
        z.object({
          MetricName: z.string().min(1).max(255),
          ResourceArn: arn,
          MetricStat: z.enum(['Min', 'Max', 'Avg', 'Count', 'StdDev', 'Last']),
          Period: z.enum(['OneMinute', 'FiveMinute', 'OneHour', 'IterationNumber']),
          XAxisType: z.enum(['IterationNumber', 'Timestamp']),
          Start: z.number().int().optional(),
          End: z.number().int().optional(),
        }),
      )
      .min(1)
      .max(100),
  }),
} as const;

export type Operation = keyof typeof shapes;
export type Input<Name extends Operation> = z.infer<(typeof shapes)[Name]>;
