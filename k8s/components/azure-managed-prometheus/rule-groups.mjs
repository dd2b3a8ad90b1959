#!/usr/bin/env node
// Prints the rules of ../prometheus-operator/prometheusrule.yaml as a template for Azure Resource Manager:
//   ./rule-groups.mjs >rules.json
//   az deployment group create --resource-group … --template-file rules.json --parameters workspaceId=… actionGroupId=…
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const severities = { critical: 1, warning: 3 };
const source = new URL('../prometheus-operator/prometheusrule.yaml', import.meta.url);
const { groups } = parse(readFileSync(source, 'utf8')).spec;

const template = {
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  parameters: {
    workspaceId: { type: 'string', metadata: { description: 'Resource id of the Azure Monitor workspace' } },
    actionGroupId: { type: 'string', metadata: { description: 'Resource id of the action group to notify' } },
    location: { type: 'string', defaultValue: '[resourceGroup().location]' },
  },
  resources: groups.map(({ name, rules }) => ({
    type: 'Microsoft.AlertsManagement/prometheusRuleGroups',
    apiVersion: '2023-03-01',
    name,
    location: "[parameters('location')]",
    properties: {
      enabled: true,
      interval: 'PT1M',
      scopes: ["[parameters('workspaceId')]"],
      rules: rules.map((rule) =>
        rule.record === undefined ? alert(rule) : { record: rule.record, expression: rule.expr },
      ),
    },
  })),
};
process.stdout.write(`${JSON.stringify(template, null, 2)}\n`);

function alert({ alert, expr, for: pending = '0m', labels, annotations }) {
  return {
    alert,
    enabled: true,
    expression: expr,
    for: `PT${pending.toUpperCase()}`,
    severity: severities[labels.severity],
    labels,
    annotations,
    resolveConfiguration: { autoResolved: true, timeToResolve: 'PT10M' },
    actions: [{ actionGroupId: "[parameters('actionGroupId')]" }],
  };
}
