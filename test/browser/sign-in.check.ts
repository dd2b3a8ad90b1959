import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { finish, onStage, openSignIn, signIn, textOf } from './support/stage.ts';

describe('signing in to the portal', () => {
  const scene = onStage();

  type Sees = { sections: string[]; start: string; may: RegExp[] };
  const people: Record<string, Sees> = {
    'Ada Admin': {
      sections: ['Connection', 'Operations', 'You'],
      start: 'Connection',
      may: [/See how the connection stands/, /Disconnect, and try it out before/],
    },
    'Rita Reader': {
      sections: ['Connection', 'Operations', 'You'],
      start: 'Connection',
      may: [/See how the connection stands/],
    },
    'Олена Аудиторка': { sections: ['Audit trail', 'You'], start: 'Audit trail', may: [/Read and export/] },
    'Sven Second': {
      sections: ['Connection', 'Operations', 'You'],
      start: 'Connection',
      may: [/See how/, /Disconnect/, /Approve or reject/],
    },
    'Nora Noroles': { sections: ['You'], start: 'You', may: [] },
  };

  for (const [person, { sections, start, may }] of Object.entries(people)) {
    scene(`${person} sees what is theirs to see, and no more`, async ({ enter }) => {
      const page = await enter(person);
      await page.getByRole('heading', { level: 1, name: start }).waitFor();
      assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), sections);
      await page.getByRole('link', { name: 'You' }).click();
      await page.getByRole('heading', { level: 1, name: 'You' }).waitFor();
      assert.match(await textOf(page.getByRole('main')), /Signed in as .+@contoso\.example/);
      const allowed = page.getByRole('main').getByRole('listitem');
      assert.equal(await allowed.count(), may.length);
      for (const [index, sentence] of may.entries()) {
        assert.match(await textOf(allowed.nth(index)), sentence);
      }
    });
  }

  scene('a reader sees the connection and no way to end it', async ({ enter }) => {
    const page = await enter('Rita Reader');
    await page.getByText('You may look, but not disconnect.').waitFor();
    assert.match(await textOf(page.getByRole('main')), /Connected[\s\S]*ada\.admin@contoso\.example/);
    assert.equal(await page.getByRole('link', { name: 'Disconnect' }).count(), 0);
  });

  scene('a guest is told why not, and what to do', async ({ arrive }) => {
    const page = await arrive();
    const window = await openSignIn(page, 'Sign in');
    await finish(window, 'Gus Guest');
    await page.getByText('You are a guest in this tenant, and guests may not do this.').waitFor();
    await page.getByText('Sign in with an account of the tenant itself.').waitFor();
    await page.getByText('Request id:').waitFor();
  });

  scene('who cancels can begin again', async ({ arrive }) => {
    const page = await arrive();
    const window = await openSignIn(page, 'Sign in');
    await finish(window, 'Cancel');
    await page.getByText('You cancelled. You can sign in whenever you want to.').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0, 'cancelling is no error');
    await signIn(page, 'Rita Reader');
  });

  scene(
    'who signs out leaves nothing, and is asked who they are the next time',
    async ({ enter, portals }) => {
      const page = await enter('Ada Admin');
      await page.getByRole('link', { name: 'You' }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      assert.equal(new URL(page.url()).origin, portals.lenient);
      const window = await openSignIn(page, 'Sign in');
      await window.getByRole('heading', { name: 'Pick who you are' }).waitFor();
      await finish(window, 'Rita Reader');
      await page.getByText('rita.reader@contoso.example').first().waitFor();
    },
  );
});
