// Generated code, from the two schemas that are its only source: Protobuf wire types, types of GraphQL's resolvers and of the page's questions.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as resolvers from '@graphql-codegen/typescript-resolvers';
import { parse } from 'graphql';
import { pageQuestions, pageQuestionsPath } from './page-questions.mjs';
import { sdkSchemas } from './sdk-schema.mjs';

const require = createRequire(import.meta.url);
const pbjs = promisify(require('protobufjs-cli/pbjs').main);
const pbts = promisify(require('protobufjs-cli/pbts').main);

const wire = 'libs/domain/wire/generated';
mkdirSync(wire, { recursive: true });
const lean = ['create', 'convert', 'verify', 'service', 'delimited', 'typeurl'].map((part) => `--no-${part}`);
for (const name of ['runstream', 'otlp']) {
  const to = `${wire}/${name}`;
  const from = `libs/domain/wire/${name}.proto`;
  // a root of its own, for both are loaded into one process
  const root = ['--root', name];
  await pbjs(['-t', 'static-module', '-w', 'es6', ...lean, '--force-number', ...root, '-o', `${to}.js`, from]);
  await pbts(['-o', `${to}.d.ts`, `${to}.js`]);
}

const schema = parse(readFileSync('services/gateway/schema.graphql', 'utf8'));
const out = 'services/gateway/generated';
mkdirSync(out, { recursive: true });
const scalar = (type) => ({ input: type, output: type });
const json = "number | 'NaN' | 'Infinity' | '-Infinity'";
writeFileSync(
  `${out}/resolver-types.ts`,
  await codegen({
    filename: `${out}/resolver-types.ts`,
    schema,
    documents: [],
    config: {
      useTypeImports: true,
      enumsAsTypes: true,
      contextType: '../gateway-context.js#GatewayContext',
      mappers: {
        Run: '../gateway-context.js#RunParent',
        Project: '../gateway-context.js#ProjectParent',
        Artifact: '../gateway-context.js#ArtifactParent',
        RegisteredModel: '../gateway-context.js#RegisteredModelParent',
        ModelVersion: '../gateway-context.js#ModelVersionParent',
        LoggedModel: '../gateway-context.js#LoggedModelParent',
        ModelOutput: '../gateway-context.js#ModelOutputParent',
        DatasetFacts: '../gateway-context.js#DatasetFactsParent',
        Dataset: '../gateway-context.js#DatasetParent',
        Trace: '../gateway-context.js#TraceParent',
        TraceConnection: '../gateway-context.js#TraceConnectionParent',
        Server: '../gateway-context.js#ServerParent',
        Series: '../gateway-context.js#SeriesParent',
      },
      scalars: {
        Time: scalar('number'),
        Float64: scalar(json),
        Column: scalar('ArrayLike<number>'),
        JSON: scalar('unknown'),
        Long: scalar('number'),
        ID: scalar('string'),
      },
    },
    plugins: [{ typescript: {} }, { resolvers: {} }],
    pluginMap: { typescript, resolvers },
  }),
);

writeFileSync(pageQuestionsPath, await pageQuestions(schema));

for (const [path, text] of Object.entries(sdkSchemas()))
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
