import { execFileSync, type ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcess, freePort, spawnOwned, untilListening } from './processes.js';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.js';

const kafkaVersion = '4.4.0';
const cache = fileURLToPath(new URL(`../../node_modules/.cache/engines/kafka-${kafkaVersion}`, import.meta.url));
const clusterId = 'cnVuc3RyZWFtdGVzdHMwMA';
const startTimeoutMs = 180_000;

/** Why no broker can be had here; null when one can. */
export function kafkaMissing(): string | null {
  if (!onPath('java')) return 'there is no java (Debian: apt-get install openjdk-17-jre-headless)';
  if (!existsSync(join(cache, 'ready')) && !onPath('mvn'))
    return 'there is no mvn to fetch Kafka (Debian: apt-get install maven)';
  return null;
}

const onPath = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, name)));

export interface KafkaRig {
  /** host:port */
  readonly address: string;
  readonly pid: number;
  /** The network between the broker and everybody, where the options ask for one. */
  readonly proxy: TcpProxy | null;
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface KafkaRigOptions {
  /** Compile little, to be up a second sooner; a broker that is measured compiles in full. */
  readonly startsSoon?: boolean;
  /** Whether clients reach it, advertised addresses included, through a network that tests can break. */
  readonly behindProxy?: boolean;
}

/** One real broker (KRaft, broker and controller in one process) on loopback, with a data folder of its own. */
export async function openKafkaRig({
  startsSoon = true,
  behindProxy = false,
}: KafkaRigOptions = {}): Promise<KafkaRig> {
  const missing = kafkaMissing();
  if (missing !== null) throw new Error(`Kafka can't be started: ${missing}`);
  provision();
  const dir = mkdtempSync(join(tmpdir(), 'runstream-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const settings = join(dir, 'server.properties');
  cpSync(join(cache, 'blank'), join(dir, 'data'), { recursive: true });
  const proxy = behindProxy ? await openTcpProxy(`127.0.0.1:${port}`) : null;
  const address = proxy?.address ?? `127.0.0.1:${port}`;
  writeFileSync(settings, properties(join(dir, 'data'), port, controllerPort, address));
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const log = openSync(join(dir, 'broker.log'), 'a');
    child = spawnOwned(
      'java',
      [
        ...archive(),
        ...javaOptions,
        ...(startsSoon ? ['-XX:TieredStopAtLevel=1'] : []),
        '-Xmx512m',
        '-cp',
        `${cache}/jars/*`,
        'kafka.Kafka',
        settings,
      ],
      {
        stdio: ['ignore', log, log],
      },
    );
    // the broker opens its port last
    await untilListening(port, child, startTimeoutMs).catch((error: unknown) => {
      throw new Error(
        `Kafka did not start: ${(error as Error).message}\n${readFileSync(join(dir, 'broker.log'), 'utf8').slice(-2_000)}`,
      );
    });
  };
  await start();
  return {
    address,
    proxy,
    get pid() {
      return child!.pid!;
    },
    start,
    kill: () => endProcess(child!, 'SIGKILL'),
    stop: async () => {
      await endProcess(child!, 'SIGTERM');
      keepArchive();
    },
    close: async () => {
      if (existsSync(classes)) await endProcess(child!, 'SIGKILL');
      else await endProcess(child!, 'SIGTERM').then(keepArchive);
      await proxy?.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const javaOptions = ['-XX:+UseSerialGC', '-Xshare:auto', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true']; // prettier-ignore

// a class archive written by the first clean stop saves a second of every later start
const classes = join(cache, 'classes.jsa');
const fresh = `${classes}.${process.pid}`;
const archive = (): string[] =>
  existsSync(classes) ? [`-XX:SharedArchiveFile=${classes}`] : [`-XX:ArchiveClassesAtExit=${fresh}`];
function keepArchive(): void {
  if (existsSync(fresh)) renameSync(fresh, classes);
}

/** Jars and a formatted blank disk, once; made aside and moved into place, so that several processes may do it at once. */
function provision(): void {
  if (existsSync(join(cache, 'ready'))) return;
  mkdirSync(join(cache, '..'), { recursive: true });
  const aside = mkdtempSync(`${cache}-`);
  const dependency = (group: string, artifact: string, version: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  writeFileSync(
    join(aside, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>runstream</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependency('org.apache.kafka', 'kafka_2.13', kafkaVersion)}${dependency('org.slf4j', 'slf4j-simple', '1.7.36')}</dependencies></project>`,
  );
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
  execFileSync('mvn', ['-q', '-B', '-f', join(aside, 'pom.xml'), 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${aside}/jars`], quiet); // prettier-ignore
  const settings = join(aside, 'format.properties');
  writeFileSync(settings, properties(join(aside, 'blank'), 1, 2));
  execFileSync('java', [...javaOptions, '-cp', `${aside}/jars/*`, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', settings], quiet); // prettier-ignore
  writeFileSync(join(aside, 'ready'), '');
  try {
    rmSync(cache, { recursive: true, force: true });
    renameSync(aside, cache);
  } catch (error) {
    if (!existsSync(join(cache, 'ready'))) throw error;
    rmSync(aside, { recursive: true, force: true }); // somebody else was faster
  }
}

const properties = (
  dataDir: string,
  port: number,
  controllerPort: number,
  advertised = `127.0.0.1:${port}`,
): string => `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://${advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${dataDir}
# one broker: internal topics live with one replica, and small
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
log.segment.bytes=67108864
controlled.shutdown.enable=false
# a node that was killed may not come back before its own old session has ended
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=250
`;
