import { ViewTitle } from '../parts/view-title.tsx';
import { addressOf } from '../route.ts';
import { say } from '../sentences/sentences.ts';

export function NowhereView() {
  return (
    <>
      <ViewTitle title={say.portal.notFoundTitle} />
      <p>{say.portal.notFound}</p>
      <p>
        <a href={addressOf({ view: 'connection' })}>{say.portal.toStart}</a>
      </p>
    </>
  );
}
