import { createHash } from 'node:crypto';

export interface Launch {
  readonly launcher: string;
  readonly rank: number;
  readonly worldSize: number;
  /** Same for all ranks of one start of the job, another after a restart; '' when nobody says. */
  readonly launch: string;
  /** Same for all ranks and restarts. */
  readonly job: string;
  /** 0: not known. */
  readonly attempt: number;
  /** The job is known by its meeting point alone, which another job may have tomorrow: a new start of it is a job of its own. */
  readonly weak: boolean;
}
/** SLURM numbers the batch script, the allocation and the shell of an interactive one from here on: no step of a parallel job. */
const interactiveStepMin = 0xfffffff0;
type Env = Readonly<Record<string, string | undefined>>;

function whole(env: Env, ...names: string[]): number | null {
  for (const name of names) if (/^\d+$/.test(env[name] ?? '')) return Number(env[name]);
  return null;
}

function found(
  launcher: string,
  rank: number | null,
  size: number | null,
  job: string,
  restart: string,
): Launch | null {
  if (rank === null || size === null) return null;
  return { launcher, rank, worldSize: size, launch: job && `${job}${restart}`, job, attempt: 0, weak: false };
}

/** `srun --pty bash`, the shell of salloc, a notebook: what a person starts there one after the other are no ranks of one job. */
function isInteractive(env: Env): boolean {
  const pty = ['SLURM_PTY_PORT', 'SLURM_PTY_WIN_COL', 'SLURM_PTY_WIN_ROW'].some((name) => env[name]);
  return pty || Number(env['SLURM_STEP_ID'] ?? env['SLURM_STEPID'] ?? 0) >= interactiveStepMin;
}
const isNotebook = (env: Env): boolean => Boolean(env['JPY_PARENT_PID'] ?? env['JPY_SESSION_NAME']);
const alone: Launch = { launcher: '', rank: 0, worldSize: 1, launch: '', job: '', attempt: 0, weak: false };

/** Reads the launcher's environment: torchrun, SLURM, MPI, Ray. */
export function detectLaunch(env: Env, parentPid: number): Launch {
  const id = env['TORCHELASTIC_RUN_ID'] ?? '';
  // torchrun's default id is the same for every job
  const weak = id === '' || id === 'none';
  const torch = weak ? `${env['MASTER_ADDR'] ?? ''}:${env['MASTER_PORT'] ?? ''}:${parentPid}` : id;
  const step = env['SLURM_STEP_ID'] ?? env['SLURM_STEPID'] ?? '';
  const slurm = `slurm:${env['SLURM_CLUSTER_NAME'] ?? ''}:${env['SLURM_JOB_ID'] ?? ''}:${step}`;
  const mpi = env['PMIX_NAMESPACE'] ?? env['OMPI_MCA_ess_base_jobid'] ?? env['PMI_JOBID'];
  const ray = env['RAY_JOB_ID'];
  const torchrun = found(
    'torchrun',
    whole(env, 'RANK'),
    whole(env, 'WORLD_SIZE'),
    `torchrun:${torch}`,
    `:${env['TORCHELASTIC_RESTART_COUNT'] ?? '0'}`,
  );
  const launch =
    (isNotebook(env) ? alone : null) ??
    (torchrun && { ...torchrun, weak }) ??
    (step !== '' && env['SLURM_JOB_ID'] && !isInteractive(env)
      ? found(
          'slurm',
          whole(env, 'SLURM_PROCID'),
          whole(env, 'SLURM_STEP_NUM_TASKS', 'SLURM_NTASKS'),
          slurm,
          `:${env['SLURM_RESTART_COUNT'] ?? '0'}`,
        )
      : null) ??
    found(
      'mpi',
      whole(env, 'OMPI_COMM_WORLD_RANK', 'PMIX_RANK', 'PMI_RANK'),
      whole(env, 'OMPI_COMM_WORLD_SIZE', 'PMI_SIZE'),
      mpi ? `mpi:${mpi}` : '',
      '',
    ) ??
    found('ray', whole(env, 'RAY_TRAIN_WORLD_RANK'), whole(env, 'RAY_TRAIN_WORLD_SIZE'), ray ? `ray:${ray}` : '', '') ??
    alone;
  return { ...launch, launch: env['RUNSTREAM_LAUNCH'] ?? launch.launch, attempt: whole(env, 'RUNSTREAM_ATTEMPT') ?? 0 };
}

/** Whether all ranks of the job are known to be on this machine. */
export function onOneHost(env: Env, worldSize: number): boolean {
  const local = whole(env, 'LOCAL_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_SIZE', 'MPI_LOCALNRANKS');
  if (worldSize <= 1 || local === worldSize) return true;
  return local === null && whole(env, 'SLURM_STEP_NUM_NODES', 'SLURM_NNODES') === 1;
}

export const runIdOf = (job: string): string => createHash('sha256').update(job).digest('hex').slice(0, 20);
