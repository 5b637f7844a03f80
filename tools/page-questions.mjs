// Types of what the page asks: each of its questions is checked against the schema here, and a wrong one ends `npm run generate` with its place.
import { readdirSync, readFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as documents from '@graphql-codegen/typed-document-node';
import * as operations from '@graphql-codegen/typescript-operations';
import { buildASTSchema, concatAST, parse, Source, validate } from 'graphql';

const from = 'services/dashboard/src/data/questions';
export const pageQuestionsPath = 'services/dashboard/src/generated/questions.ts';

export function pageQuestions(schema) {
  const asked = readdirSync(from).map((name) => {
    const location = `${from}/${name}`;
    return { location, document: parse(new Source(readFileSync(location, 'utf8'), location)) };
  });
  // codegen looks too, but does not say where
  const errors = validate(buildASTSchema(schema), concatAST(asked.map(({ document }) => document)));
  if (errors.length > 0) throw new Error(errors.map(String).join('\n\n'));
  return codegen({
    filename: pageQuestionsPath,
    schema,
    documents: asked,
    config: {
      useTypeImports: true,
      arrayInputCoercion: false,
      scalars: {
        Time: 'number',
        Long: 'number',
        ID: 'string',
        Float64: '../data/scalars.js#Float64',
        Column: '../data/scalars.js#Column',
        JSON: '../data/scalars.js#Json',
      },
      // texts, which are smaller than their syntax trees; urql parses them
      documentMode: 'graphQLTag',
      gqlImport: 'urql#gql',
      documentNodeImport: 'urql#TypedDocumentNode',
    },
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations, documents },
  });
}
