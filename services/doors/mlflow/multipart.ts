import type { ArtifactLinks } from '#libs/artifacts/artifact-store.js';
import { checkPath, keepFile } from './artifacts.js';
import type { Answer, Call } from './call.js';
import { MlflowError } from './mlflow-error.js';

/** Large files in parts that go past us: the client asks for addresses, puts the parts there, and tells us the ETags it got. */
const steps: Readonly<Record<string, (call: Call, links: ArtifactLinks) => Promise<Answer>>> = {
  create,
  complete,
  abort,
};

/** All addresses are given at the beginning, and the client asks for no others: as long as its slowest upload may take. */
const partsGoodForS = 86_400;

/** `call.path` is the step and the folder the file goes to. */
export function multipart(call: Call): Promise<Answer> {
  const { links } = call.world.backend.artifactStore;
  // clients know this text, and put the whole file through us then
  if (!links)
    throw new MlflowError(
      'NOT_IMPLEMENTED',
      'Multipart upload is not supported for the current artifact repository: artifacts are kept in a folder here',
    );
  return steps[call.path[0]!]!(call, links);
}

/** Clients name the file by where it lies with them. */
function fileOf({ fields, path }: Call): string {
  return checkPath(`${path[1]!}/${fields.required('path').replace(/^.*[/\\]/s, '')}`);
}

async function create(call: Call, links: ArtifactLinks): Promise<Answer> {
  fileOf(call);
  const { uploadId, urls } = await links.startParts(call.fields.requiredWhole('num_parts'), partsGoodForS);
  return {
    upload_id: uploadId,
    credentials: urls.map((url, index) => ({ url, part_number: index + 1, headers: {} })),
  };
}

async function complete(call: Call, links: ArtifactLinks): Promise<Answer> {
  const path = fileOf(call);
  const parts = call.fields.objects('parts').map((part) => ({
    part: part.requiredWhole('part_number'),
    etag: part.required('etag'),
  }));
  await keepFile(call.world, path, await links.completeParts(call.fields.required('upload_id'), parts));
  return {};
}

async function abort(call: Call, links: ArtifactLinks): Promise<Answer> {
  await links.abortParts(call.fields.required('upload_id'));
  return {};
}
