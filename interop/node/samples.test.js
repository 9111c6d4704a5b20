// The samples of the page run when they are pasted: NUDGE_URL says where the page is, PYTHON which Python.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { test } = require('node:test');

const interpreters = { bash: ['bash', '-c'], javascript: ['node', '-e'], python: [process.env.PYTHON, '-c'] };

for (const [language, [program, flag]] of Object.entries(interpreters)) {
  test(`the sample in ${language}`, async () => {
    const page = await (await fetch(`${process.env.NUDGE_URL}/doc/verify_v2.md`)).text();
    const sample = page.match(new RegExp('```' + language + '\n([^]*?)\n```'))[1];
    const ran = spawnSync(program, [flag, sample], { cwd: __dirname, encoding: 'utf8' });
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stdout, /NT[0-9a-f]{32}/);
    assert.match(ran.stdout, /150/);
  });
}
