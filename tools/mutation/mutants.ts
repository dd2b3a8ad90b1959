import { parseSync } from 'oxc-parser';
import { changesOfSql } from './sql-mutants.ts';

/** One change of a source: what stands from `start` to `end` becomes `replacement`. It can only show where
 *  what begins at `at` has run. */
export type Mutant = {
  readonly at: number;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
};

// oxc's nodes, as far as they are looked at here.
type Node = { type: string; start: number; end: number } & Record<string, unknown>;

const operators: Record<string, readonly string[]> = {
  '===': ['!=='],
  '!==': ['==='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
  '+=': ['-='],
  '-=': ['+='],
  '??=': ['&&='],
};

const methods = new Map([
  ['endsWith', 'startsWith'],
  ['every', 'some'],
  ['max', 'min'],
  ['min', 'max'],
  ['some', 'every'],
  ['startsWith', 'endsWith'],
  ['toLowerCase', 'toUpperCase'],
  ['toUpperCase', 'toLowerCase'],
  ['trim', 'toString'],
]);

/** Every change of one place that is tried, in the order of the source. Types are left alone. */
export function mutantsOf(path: string, source: string): Mutant[] {
  const mutants: Mutant[] = [];
  const program = parseSync(path, source).program as unknown as Node;
  visit(program, (node) => {
    for (const [place, replacement] of changesOf(node, source)) {
      const { start, end } = place;
      if (source.slice(start, end) !== replacement) mutants.push({ at: node.start, start, end, replacement });
    }
  });
  return mutants.sort((one, other) => one.start - other.start || one.end - other.end);
}

type Place = { start: number; end: number };

function* changesOf(node: Node, source: string): Generator<[Place, string]> {
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression': {
      const [left, right] = [node.left, node.right] as [Node, Node];
      const operator = String(node.operator);
      const start = source.indexOf(operator, left.end);
      for (const other of operators[operator] ?? []) {
        if (start < right.start) yield [{ start, end: start + operator.length }, other];
      }
      break;
    }
    case 'IfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'ConditionalExpression':
      yield [node.test as Node, 'true'];
      yield [node.test as Node, 'false'];
      break;
    case 'ForStatement':
      if (node.test) yield [node.test as Node, 'false'];
      break;
    case 'UnaryExpression':
      if (node.operator === '!' || node.operator === '-')
        yield [{ start: node.start, end: node.start + 1 }, ''];
      break;
    case 'UpdateExpression':
      yield [
        node,
        source.slice(node.start, node.end).replace(/\+\+|--/, (op) => (op === '++' ? '--' : '++')),
      ];
      break;
    case 'Literal':
      yield* changesOfLiteral(node);
      if (typeof node.value === 'string') yield* changesOfStatement(node, source);
      break;
    case 'TemplateLiteral':
      yield [node, '``'];
      yield* changesOfStatement(node, source);
      break;
    case 'ArrayExpression':
      if ((node.elements as Node[]).length > 0) yield [node, '[]'];
      break;
    case 'ObjectExpression':
      for (const property of node.properties as Node[]) yield [withComma(property, source), ''];
      break;
    case 'BlockStatement':
      if ((node.body as Node[]).length > 0) yield [node, '{}'];
      break;
    case 'ExpressionStatement':
    case 'ThrowStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      yield [node, ';'];
      break;
    case 'ArrowFunctionExpression':
      if ((node.body as Node).type !== 'BlockStatement') yield [node.body as Node, 'undefined'];
      break;
    case 'MemberExpression': {
      const property = node.property as Node;
      if (node.optional)
        yield [{ start: (node.object as Node).end, end: property.start }, node.computed ? '[' : '.'];
      const other = node.computed ? undefined : methods.get(String(property.name));
      if (other !== undefined) yield [property, other];
    }
  }
}

function* changesOfLiteral(node: Node): Generator<[Place, string]> {
  const { value, regex } = node as { value?: unknown; regex?: { pattern: string; flags: string } };
  if (typeof value === 'boolean') yield [node, String(!value)];
  if (typeof value === 'string') yield [node, value === '' ? "'mutant'" : "''"];
  if (regex === undefined) return;
  const { pattern, flags } = regex;
  if (pattern.startsWith('^')) yield [node, `/${pattern.slice(1)}/${flags}`];
  if (/[^\\]\$$/.test(pattern)) yield [node, `/${pattern.slice(0, -1)}/${flags}`];
  if (flags.includes('i')) yield [node, `/${pattern}/${flags.replace('i', '')}`];
}

/** A text that is SQL, or a condition with parameters in it. */
function* changesOfStatement(node: Node, source: string): Generator<[Place, string]> {
  const text = source.slice(node.start + 1, node.end - 1);
  if (!/^\s*(?:select|insert|update|delete|with)\s|\$\d/.test(text)) return;
  for (const { start, end, replacement } of changesOfSql(text)) {
    yield [{ start: node.start + 1 + start, end: node.start + 1 + end }, replacement];
  }
}

/** A property goes together with the comma behind it. */
function withComma({ start, end }: Node, source: string): Place {
  const [comma] = /^\s*,/.exec(source.slice(end)) ?? [''];
  return { start, end: end + comma.length };
}

/** Calls back for every node that runs. */
function visit(node: Node, callback: (node: Node) => void): void {
  callback(node);
  for (const [name, child] of Object.entries(node)) {
    if (isName(node, name)) continue;
    for (const one of Array.isArray(child) ? child : [child])
      if (isNode(one) && runs(one)) visit(one, callback);
  }
}

// Modules' names and unquoted keys can't be other ones.
function isName(node: Node, member: string): boolean {
  if (member === 'source' || member === 'attributes') return true;
  return member === 'key' && node.computed === false;
}

const typedExpressions = ['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'];

function runs({ type }: Node): boolean {
  return !type.startsWith('TS') || typedExpressions.includes(type);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
