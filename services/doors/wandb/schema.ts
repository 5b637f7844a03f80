import { buildSchema } from 'graphql';
import { artifactTypes } from './artifacts/artifact-schema.js';

/**
 * What W&B's clients ask, as far as this server answers it. Fields that are not here are left out of answers; see lenient-document.ts.
 */
export const wandbSchema = buildSchema(`
  "Text that holds JSON; NaN and infinities stand in it as bare words."
  scalar JSONString
  scalar JSON
  scalar Int64
  scalar DateTime
  scalar Duration

  type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean startCursor: String }

  type Query {
    viewer: User
    serverInfo: ServerInfo
    users(query: String): UserConnection
    entity(name: String): Entity
    organization(name: String!): Organization
    model(name: String, entityName: String): Project
    project(name: String, entityName: String): Project
    models(entityName: String, after: String, first: Int): ProjectConnection
  }

  type ServerInfo {
    cliVersionInfo: JSON
    latestLocalVersionInfo: LocalVersionInfo
    features: [ServerFeature!]!
  }
  type LocalVersionInfo { outOfDate: Boolean! latestVersionString: String! versionOnThisInstanceString: String! }
  type ServerFeature { name: String! isEnabled: Boolean! }

  type User {
    id: ID! name: String username: String email: String admin: Boolean flags: JSONString entity: String
    deletedAt: DateTime photoUrl: String apiKeys: ApiKeyConnection teams: EntityConnection organizations: [Organization!]
  }
  type ApiKey { id: ID! name: String! description: String }
  type ApiKeyConnection { edges: [ApiKeyEdge!]! }
  type ApiKeyEdge { node: ApiKey }
  type UserConnection { edges: [UserEdge!]! }
  type UserEdge { node: User }
  type Entity {
    id: ID! name: String! available: Boolean photoUrl: String isTeam: Boolean entityType: String organization: Organization
    user: User project(name: String): Project
  }
  type EntityConnection { edges: [EntityEdge!]! }
  type EntityEdge { node: Entity }
  type Organization { id: ID name: String! orgEntity: Entity coreWeaveOrganizationId: ID }

  type ProjectConnection { pageInfo: PageInfo! edges: [ProjectEdge!]! }
  type ProjectEdge { cursor: String node: Project }
  type Project {
    id: ID! internalId: ID! name: String! entityName: String! entity: Entity! description: String access: String views: JSONString
    createdAt: DateTime! updatedAt: DateTime isBenchmark: Boolean! readOnly: Boolean user: User
    runCount(filters: JSONString): Int!
    runs(filters: JSONString, after: String, first: Int, order: String): RunConnection
    run(name: String!): Run
    bucket(name: String!, missingOk: Boolean): Run
    totalSweeps: Int!
    sweeps(after: String, first: Int, filters: JSONString): SweepConnection
    sweep(sweepName: String!): Sweep
    allViews(viewType: String, viewName: String, first: Int, after: String): ViewConnection
    artifact(name: String!): Artifact
    artifactTypes(after: String, first: Int): ArtifactTypeConnection
    artifactType(name: String!): ArtifactType
    artifactCollection(name: String!): ArtifactCollection
    artifactCollections(after: String, first: Int, filters: JSONString, order: String): ArtifactCollectionConnection
    artifactCollectionMembership(name: String!): ArtifactCollectionMembership
  }
  type SweepConnection { pageInfo: PageInfo! edges: [SweepEdge!]! }
  type SweepEdge { cursor: String node: Sweep! }
  type Sweep { id: ID! name: String! }
  type ViewConnection { pageInfo: PageInfo! edges: [ViewEdge!]! }
  type ViewEdge { cursor: String node: View }
  type View { id: ID! name: String! }

  type RunConnection { totalCount: Int pageInfo: PageInfo! edges: [RunEdge!]! }
  type RunEdge { cursor: String! node: Run! }
  type Run {
    id: ID! name: String! displayName: String description: String notes: String tags: [String!] state: String
    config: JSONString summaryMetrics: JSONString systemMetrics: JSONString historyKeys: JSON
    group: String groupName: String jobType: String commit: String host: String readOnly: Boolean
    createdAt: DateTime! heartbeatAt: DateTime updatedAt: DateTime
    historyLineCount: Int logLineCount: Int eventsLineCount: Int historyTail: JSONString eventsTail: JSONString
    wandbConfig(keys: [String!]): JSONString
    sweepName: String projectId: Int project: Project user: User
    stopped: Boolean shouldStop: Boolean failed: Boolean running: Boolean exitcode: Int
    history(minStep: Int64, maxStep: Int64, samples: Int): [String!]
    events(samples: Int): [String!]
    sampledHistory(specs: [JSONString!]!, packVersion: Int): [JSON!]
    parquetHistory(liveKeys: [String!]!): ParquetHistory
    logLines(first: Int, after: String, last: Int): LogLineConnection
    fileCount: Int
    files(names: [String], after: String, first: Int, pattern: String): FileConnection
    outputArtifacts(after: String, first: Int): ArtifactConnection
    inputArtifacts(after: String, first: Int): ArtifactConnection
  }
  type ParquetHistory { parquetUrls: [String!]! liveData: [JSON!]! }
  type LogLineConnection { pageInfo: PageInfo! edges: [LogLineEdge!]! }
  type LogLineEdge { node: LogLine! }
  type LogLine { number: Int! timestamp: DateTime level: String label: String line: String! }
  type FileConnection { totalCount: Int pageInfo: PageInfo! edges: [FileEdge!]! }
  type FileEdge { cursor: String node: File }
  type File {
    id: ID! name: String! displayName: String url(upload: Boolean): String directUrl: String uploadUrl: String
    uploadHeaders: [String!] sizeBytes: Int64! mimetype: String updatedAt: DateTime md5: String digest: String storagePath: String
    uploadMultipartUrls: UploadMultipartUrls artifact: Artifact
  }

  type Mutation {
    upsertModel(input: UpsertModelInput!): UpsertModelPayload
    upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
    rewindRun(input: RewindRunInput!): RewindRunPayload
    deleteRun(input: DeleteRunInput!): DeleteRunPayload
    updateRunState(input: UpdateRunStateInput!): SuccessPayload
    createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
    markRunFilesUploaded(input: CreateRunFilesInput!): SuccessPayload
    deleteFiles(input: DeleteFilesInput!): SuccessPayload
    notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
  }
  type SuccessPayload { success: Boolean clientMutationId: String }
  input UpsertModelInput { id: String name: String entityName: String description: String }
  type UpsertModelPayload { model: Project project: Project inserted: Boolean }
  input UpsertBucketInput {
    id: String name: String groupName: String modelName: String entityName: String description: String displayName: String
    notes: String config: JSONString commit: String host: String debug: Boolean jobProgram: String jobRepo: String jobType: String
    state: String sweep: String tags: [String!] summaryMetrics: JSONString
  }
  type UpsertBucketPayload { bucket: Run inserted: Boolean }
  input RewindRunInput {
    runName: String! entityName: String projectName: String metricName: String! metricValue: Float!
  }
  type RewindRunPayload { rewoundRun: Run }
  input DeleteRunInput { id: ID! deleteArtifacts: Boolean }
  type DeleteRunPayload { clientMutationId: String }
  input UpdateRunStateInput { id: ID! state: String! }
  input CreateRunFilesInput { entityName: String projectName: String runName: String! files: [String!]! }
  type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [RunFileUpload!]! }
  type RunFileUpload { name: String! uploadUrl: String }
  enum AlertSeverity { INFO WARN ERROR }
  input NotifyScriptableRunAlertInput {
    entityName: String projectName: String runName: String! title: String! text: String! severity: AlertSeverity waitDuration: Duration
  }
  input DeleteFilesInput { files: [ID!]! projectId: Int }
${artifactTypes}`);
