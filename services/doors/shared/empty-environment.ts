import type { Environment } from '#libs/domain/event.js';

/** What is known of an environment before a client has said anything of it. */
export const emptyEnvironment: Environment = {
  git: null,
  command: '',
  host: '',
  user: '',
  os: '',
  runtime: '',
  packages: {},
  hardware: null,
  seeds: {},
  launcher: '',
  cwd: '',
};
