/** What OCSF 1.3 demands of *API Activity* (class 6003) and of the objects in it that we write, out of the
 *  published schema: which attributes are required, which there are, of what type. */
export type ObjectSchema = {
  readonly required: readonly string[];
  readonly atLeastOne?: readonly string[];
  readonly attributes: Readonly<Record<string, Type>>;
};
type Type =
  | 'string'
  | 'integer'
  | 'object'
  | { readonly oneOf: readonly (string | number)[] }
  | { readonly is: ObjectSchema }
  | { readonly listOf: ObjectSchema };

const product: ObjectSchema = {
  required: ['name', 'vendor_name'],
  attributes: { name: 'string', vendor_name: 'string', version: 'string', uid: 'string' },
};

const metadata: ObjectSchema = {
  required: ['product', 'version'],
  attributes: {
    product: { is: product },
    version: { oneOf: ['1.3.0'] },
    uid: 'string',
    sequence: 'integer',
    log_name: 'string',
    event_code: 'string',
    original_time: 'string',
    tenant_uid: 'string',
    correlation_uid: 'string',
  },
};

const organization: ObjectSchema = {
  required: [],
  atLeastOne: ['name', 'uid'],
  attributes: { name: 'string', uid: 'string' },
};

const user: ObjectSchema = {
  required: [],
  atLeastOne: ['account', 'name', 'uid'],
  attributes: {
    uid: 'string',
    name: 'string',
    org: { is: organization },
    type_id: { oneOf: [0, 1, 2, 3, 99] },
    type: 'string',
  },
};

const actor: ObjectSchema = {
  required: [],
  atLeastOne: ['process', 'user', 'invoked_by', 'session', 'app_name', 'app_uid'],
  attributes: { user: { is: user }, app_uid: 'string', app_name: 'string' },
};

const api: ObjectSchema = {
  required: ['operation'],
  attributes: {
    operation: 'string',
    request: { is: { required: ['uid'], attributes: { uid: 'string' } } },
    service: {
      is: { required: [], atLeastOne: ['name', 'uid'], attributes: { name: 'string', uid: 'string' } },
    },
  },
};

const endpoint: ObjectSchema = {
  required: [],
  atLeastOne: [
    'ip',
    'uid',
    'name',
    'hostname',
    'svc_name',
    'instance_uid',
    'interface_uid',
    'interface_name',
  ],
  attributes: { ip: 'string', name: 'string' },
};

const resource: ObjectSchema = {
  required: [],
  atLeastOne: ['name', 'uid'],
  attributes: { uid: 'string', name: 'string', type: 'string' },
};

export const apiActivity: ObjectSchema = {
  required: [
    'activity_id',
    'actor',
    'api',
    'category_uid',
    'class_uid',
    'metadata',
    'severity_id',
    'src_endpoint',
    'time',
    'type_uid',
  ],
  attributes: {
    activity_id: { oneOf: [0, 1, 2, 3, 4, 99] },
    activity_name: { oneOf: ['Unknown', 'Create', 'Read', 'Update', 'Delete', 'Other'] },
    actor: { is: actor },
    api: { is: api },
    category_uid: { oneOf: [6] },
    category_name: { oneOf: ['Application Activity'] },
    class_uid: { oneOf: [6003] },
    class_name: { oneOf: ['API Activity'] },
    duration: 'integer',
    message: 'string',
    metadata: { is: metadata },
    resources: { listOf: resource },
    severity_id: { oneOf: [0, 1, 2, 3, 4, 5, 6, 99] },
    severity: 'string',
    src_endpoint: { is: endpoint },
    status_id: { oneOf: [0, 1, 2, 99] },
    status: { oneOf: ['Unknown', 'Success', 'Failure', 'Other'] },
    status_detail: 'string',
    time: 'integer',
    type_uid: { oneOf: [600300, 600301, 600302, 600303, 600304, 600399] },
    type_name: 'string',
    unmapped: 'object',
  },
};

/** What is wrong with a value, as `path: why`. */
export function complaintsAbout(value: unknown, schema: ObjectSchema, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: no object`];
  const object = value as Record<string, unknown>;
  const missing = schema.required
    .filter((name) => object[name] === undefined)
    .map((name) => `${path}.${name}: missing`);
  const one = schema.atLeastOne;
  if (one?.every((name) => object[name] === undefined))
    missing.push(`${path}: needs one of ${one.join(', ')}`);
  return [
    ...missing,
    ...Object.entries(object).flatMap(([name, inner]) =>
      typeComplaints(inner, schema.attributes[name], `${path}.${name}`),
    ),
  ];
}

function typeComplaints(value: unknown, type: Type | undefined, path: string): string[] {
  if (type === undefined) return [`${path}: no such attribute`];
  if (type === 'integer') return Number.isSafeInteger(value) ? [] : [`${path}: no integer`];
  if (type === 'string') return typeof value === 'string' && value !== '' ? [] : [`${path}: no string`];
  if (type === 'object') return typeof value === 'object' && value !== null ? [] : [`${path}: no object`];
  if ('oneOf' in type)
    return type.oneOf.includes(value as string) ? [] : [`${path}: ${String(value)} is not allowed`];
  if ('is' in type) return complaintsAbout(value, type.is, path);
  if (!Array.isArray(value)) return [`${path}: no list`];
  return value.flatMap((item, index) => complaintsAbout(item, type.listOf, `${path}[${index}]`));
}
