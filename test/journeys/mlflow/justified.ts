/** Where an answer of ours is to differ from MLflow's, and why. `at`: the request; `where`: the place in the answer, and both values. */
export interface Justified {
  readonly at: RegExp;
  readonly where: RegExp;
  readonly why: string;
}

export const justified: readonly Justified[] = [
  {
    at: / experiments\/|mlflow\/experiments/,
    where: /\.workspace: /,
    why: 'there are no workspaces: tenants have paths of their own',
  },
  {
    at: /run_name IN \('two',\)/,
    where: /./,
    why: 'the comma that Python writes behind a single value: MLflow 3.11 took it, programs that write it are many',
  },
  { at: /"status":"NOPE"/, where: /./, why: 'an unknown status is refused; MLflow ignores it and answers 200' },
  {
    at: /log-inputs .*"name":"x"/,
    where: /./,
    why: 'a data set without digest and source is refused; MLflow keeps empty texts',
  },
  {
    at: /logged-models\/search .*nope/,
    where: /MLflow (500|"INTERNAL_ERROR")/,
    why: "an unknown attribute is the caller's mistake; MLflow answers 500",
  },
  {
    at: /./,
    where: /\.aliases(\[\d+\])?: MLflow nothing/,
    why: 'lists of versions tell their aliases; MLflow leaves them out',
  },
  {
    at: /./,
    where: /\.mlflow\.traceName: MLflow nothing/,
    why: 'a trace of another exporter has the name of its root span',
  },
  { at: /./, where: /\.next_page_token: MLflow "[^"]+", Runstream "/, why: 'page tokens are no business of clients' },
  { at: /traces\/get/, where: /\.kind: MLflow nothing/, why: 'the kind of a span is kept' },
  { at: /\/v1\/traces/, where: /\.body: MLflow "", Runstream \{\}/, why: 'OTLP over HTTP answers JSON with JSON' },
  {
    at: /\/v1\/traces .*"5555/,
    where: /./,
    why: 'spans for an experiment that is not there are refused; MLflow takes them where it knows their trace',
  },
  { at: /\/v1\/traces/, where: /\.code: MLflow null/, why: 'every refusal has a code, those of FastAPI have none' },
  { at: /nope\/nope/, where: /\.code: MLflow null/, why: 'clients tell a missing endpoint by its code' },
];
