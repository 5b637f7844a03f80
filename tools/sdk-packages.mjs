// The SDKs as packages that a server hands out itself (services/http/sdk-packages.ts): a Python wheel, the same as a source archive whose build is
// to take the wheel out, and an npm archive. Nothing is downloaded, neither here nor where they are installed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { parse } from 'smol-toml';

const out = 'dist/sdk';
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const from = 'libs/sdk-python';
const { project } = parse(readFileSync(`${from}/pyproject.toml`, 'utf8'));
const release = `${project.name}-${project.version}`;
const metadata = [
  'Metadata-Version: 2.1',
  `Name: ${project.name}`,
  `Version: ${project.version}`,
  `Summary: ${project.description}`,
  `License: ${project.license.text}`,
  `Requires-Python: ${project['requires-python']}`,
  ...project.dependencies.map((each) => `Requires-Dist: ${each}`),
  ...Object.entries(project['optional-dependencies']).flatMap(([extra, needs]) => [
    `Provides-Extra: ${extra}`,
    ...needs.map((each) => `Requires-Dist: ${each}; extra == "${extra}"`),
  ]),
  'Description-Content-Type: text/markdown',
  '',
  readFileSync(`${from}/README.md`, 'utf8'),
].join('\n');

/** The same bytes from the same sources: hashes of a release do not depend on when it was built. */
const packed = (files) => zipSync(files, { level: 9, mtime: new Date(1980, 0, 1) });

function wheel() {
  const info = `${release}.dist-info`;
  const scripts = Object.entries(project.scripts).map(([name, call]) => `${name} = ${call}\n`);
  const files = {
    ...Object.fromEntries(
      readdirSync(`${from}/runstream`, { recursive: true })
        .map((name) => name.replaceAll('\\', '/'))
        .filter((name) => name.endsWith('.py') || name === 'py.typed')
        .sort()
        .map((name) => [`runstream/${name}`, readFileSync(`${from}/runstream/${name}`)]),
    ),
    [`${info}/METADATA`]: strToU8(metadata),
    [`${info}/WHEEL`]: strToU8('Wheel-Version: 1.0\nGenerator: runstream\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    [`${info}/entry_points.txt`]: strToU8(`[console_scripts]\n${scripts.join('')}`),
    [`${info}/LICENSE`]: readFileSync('LICENSE'),
  };
  const digest = (bytes) => createHash('sha256').update(bytes).digest('base64url');
  const record = Object.entries(files).map(([path, bytes]) => `${path},sha256=${digest(bytes)},${bytes.length}\n`);
  return packed({ ...files, [`${info}/RECORD`]: strToU8(`${record.join('')}${info}/RECORD,,\n`) });
}

const wheelName = `${release}-py3-none-any.whl`;
const wheelBytes = wheel();
writeFileSync(`${out}/${wheelName}`, wheelBytes);

// pip asks of an address that names no file for an archive that it can build
const backend = `"""The build of this archive: the wheel that lies in it."""
import os
import shutil

_here = os.path.dirname(os.path.abspath(__file__))
_wheel = ${JSON.stringify(wheelName)}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    shutil.copy(os.path.join(_here, _wheel), os.path.join(wheel_directory, _wheel))
    return _wheel


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("this archive holds a wheel; the sources are in the wheel")
`;
const pyproject = `[build-system]\nrequires = []\nbuild-backend = "runstream_wheel"\nbackend-path = ["."]\n`;
writeFileSync(
  `${out}/${release}.zip`,
  packed({
    [`${release}/PKG-INFO`]: strToU8(metadata),
    [`${release}/pyproject.toml`]: strToU8(pyproject),
    [`${release}/runstream_wheel.py`]: strToU8(backend),
    [`${release}/${wheelName}`]: wheelBytes,
  }),
);

const typescript = 'libs/sdk-typescript';
execFileSync(process.execPath, [`${typescript}/build.mjs`], { stdio: 'inherit' });
const staged = mkdtempSync(join(tmpdir(), 'runstream-sdk-'));
for (const name of ['dist', 'README.md']) cpSync(`${typescript}/${name}`, join(staged, name), { recursive: true });
cpSync('LICENSE', join(staged, 'LICENSE'));
// npm asks the registry for a peer that is optional too, for minutes where it reaches none; built as it is, nothing has to be prepared
const {
  peerDependencies: _,
  peerDependenciesMeta: __,
  scripts: ___,
  ...manifest
} = JSON.parse(readFileSync(`${typescript}/package.json`, 'utf8'));
writeFileSync(join(staged, 'package.json'), JSON.stringify({ ...manifest, files: ['dist'] }, null, 2));
const pack = ['pack', staged, '--ignore-scripts', '--silent', '--pack-destination', out];
execFileSync('npm', pack, { stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' });
rmSync(staged, { recursive: true });
