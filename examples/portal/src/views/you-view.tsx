import { Facts } from '../parts/facts.tsx';
import { ToneIcon } from '../parts/icons.tsx';
import { ViewTitle } from '../parts/view-title.tsx';
import { usePortal } from '../portal-context.ts';
import { say } from '../sentences/sentences.ts';

/** Who one is, and what one may do, in words. */
export function YouView({ onSignOut }: { onSignOut: () => void }) {
  const { me } = usePortal();
  const { you } = say;
  return (
    <>
      <ViewTitle title={you.title} />
      <section class="card">
        <p class="card-lead">
          {you.signedInAs} <strong>{me.name ?? you.unnamed}</strong>
        </p>
        <Facts
          facts={[
            [you.roles, me.roles.length === 0 ? you.noRoles : me.roles.join(', ')],
            [you.tenant, <code key="tenant">{me.tenantId}</code>],
            [you.objectId, <code key="oid">{me.oid}</code>],
          ]}
        />
        <p class="actions">
          <button type="button" class="button" onClick={onSignOut}>
            {you.signOut}
          </button>
        </p>
      </section>
      <section class="card">
        <h2>{you.mayTitle}</h2>
        {me.permissions.length === 0 ? (
          <p>{you.mayNothing}</p>
        ) : (
          <ul class="marked">
            {me.permissions.map((permission) => (
              <li key={permission} class="tone-good">
                <ToneIcon tone="good" />
                {you.permissions[permission]}
              </li>
            ))}
          </ul>
        )}
        <p class="hint">{you.recorded}</p>
      </section>
    </>
  );
}
