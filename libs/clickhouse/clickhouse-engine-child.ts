/**
 * A ClickHouse server out of libchdb: it carries clickhouse-local, whose SYSTEM START LISTEN (26.7 on) opens the real HTTP handler.
 * The engine runs on the one pool thread and stays up because its last query sleeps for ever; when stdin closes (the parent ended
 * it or died) we go. Being killed is a normal stop: MergeTree survives it, and a clean shutdown waits seconds for keep-alives.
 * ffi-rs calls on the thread's own stack; libraries that switch stacks make ClickHouse say TOO_DEEP_RECURSION.
 */
import { createRequire } from 'node:module';
import { DataType, isNullPointer, load, open } from 'ffi-rs';
import { closeThreadIn } from './landlock.js';

const [root, dataDir, configFile, portFile, landlock, port] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];

process.stdin
  .on('end', () => process.kill(process.pid, 'SIGKILL'))
  .on('error', () => process.kill(process.pid, 'SIGKILL'))
  .resume();

// a Ctrl-C goes to everybody in the terminal, a service manager's signal to all of the service: when we end, our parent says
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

const name = `@chdb/lib-${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}/libchdb.so`;
const library = createRequire(createRequire(import.meta.url).resolve('chdb')).resolve(name);
open({ library: 'chdb', path: library });

const system = [
  '/proc/self/statm',
  '/proc/self/stat',
  '/proc/self/status',
  '/proc/self/task',
  '/proc/meminfo',
  '/proc/cpuinfo',
];
const abi =
  landlock === 'off'
    ? 0
    : await closeThreadIn({
        readWrite: [root, '/dev/null'],
        read: [...system, '/sys/fs/cgroup', '/sys/devices/system', '/etc/localtime', '/usr/share/zoneinfo'],
      });

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const script = [
  'SYSTEM START LISTEN HTTP',
  `SELECT getServerPort('http_port'), ${abi} INTO OUTFILE ${quote(portFile)} FORMAT TSV`,
  'SELECT sleepEachRow(3) FROM system.numbers FORMAT Null SETTINGS max_block_size = 1, max_execution_time = 0',
].join('; ');
const argv = [
  'clickhouse',
  `--path=${dataDir}`,
  '--listen_host=127.0.0.1',
  `--http_port=${port}`,
  `--config-file=${configFile}`,
  '--query',
  script,
];

const result: unknown = await (load as (options: object) => Promise<unknown>)({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
  runInNewThread: true,
} as never);
const errorOf = (retType: DataType): unknown =>
  load({
    library: 'chdb',
    funcName: 'chdb_result_error',
    retType,
    paramsType: [DataType.External],
    paramsValue: [result],
  });
const failed = !isNullPointer(errorOf(DataType.External) as never);
process.stderr.write(`${failed ? String(errorOf(DataType.String)) : 'the engine stopped'}\n`);
// a normal exit would run the engine's destructors, which may hang
(process as unknown as { reallyExit(code: number): never }).reallyExit(1);
