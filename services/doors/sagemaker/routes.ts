import { associate, createComponent, deleteComponent, disassociate, updateComponent } from './components.js';
import { describeComponent, listComponents } from './component-answers.js';
import type { Answer, Call } from './call.js';
import {
  createExperiment,
  deleteExperiment,
  describeExperiment,
  listExperiments,
  updateExperiment,
} from './experiments.js';
import * as lineage from './lineage.js';
import { getMetrics, putMetrics } from './metrics.js';
import { readInput } from './read-input.js';
import { search } from './search.js';
import { shapes, type Input, type Operation } from './shapes.js';
import { addTags, deleteTags, listTags } from './tags.js';
import { createTrial, deleteTrial, describeTrial, listTrials, updateTrial } from './trials.js';

const handlers: {
  readonly [Name in Operation]: (call: Call, input: Input<Name>, body: Uint8Array) => Promise<Answer>;
} = {
  CreateExperiment: createExperiment,
  DescribeExperiment: describeExperiment,
  UpdateExperiment: updateExperiment,
  ListExperiments: listExperiments,
  DeleteExperiment: deleteExperiment,
  CreateTrial: createTrial,
  DescribeTrial: describeTrial,
  UpdateTrial: updateTrial,
  ListTrials: listTrials,
  DeleteTrial: deleteTrial,
  CreateTrialComponent: createComponent,
  DescribeTrialComponent: describeComponent,
  UpdateTrialComponent: updateComponent,
  ListTrialComponents: listComponents,
  DeleteTrialComponent: deleteComponent,
  AssociateTrialComponent: associate,
  DisassociateTrialComponent: disassociate,
  Search: search,
  AddTags: addTags,
  ListTags: listTags,
  DeleteTags: deleteTags,
  CreateArtifact: lineage.createArtifact,
  DescribeArtifact: lineage.describeArtifact,
  ListArtifacts: lineage.listArtifacts,
  UpdateArtifact: lineage.updateArtifact,
  DeleteArtifact: lineage.deleteArtifact,
  AddAssociation: lineage.addAssociation,
  DeleteAssociation: lineage.deleteAssociation,
  ListAssociations: lineage.listAssociations,
  QueryLineage: lineage.queryLineage,
  BatchPutMetrics: putMetrics,
  BatchGetMetrics: getMetrics,
};

export const isOperation = (name: string): name is Operation => Object.hasOwn(handlers, name);
export const isRead = (name: Operation): boolean => /^(Describe|List|Search|Query|BatchGet)/.test(name);

export function perform<Name extends Operation>(
  name: Name,
  call: Call,
  json: unknown,
  body: Uint8Array,
): Promise<Answer> {
  const input = readInput<unknown>(shapes[name], json) as Input<Name>;
  return handlers[name](call, input, body);
}
