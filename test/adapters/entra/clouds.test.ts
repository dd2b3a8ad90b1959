import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadSettings } from '../../../src/settings/settings.ts';

const environment = (extra: Record<string, string>) => ({
  NODE_ENV: 'test',
  AZURE_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  AZURE_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  AZURE_CLIENT_SECRET: 'secret',
  DATABASE_URL: 'postgres://localhost/x',
  ...extra,
});

describe('CLOUD sets authority, Graph and scope', () => {
  const rows = [
    ['global', 'https://login.microsoftonline.com', 'https://graph.microsoft.com'],
    ['usgov', 'https://login.microsoftonline.us', 'https://graph.microsoft.us'],
    ['usgovdod', 'https://login.microsoftonline.us', 'https://dod-graph.microsoft.us'],
    ['china', 'https://login.chinacloudapi.cn', 'https://microsoftgraph.chinacloudapi.cn'],
  ] as const;
  for (const [cloud, authority, graph] of rows) {
    test(cloud, () => {
      const settings = loadSettings(environment({ CLOUD: cloud }));
      assert.equal(settings.entra.authorityHost, authority);
      assert.equal(settings.graph.baseUrl, `${graph}/beta`);
      assert.equal(settings.graph.scope, `${graph}/DeviceManagementConfiguration.ReadWrite.All`);
    });
  }

  test('global, where nothing is said', () => {
    assert.equal(loadSettings(environment({})).entra.authorityHost, 'https://login.microsoftonline.com');
  });

  test('another one is not known', () => {
    assert.throws(() => loadSettings(environment({ CLOUD: 'mars' })), /CLOUD must be one of/);
  });
});

describe('AZURE_AUTHORITY_HOST and GRAPH_BASE_URL override them', () => {
  for (const slash of ['', '/', '//']) {
    test(`with ${slash.length} slashes at the end, and the scope still follows the cloud`, () => {
      const { entra, graph } = loadSettings(
        environment({
          CLOUD: 'usgov',
          AZURE_AUTHORITY_HOST: `https://login.example${slash}`,
          GRAPH_BASE_URL: `https://graph.example/beta${slash}`,
        }),
      );
      assert.equal(entra.authorityHost, 'https://login.example');
      assert.equal(graph.baseUrl, 'https://graph.example/beta');
      assert.equal(graph.scope, 'https://graph.microsoft.us/DeviceManagementConfiguration.ReadWrite.All');
    });
  }

  test('only over https', () => {
    for (const name of ['AZURE_AUTHORITY_HOST', 'GRAPH_BASE_URL']) {
      assert.throws(() => loadSettings(environment({ [name]: 'http://login.example' })), new RegExp(name));
    }
  });
});
