/** Params that a client keeps for itself ("_wandb"): in the log and in SQL like any others, but not among those that people look at. */
export const hiddenParam = (key: string): boolean =>
  key === '_wandb' || key.startsWith('_wandb.') || key.startsWith('_wandb/');
