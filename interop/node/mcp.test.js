// MCP clients of other people against nudge's MCP server: over HTTP at NUDGE_URL, and on stdio as NUDGE mcp.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const url = `${process.env.NUDGE_URL}/doc/verify_v2/mcp`;
const authorization = `Basic ${btoa(process.env.NUDGE_ACCOUNT)}`;
const nudge = process.env.NUDGE;
const stdio = ['mcp', '--url', process.env.NUDGE_URL, '--mcp-execute', '--account', process.env.NUDGE_ACCOUNT];
const create = {
  ServiceSid: 'VAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', Identity: 'ff483d1ff591898a9942916050d2ca3f', ChallengeSid: 'YC03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', Ttl: 0,
};

const libraries = {
  '@modelcontextprotocol/sdk': async () => ({
    ...(await import('@modelcontextprotocol/sdk/client/index.js')),
    ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
    ...(await import('@modelcontextprotocol/sdk/client/stdio.js')),
  }),
  '@modelcontextprotocol/client': async () => ({
    ...(await import('@modelcontextprotocol/client')),
    ...(await import('@modelcontextprotocol/client/stdio')),
  }),
};

for (const [name, load] of Object.entries(libraries)) {
  for (const way of ['HTTP', 'stdio']) {
    test(`${name} over ${way}`, async () => {
      const { Client, StreamableHTTPClientTransport, StdioClientTransport } = await load();
      const client = new Client({ name: 'interop', version: '1.0.0' });
      await client.connect(way === 'HTTP'
        ? new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: authorization } } })
        : new StdioClientTransport({ command: nudge, args: stdio }));
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((tool) => tool.name).sort(), ['create_notification', 'get_change', 'get_operation', 'get_pages', 'get_schema', 'list_changes', 'list_pages', 'search']);
      const { pages } = (await client.callTool({ name: 'list_pages', arguments: {} })).structuredContent;
      assert.ok(pages.length >= 3);
      const { results } = (await client.callTool({ name: 'search', arguments: { query: 'ttl' } })).structuredContent;
      assert.equal(results[0].title, 'Ttl');
      const read = await client.callTool({ name: 'get_pages', arguments: { urls: [pages[0].url] } });
      assert.match(read.content[0].text, /0 to 300, default 300/);
      assert.equal(read.structuredContent, undefined);
      assert.ok((await client.callTool({ name: 'list_changes', arguments: {} })).structuredContent.versions.length > 0);
      const { resources } = await client.listResources();
      assert.match((await client.readResource({ uri: resources[0].uri })).contents[0].text, /openapi|#/);
      const created = await client.callTool({ name: 'create_notification', arguments: create });
      assert.match(created.structuredContent.sid, /^NT/);
      const refused = await client.callTool({ name: 'create_notification', arguments: { ...create, Ttl: 301 } });
      assert.ok(refused.isError);
      assert.match(refused.content[0].text, /Ttl must be an integer from 0 to 300/);
      await client.close();
    });
  }
}

for (const version of ['inspector-0', 'inspector-2']) {
  const folder = path.join(__dirname, 'node_modules', version);
  const { bin } = require(path.join(folder, 'package.json'));
  const program = path.join(folder, Object.values(bin)[0]);
  for (const [way, target] of Object.entries({ HTTP: [url, '--transport', 'http'], stdio: [nudge, 'mcp'] })) {
    test(`the Inspector's command line (${version}) over ${way}`, () => {
      const run = (...args) => {
        const ran = spawnSync(process.execPath, [program, '--cli', ...target, ...args], { encoding: 'utf8', timeout: 60_000 });
        assert.equal(ran.status, 0, ran.stderr + ran.stdout);
        return JSON.parse(ran.stdout);
      };
      assert.ok(run('--method', 'tools/list').tools.some((tool) => tool.name === 'search'));
      assert.equal(run('--method', 'tools/call', '--tool-name', 'search', '--tool-arg', 'query=ttl').structuredContent.results[0].title, 'Ttl');
    });
  }
}
