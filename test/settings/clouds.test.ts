import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadSettings } from '../../src/settings/settings.ts';
import { SettingsError } from '../../src/settings/settings-error.ts';

const environment = (extra: Record<string, string>) => ({
  NODE_ENV: 'test',
  AZURE_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  AZURE_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  AZURE_CLIENT_SECRET: 'secret',
  ALLOWED_CLIENT_IDS: '33333333-3333-4333-8333-333333333333',
  DATABASE_URL: 'postgres://localhost/x',
  ...extra,
});
const load = (extra: Record<string, string>) => loadSettings(environment(extra));
const scopeOf = (graph: string) => `${graph}/DeviceManagementConfiguration.ReadWrite.All`;

function problems(extra: Record<string, string>): readonly string[] {
  try {
    load(extra);
    return [];
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    return error.problems;
  }
}

const named = [
  ['global', 'https://login.microsoftonline.com', 'https://graph.microsoft.com', 'microsoftonline.com'],
  ['usgov', 'https://login.microsoftonline.us', 'https://graph.microsoft.us', 'microsoftonline.us'],
  ['usgovdod', 'https://login.microsoftonline.us', 'https://dod-graph.microsoft.us', 'microsoftonline.us'],
  [
    'china',
    'https://login.chinacloudapi.cn',
    'https://microsoftgraph.chinacloudapi.cn',
    'partner.microsoftonline.cn',
  ],
] as const;

describe('CLOUD sets authority, Graph and scope', () => {
  for (const [cloud, authority, graph, instanceName] of named) {
    test(cloud, () => {
      const settings = load({ CLOUD: cloud });
      assert.equal(settings.entra.authorityHost, authority);
      assert.equal(settings.entra.cloudName, instanceName);
      assert.equal(settings.graph.baseUrl, `${graph}/beta`);
      assert.equal(settings.graph.scope, scopeOf(graph));
    });

    for (const slash of ['', '/', '//']) {
      test(`${cloud}, with its own authority from a webhook, and ${slash.length} slashes at its end`, () => {
        const settings = load({ CLOUD: cloud, AZURE_AUTHORITY_HOST: `${authority}${slash}` });
        assert.equal(settings.entra.authorityHost, authority);
        assert.equal(settings.graph.baseUrl, `${graph}/beta`);
      });
    }

    test(`${cloud}, with all its own addresses`, () => {
      const settings = load({
        CLOUD: cloud,
        AZURE_AUTHORITY_HOST: authority,
        GRAPH_BASE_URL: `${graph}/beta/`,
        GRAPH_SCOPE: scopeOf(graph),
      });
      assert.equal(settings.graph.baseUrl, `${graph}/beta`);
    });
  }

  test('global, where nothing is said', () => {
    const { entra, graph } = load({});
    assert.equal(entra.authorityHost, 'https://login.microsoftonline.com');
    assert.equal(graph.scope, scopeOf('https://graph.microsoft.com'));
  });

  test('global, where only the webhook says something, and with another of its hosts', () => {
    for (const host of ['https://login.microsoftonline.com/', 'https://login.windows.net']) {
      const { entra, graph } = load({ AZURE_AUTHORITY_HOST: host });
      assert.equal(entra.authorityHost, host.replace(/\/$/, ''));
      assert.equal(graph.baseUrl, 'https://graph.microsoft.com/beta');
    }
  });

  test('another one is not known', () => {
    assert.match(problems({ CLOUD: 'mars' }).join(), /CLOUD must be one of/);
  });
});

const france = {
  AZURE_AUTHORITY_HOST: 'https://login.sovcloud-identity.fr/',
  GRAPH_BASE_URL: 'https://graph.svc.sovcloud.fr/beta/',
  GRAPH_SCOPE: 'https://graph.svc.sovcloud.fr/DeviceManagementConfiguration.ReadWrite.All',
};

describe('another cloud', () => {
  test('is given by authority, Graph and scope together', () => {
    const { entra, graph } = load(france);
    assert.equal(entra.authorityHost, 'https://login.sovcloud-identity.fr');
    assert.deepEqual([entra.signInHosts, entra.cloudName], [[], null]);
    assert.equal(graph.baseUrl, 'https://graph.svc.sovcloud.fr/beta');
    assert.equal(graph.scope, france.GRAPH_SCOPE);
  });

  test('may be a stand-in for Graph alone: people sign in at their cloud, and its hosts are known', () => {
    const { entra } = load({ ...france, AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com' });
    assert.equal(entra.cloudName, 'microsoftonline.com');
    assert.ok(entra.signInHosts.includes('sts.windows.net'));
  });

  const names = Object.keys(france) as (keyof typeof france)[];
  for (const left of names) {
    test(`is not half given: without ${left}`, () => {
      const { [left]: _left, ...rest } = france;
      const [problem, ...more] = problems(rest);
      assert.match(
        problem ?? '',
        new RegExp(`^${left} is required: .*AZURE_AUTHORITY_HOST, GRAPH_BASE_URL and GRAPH_SCOPE`),
      );
      assert.deepEqual(more, []);
    });

    test(`is not given by ${left} alone`, () => {
      assert.equal(problems({ [left]: france[left] }).length, 2);
    });

    test(`is not half of a named one: ${left}`, () => {
      for (const cloud of ['global', 'usgov']) {
        const [problem] = problems({ CLOUD: cloud, [left]: france[left] });
        assert.match(problem ?? '', new RegExp(`^${left}: not of the cloud ${cloud}\\. .*unset CLOUD`));
      }
    });
  }

  test('is not given beside the name of one', () => {
    assert.match(problems({ CLOUD: 'global', ...france }).join(), /not of the cloud global/);
  });

  test('is not meant by the authority of one named cloud under the name of another', () => {
    const webhook = { CLOUD: 'usgov', AZURE_AUTHORITY_HOST: 'https://login.microsoftonline.com/' };
    assert.match(problems(webhook).join(), /^AZURE_AUTHORITY_HOST: not of the cloud usgov/);
    assert.match(
      problems({ CLOUD: 'usgov', GRAPH_BASE_URL: 'https://dod-graph.microsoft.us/beta' }).join(),
      /GRAPH_BASE_URL/,
    );
    assert.match(
      problems({ GRAPH_BASE_URL: 'https://graph.microsoft.com.example/beta' }).join(),
      /GRAPH_SCOPE/,
    );
  });

  test('is reported together with what else is wrong', () => {
    const found = problems({ PORT: 'x', GRAPH_SCOPE: france.GRAPH_SCOPE });
    assert.equal(found.length, 3);
  });

  test('only over https, and with a scope that is one', () => {
    for (const name of ['AZURE_AUTHORITY_HOST', 'GRAPH_BASE_URL', 'GRAPH_SCOPE']) {
      assert.match(problems({ ...france, [name]: 'http://login.example/x' }).join(), new RegExp(name));
    }
    for (const scope of ['.default', 'https://graph.example', 'https://graph.example/a b', 'https://x@y/z']) {
      assert.match(
        problems({ ...france, GRAPH_SCOPE: scope }).join(),
        /GRAPH_SCOPE must be a scope of Graph/,
      );
    }
  });
});
