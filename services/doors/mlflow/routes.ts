import { listArtifacts, listFiles, listModelArtifacts } from './artifacts.js';
import type { Handler } from './call.js';
import * as assessments from './assessments.js';
import * as experiments from './experiments.js';
import { getHistory, getHistoryBulk, getHistoryBulkInterval } from './history.js';
import * as inputs from './inputs.js';
import * as models from './logged-models.js';
import * as registry from './registry.js';
import { searchModelVersions, searchRegisteredModels } from './search-registry.js';
import * as runs from './runs.js';
import { searchRuns } from './search-runs.js';
import { searchTraces } from './search-traces.js';
import * as old from './traces-v2.js';
import * as traces from './traces.js';

const serverInfo: Handler = () => Promise.resolve({ store_type: 'SqlStore', workspaces_enabled: false });

/** Verb and path below /api/2.0 (or 3.0, or /ajax-api); a part in braces is variable. */
const table: Readonly<Record<string, Handler>> = {
  'POST /mlflow/experiments/create': experiments.createExperiment,
  'GET /mlflow/experiments/get': experiments.getExperiment,
  'GET /mlflow/experiments/get-by-name': experiments.getExperimentByName,
  'GET /mlflow/experiments/search': experiments.searchExperiments,
  'POST /mlflow/experiments/search': experiments.searchExperiments,
  'POST /mlflow/experiments/delete': experiments.deleteExperiment,
  'POST /mlflow/experiments/restore': experiments.restoreExperiment,
  'POST /mlflow/experiments/update': experiments.updateExperiment,
  'POST /mlflow/experiments/set-experiment-tag': experiments.setExperimentTag,
  'POST /mlflow/experiments/delete-experiment-tag': experiments.deleteExperimentTag,
  'POST /mlflow/experiments/search-datasets': inputs.searchDatasets,
  'POST /mlflow/runs/create': runs.createRun,
  'GET /mlflow/runs/get': runs.getRun,
  'POST /mlflow/runs/update': runs.updateRun,
  'POST /mlflow/runs/delete': runs.deleteRun,
  'POST /mlflow/runs/restore': runs.restoreRun,
  'POST /mlflow/runs/search': searchRuns,
  'POST /mlflow/runs/log-metric': runs.logMetric,
  'POST /mlflow/runs/log-parameter': runs.logParam,
  'POST /mlflow/runs/log-batch': runs.logBatch,
  'POST /mlflow/runs/set-tag': runs.setTag,
  'POST /mlflow/runs/delete-tag': runs.deleteTag,
  'POST /mlflow/runs/log-inputs': inputs.logInputs,
  'POST /mlflow/runs/outputs': inputs.logOutputs,
  'POST /mlflow/runs/log-model': inputs.logModel,
  'GET /mlflow/metrics/get-history': getHistory,
  'GET /mlflow/metrics/get-history-bulk': getHistoryBulk,
  'GET /mlflow/metrics/get-history-bulk-interval': getHistoryBulkInterval,
  'GET /mlflow/artifacts/list': listArtifacts,
  'GET /mlflow-artifacts/artifacts': listFiles,
  'POST /mlflow/logged-models': models.createLoggedModel,
  'POST /mlflow/logged-models/search': models.searchLoggedModels,
  'GET /mlflow/logged-models/{id}': models.getLoggedModel,
  'PATCH /mlflow/logged-models/{id}': models.finalizeLoggedModel,
  'DELETE /mlflow/logged-models/{id}': models.deleteLoggedModel,
  'PATCH /mlflow/logged-models/{id}/tags': models.setLoggedModelTags,
  'DELETE /mlflow/logged-models/{id}/tags/{key}': models.deleteLoggedModelTag,
  'POST /mlflow/logged-models/{id}/params': models.logLoggedModelParams,
  'GET /mlflow/logged-models/{id}/artifacts/directories': listModelArtifacts,
  'POST /mlflow/registered-models/create': registry.createRegisteredModel,
  'POST /mlflow/registered-models/rename': registry.renameRegisteredModel,
  'PATCH /mlflow/registered-models/update': registry.updateRegisteredModel,
  'DELETE /mlflow/registered-models/delete': registry.deleteRegisteredModel,
  'GET /mlflow/registered-models/get': registry.getRegisteredModel,
  'GET /mlflow/registered-models/search': searchRegisteredModels,
  'GET /mlflow/registered-models/get-latest-versions': registry.getLatestVersions,
  'POST /mlflow/registered-models/get-latest-versions': registry.getLatestVersions,
  'POST /mlflow/registered-models/set-tag': registry.setRegisteredModelTag,
  'DELETE /mlflow/registered-models/delete-tag': registry.deleteRegisteredModelTag,
  'POST /mlflow/registered-models/alias': registry.setAlias,
  'DELETE /mlflow/registered-models/alias': registry.deleteAlias,
  'GET /mlflow/registered-models/alias': registry.getByAlias,
  'POST /mlflow/model-versions/create': registry.createModelVersion,
  'PATCH /mlflow/model-versions/update': registry.updateModelVersion,
  'POST /mlflow/model-versions/transition-stage': registry.transitionStage,
  'DELETE /mlflow/model-versions/delete': registry.deleteModelVersion,
  'GET /mlflow/model-versions/get': registry.getModelVersion,
  'GET /mlflow/model-versions/search': searchModelVersions,
  'GET /mlflow/model-versions/get-download-uri': registry.getDownloadUri,
  'POST /mlflow/model-versions/set-tag': registry.setModelVersionTag,
  'DELETE /mlflow/model-versions/delete-tag': registry.deleteModelVersionTag,
  'POST /mlflow/traces': old.startEitherTrace,
  'GET /mlflow/traces': old.searchOldTraces,
  'POST /mlflow/traces/search': searchTraces,
  'GET /mlflow/traces/get': traces.getTrace,
  'GET /mlflow/traces/batchGet': traces.batchGetTraces,
  'POST /mlflow/traces/batchGetInfos': traces.batchGetTraceInfos,
  'POST /mlflow/traces/delete-traces': traces.deleteTraces,
  'POST /mlflow/traces/link-to-run': traces.linkTracesToRun,
  'POST /mlflow/traces/link-prompts': traces.linkPrompts,
  'GET /mlflow/traces/{id}': traces.getTraceInfo,
  'GET /mlflow/traces/{id}/info': old.getOldTraceInfo,
  'PATCH /mlflow/traces/{id}': old.endTrace,
  'PATCH /mlflow/traces/{id}/tags': traces.setTraceTag,
  'DELETE /mlflow/traces/{id}/tags': traces.deleteTraceTag,
  'POST /mlflow/traces/{id}/assessments': assessments.createAssessment,
  'GET /mlflow/traces/{id}/assessments/{assessment}': assessments.getAssessment,
  'PATCH /mlflow/traces/{id}/assessments/{assessment}': assessments.updateAssessment,
  'DELETE /mlflow/traces/{id}/assessments/{assessment}': assessments.deleteAssessment,
  'GET /mlflow/server-info': serverInfo,
};

interface Route {
  readonly verb: string;
  readonly parts: readonly string[];
  readonly handler: Handler;
}
const exact = new Map<string, Handler>();
const variable: Route[] = [];
for (const [name, handler] of Object.entries(table)) {
  const [verb, path] = name.split(' ') as [string, string];
  if (path.includes('{')) variable.push({ verb, parts: path.split('/'), handler });
  else exact.set(name, handler);
}

/** The handler of a request, and the variable parts of its path. */
export function findRoute(
  verb: string,
  path: string,
): { readonly handler: Handler; readonly path: readonly string[] } | null {
  const found = exact.get(`${verb} ${path}`);
  if (found) return { handler: found, path: [] };
  const parts = path.split('/');
  for (const route of variable) {
    if (route.verb !== verb || route.parts.length !== parts.length) continue;
    if (!route.parts.every((part, index) => part.startsWith('{') || part === parts[index])) continue;
    const values = parts.filter((_, index) => route.parts[index]!.startsWith('{'));
    if (values.every((value) => value !== '')) return { handler: route.handler, path: values.map(decodePart) };
  }
  return null;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
