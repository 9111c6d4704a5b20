// The samples of the page run when they are pasted: NUDGE_URL says where the page is, PYTHON which Python, JARS where the Java SDK is.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

// runJava runs a program of one file.
function runJava(sample) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nudge-'));
  try {
    fs.writeFileSync(path.join(folder, 'Main.java'), sample);
    return spawnSync('java', ['-cp', `${process.env.JARS}/*`, path.join(folder, 'Main.java')], { encoding: 'utf8' });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
const interpreted = (program, flag) => (sample) => spawnSync(program, [flag, sample], { cwd: __dirname, encoding: 'utf8' });
const languages = { bash: interpreted('bash', '-c'), javascript: interpreted('node', '-e'), python: interpreted(process.env.PYTHON, '-c'), java: runJava };

for (const [language, run] of Object.entries(languages)) {
  test(`the sample in ${language}`, async () => {
    const page = await (await fetch(`${process.env.NUDGE_URL}/doc/verify_v2.md`)).text();
    const sample = page.match(new RegExp('```' + language + '\n([^]*?)\n```'))[1];
    const ran = run(sample);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stdout, /NT[0-9a-f]{32}/);
    assert.match(ran.stdout, /150/);
  });
}
