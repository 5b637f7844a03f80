/** What clients ask of artifacts, beside the rest of the schema. */
export const artifactTypes = `
  enum ArtifactState { PENDING COMMITTED DELETED }
  enum ArtifactManifestType { FULL PATCH INCREMENTAL }
  enum ArtifactStorageLayout { V1 V2 }
  enum ArtifactDigestAlgorithm { MANIFEST_MD5 MANIFEST_XXH128 }

  extend type Query {
    artifact(id: ID!): Artifact
    artifactCollection(id: ID!): ArtifactCollection
    clientIDMapping(clientID: ID!): ClientIDMapping
  }
  type ClientIDMapping { serverID: ID! }
  type UploadMultipartUrls { uploadID: String! uploadUrlParts: [UploadUrlPart!]! }
  type UploadUrlPart { partNumber: Int64! uploadUrl: String! }

  type Artifact {
    id: ID! state: ArtifactState! digest: String! digestAlgorithm: ArtifactDigestAlgorithm description: String metadata: JSONString
    ttlDurationSeconds: Int64 ttlIsInherited: Boolean! tags: [Tag!] historyStep: Int64 size: Int64! commitHash: String fileCount: Int64!
    createdAt: DateTime! updatedAt: DateTime versionIndex: Int aliases: [ArtifactAlias!]!
    artifactType: ArtifactType! artifactSequence: ArtifactSequence! currentManifest: ArtifactManifest
    files(names: [String!], after: String, first: Int): FileConnection
    filesByManifestEntries(storageLayout: String!, manifestVersion: String!, entries: [ArtifactManifestEntryInput!],
      storageRegion: String, first: Int, after: String): FileConnection
    usedBy: RunConnection createdBy: ArtifactCreator artifactMemberships(first: Int, after: String): MembershipConnection
  }
  union ArtifactCreator = Run | User
  type ArtifactManifest { id: ID! file: File! }
  input ArtifactManifestEntryInput { name: String! digest: String birthArtifactID: String ref: String size: Int64 }
  type ArtifactAlias { id: ID! alias: String! artifactCollection: ArtifactCollection artifactCollectionName: String }
  type ArtifactAliasConnection { pageInfo: PageInfo! edges: [ArtifactAliasEdge!]! }
  type ArtifactAliasEdge { node: ArtifactAlias }
  type Tag { id: ID! name: String! }
  type TagConnection { edges: [TagEdge!]! }
  type TagEdge { node: Tag }

  type ArtifactType {
    id: ID! name: String! description: String createdAt: DateTime!
    artifactCollections(after: String, first: Int, filters: JSONString, order: String): ArtifactCollectionConnection
    artifactCollection(name: String!): ArtifactCollection
  }
  type ArtifactTypeConnection { pageInfo: PageInfo! edges: [ArtifactTypeEdge!]! }
  type ArtifactTypeEdge { node: ArtifactType }
  interface ArtifactCollection {
    id: ID! name: String! state: String description: String createdAt: DateTime! updatedAt: DateTime
    project: Project defaultArtifactType: ArtifactType tags: TagConnection
    aliases(after: String, first: Int): ArtifactAliasConnection
    artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection
    artifactMembership(aliasName: String!): ArtifactCollectionMembership
  }
  type ArtifactSequence implements ArtifactCollection {
    id: ID! name: String! state: String description: String createdAt: DateTime! updatedAt: DateTime
    project: Project defaultArtifactType: ArtifactType tags: TagConnection
    aliases(after: String, first: Int): ArtifactAliasConnection
    artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection
    artifactMembership(aliasName: String!): ArtifactCollectionMembership
    latestArtifact: Artifact digestAlgorithm: ArtifactDigestAlgorithm
  }
  type ArtifactCollectionConnection { totalCount: Int! pageInfo: PageInfo! edges: [ArtifactCollectionEdge!]! }
  type ArtifactCollectionEdge { node: ArtifactCollection }
  type ArtifactConnection { totalCount: Int! pageInfo: PageInfo! edges: [ArtifactEdge!]! }
  type ArtifactEdge { cursor: String node: Artifact }
  type VersionedArtifactConnection { totalCount: Int! pageInfo: PageInfo! edges: [VersionedArtifactEdge!]! }
  type VersionedArtifactEdge { version: String node: Artifact }
  type ArtifactCollectionMembership {
    id: ID! versionIndex: Int createdAt: DateTime! aliases: [ArtifactAlias!]! artifactCollection: ArtifactCollection
    artifact: Artifact files(names: [String!], after: String, first: Int): FileConnection
  }
  type MembershipConnection { edges: [MembershipEdge!]! }
  type MembershipEdge { node: ArtifactCollectionMembership }

  extend type Mutation {
    createArtifactType(input: CreateArtifactTypeInput!): CreateArtifactTypePayload
    createArtifact(input: CreateArtifactInput!): CreateArtifactPayload
    createArtifactManifest(input: CreateArtifactManifestInput!): ArtifactManifestPayload
    updateArtifactManifest(input: UpdateArtifactManifestInput!): ArtifactManifestPayload
    createArtifactFiles(input: CreateArtifactFilesInput!): CreateArtifactFilesPayload
    completeMultipartUploadArtifact(input: CompleteMultipartInput!): CompleteMultipartPayload
    commitArtifact(input: CommitArtifactInput!): ArtifactPayload
    useArtifact(input: UseArtifactInput!): ArtifactPayload
    updateArtifact(input: UpdateArtifactInput!): ArtifactPayload
    deleteArtifact(input: DeleteArtifactInput!): ArtifactPayload
    addAliases(input: AddAliasesInput!): SuccessPayload
    deleteAliases(input: DeleteAliasesInput!): SuccessPayload
    deleteArtifactSequence(input: DeleteArtifactSequenceInput!): CollectionPayload
    updateArtifactSequence(input: UpdateArtifactSequenceInput!): CollectionPayload
    createArtifactCollectionTagAssignments(input: CollectionTagsInput!): CollectionTagsPayload
    deleteArtifactCollectionTagAssignments(input: CollectionTagsInput!): SuccessPayload
  }
  type ArtifactPayload { artifact: Artifact! }
  type CreateArtifactPayload { artifact: Artifact! }
  type CollectionPayload { artifactCollection: ArtifactCollection }
  type CollectionTagsPayload { tags: [Tag!] }
  input ArtifactAliasInput { artifactCollectionName: String! alias: String! }
  input ArtifactCollectionAliasInput { artifactCollectionName: String! alias: String! entityName: String projectName: String }
  input TagInput { tagName: String! }
  input CreateArtifactTypeInput { entityName: String projectName: String! name: String! description: String }
  type CreateArtifactTypePayload { artifactType: ArtifactType }
  input CreateArtifactInput {
    entityName: String projectName: String! artifactTypeName: String! artifactCollectionName: String
    artifactCollectionNames: [String!] runName: String digest: String! digestAlgorithm: ArtifactDigestAlgorithm description: String
    aliases: [ArtifactAliasInput!] tags: [TagInput!] metadata: JSONString ttlDurationSeconds: Int64 historyStep: Int64
    enableDigestDeduplication: Boolean distributedID: String clientID: ID sequenceClientID: ID
  }
  input CreateArtifactManifestInput {
    artifactID: ID! baseArtifactID: ID name: String digest: String! entityName: String projectName: String runName: String
    type: ArtifactManifestType
  }
  input UpdateArtifactManifestInput { artifactManifestID: ID! digest: String baseArtifactID: ID }
  type ArtifactManifestPayload { artifactManifest: ArtifactManifest! }
  input UploadPartsInput { partNumber: Int64! hexMD5: String! }
  input CreateArtifactFileSpecInput {
    artifactID: ID! name: String! md5: String! mimetype: String artifactManifestID: ID uploadPartsInput: [UploadPartsInput!]
  }
  input CreateArtifactFilesInput { artifactFiles: [CreateArtifactFileSpecInput!]! storageLayout: ArtifactStorageLayout }
  type CreateArtifactFilesPayload { files: FileConnection! }
  enum CompleteMultipartAction { Complete }
  input CompleteMultipartInput {
    completeMultipartAction: CompleteMultipartAction! completedParts: [UploadPartsInput!]! artifactID: ID! storagePath: String!
    uploadID: String!
  }
  type CompleteMultipartPayload { digest: String }
  input CommitArtifactInput { artifactID: ID! }
  input UseArtifactInput {
    artifactID: ID! entityName: String projectName: String runName: String! usedAs: String artifactEntityName: String
    artifactProjectName: String
  }
  input UpdateArtifactInput {
    artifactID: ID! description: String metadata: JSONString ttlDurationSeconds: Int64 aliases: [ArtifactAliasInput!]
    tagsToAdd: [TagInput!] tagsToDelete: [TagInput!]
  }
  input DeleteArtifactInput { artifactID: ID! deleteAliases: Boolean }
  input AddAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! }
  input DeleteAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! }
  input DeleteArtifactSequenceInput { artifactSequenceID: ID! }
  input UpdateArtifactSequenceInput { artifactSequenceID: ID! name: String description: String }
  input CollectionTagsInput { entityName: String projectName: String! artifactCollectionName: String! tags: [TagInput!]! }
`;
