/** The part of `barmancloud.cnpg.io/v1` ObjectStore that our manifests use, by the CRD of the Barman Cloud plugin (0.11):
 *  no package has its types. A name can come from a secret for each of these, or the pods' own identity serves. */
export type IObjectStore = {
  readonly apiVersion: 'barmancloud.cnpg.io/v1';
  readonly kind: 'ObjectStore';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly retentionPolicy?: `${number}${'d' | 'w' | 'm'}`;
    readonly configuration: {
      readonly destinationPath: string;
      readonly azureCredentials?: { readonly inheritFromAzureAD: boolean };
      readonly wal?: { readonly compression?: 'gzip' | 'bzip2' | 'snappy'; readonly maxParallel?: number };
      readonly data?: { readonly compression?: 'gzip' | 'bzip2' | 'snappy' };
    };
  };
};
