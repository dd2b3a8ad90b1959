import { readFile } from 'node:fs/promises';
import { Router } from 'express';
import { keptFile } from '../answer/kept-file.ts';
import type { Installation } from '../openapi/description.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

const root = new URL('../../../', import.meta.url);
const here = (path: string) => readFile(new URL(path, root));
const viewerScript = () => readFile(new URL(import.meta.resolve('swagger-ui-dist/swagger-ui-bundle.js')));
const viewerStyle = () => readFile(new URL(import.meta.resolve('swagger-ui-dist/swagger-ui.css')));

// A page may load its style and nothing else, and be framed by nobody.
const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
// The viewer is a script that reads the document. It never has a token.
const viewerPolicy = `${pagePolicy}; script-src 'self'; connect-src 'self'`;

const page = (policy: string) => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': policy,
});
const style = { 'content-type': 'text/css; charset=utf-8' };
const script = { 'content-type': 'text/javascript; charset=utf-8' };

/** The API's own documentation, for anyone: its OpenAPI document, what its errors mean, and a viewer of the
 *  document where the installation has one. Each is made when it is first asked for. None of it is an operation of
 *  the document: clients are generated from that, and have no use for pages. */
export function documentationRoutes(
  installation: () => Installation,
  openApiDocument: () => Promise<object>,
): Router {
  const router = Router();
  const serve = (path: string, headers: Record<string, string>, make: () => Promise<string | Buffer>) =>
    router.route(path).get(keptFile(headers, make)).all(methodNotAllowed('GET', 'HEAD'));

  serve('/openapi.json', { 'content-type': 'application/json' }, async () =>
    JSON.stringify(await openApiDocument()),
  );
  serve('/docs/errors', page(pagePolicy), async () => {
    const { errorsPage } = await import('../problems/errors-page.ts');
    return errorsPage(String(await here('docs/errors.md')));
  });
  serve('/docs/page.css', style, () => here('public/docs/page.css'));
  if (installation().viewer) {
    serve('/docs', page(viewerPolicy), () => here('public/docs/viewer.html'));
    serve('/docs/viewer.js', script, () => here('public/docs/viewer.js'));
    serve('/docs/swagger-ui-bundle.js', script, viewerScript);
    serve('/docs/swagger-ui.css', style, viewerStyle);
  }
  return router;
}
